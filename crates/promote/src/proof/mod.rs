//! Whether an image is what the rules of its project ask for, at one of its registries.
//!
//! Whatever cannot be proved is refused, with the reason. At the source, nothing counts that a promotion would leave out.

mod evidence;
mod platforms;

use std::sync::Arc;

use local_registry_core::Digest;
use local_registry_oci::RawManifest;

use crate::edges::{Item, Ruling};
use crate::image::{Place, PromotionError, Room, turn};
use crate::source::Transfer;
use evidence::Evidence;
use local_registry_promotion_tree::{Rules, SignatureRule};

/// Checks an item at its source, once for all of its targets. Returns what is worth a warning.
///
/// # Errors
/// [`PromotionError::Refused`] if the rules refuse it; another error if the registry does not say what it has.
pub(crate) async fn check_source(item: &Item, transfer: &Transfer<'_>) -> Result<Vec<String>, PromotionError> {
    let Some(rules) = asking(item) else { return Ok(Vec::new()) };
    let Transfer { source, reads, room, .. } = transfer;
    let look = Box::pin(async {
        // Targets wait for this one: nobody waits here for a turn of only one of them.
        let _turn = room.evidence().await;
        ruling(rules, source, room, &item.digest).await
    });
    reads.ruling(item, look).await?.accepted()
}

/// Checks an item at its target, in the same way.
///
/// # Errors
/// As [`check_source`].
pub(crate) async fn check_target(item: &Item, transfer: &Transfer<'_>) -> Result<Vec<String>, PromotionError> {
    let Some(rules) = asking(item) else { return Ok(Vec::new()) };
    let _turn = turn(&transfer.attached).await;
    ruling(rules, &transfer.target, &transfer.room, &item.digest).await?.accepted()
}

/// Checks whether what proves something about an item has arrived at its target. The item's own manifests come after it, and not
/// every registry lists what refers to something that is not there yet. So what the source lists has to be there.
///
/// # Errors
/// As [`check_source`].
pub(crate) async fn check_arrival(
    item: &Item,
    transfer: &Transfer<'_>,
    manifest: &RawManifest,
) -> Result<(), PromotionError> {
    let rule = asking(item).and_then(|rules| rules.signatures.as_ref());
    let Some(rule) = rule.filter(|rule| rule.required || rule.provenance.is_some()) else { return Ok(()) };
    let Transfer { source, target, room, attached, .. } = transfer;
    let _turn = turn(attached).await;
    let mut ruling = Ruling::default();
    ruling.add(rule, &Evidence::gather(rule, target, source, room, manifest).await?);
    ruling.accepted().map(drop)
}

/// Whether a promotion of an item has to be proved.
pub(crate) fn is_asked(item: &Item) -> bool {
    asking(item).is_some()
}

/// The rules of an item, if they ask for more than the files say.
fn asking(item: &Item) -> Option<&Arc<Rules>> {
    item.rules.as_ref().filter(|rules| rules.ask_registries())
}

async fn ruling(rules: &Rules, place: &Place<'_>, room: &Room, image: &Digest) -> Result<Ruling, PromotionError> {
    let mut ruling = Ruling::default();
    if !rules.platforms.is_empty() {
        ruling.refused.extend(platforms::missing(&rules.platforms, place, image, room).await?);
    }
    if let Some(rule) = &rules.signatures {
        let manifest = place.whole_manifest(image).await?;
        ruling.add(rule, &Evidence::gather(rule, place, place, room, &manifest).await?);
    }
    Ok(ruling)
}

impl Ruling {
    fn add(&mut self, rule: &SignatureRule, evidence: &Evidence<'_>) {
        let unsigned = if rule.required { &mut self.refused } else { &mut self.warnings };
        unsigned.extend(evidence.lacks_signature());
        self.refused.extend(evidence.lacks_provenance());
    }
}
