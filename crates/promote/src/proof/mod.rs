//! Whether an image is what the rules of its project ask for, at one of its registries.
//!
//! Whatever cannot be proved is refused, with the reason. At the source, nothing counts that a promotion would leave out.

mod evidence;
mod platforms;

use std::sync::Arc;

use local_registry_core::Digest;

use crate::edges::{Item, Ruling};
use crate::image::{Place, PromotionError, Room};
use crate::source::Transfer;
use evidence::Evidence;
use local_registry_promotion_tree::{Rules, SignatureRule};

/// Looks at an item at its source, once for all of its targets. Returns what is worth a warning.
///
/// # Errors
/// [`PromotionError::Refused`] if the rules refuse it; another error if the registry does not say what it has.
pub(crate) async fn hold_source(item: &Item, transfer: &Transfer<'_>) -> Result<Vec<String>, PromotionError> {
    let Some(rules) = asking(item) else { return Ok(Vec::new()) };
    let Transfer { source, reads, room, .. } = transfer;
    let looked = Box::pin(ruling(rules, source, &item.digest, room));
    reads.ruling(item, looked).await?.warnings()
}

/// Looks at an item at its target, in the same way.
///
/// # Errors
/// As [`hold_source`].
pub(crate) async fn hold_target(item: &Item, transfer: &Transfer<'_>) -> Result<Vec<String>, PromotionError> {
    let Some(rules) = asking(item) else { return Ok(Vec::new()) };
    ruling(rules, &transfer.target, &item.digest, &transfer.room).await?.warnings()
}

/// The rules of an item, if they ask for more than the files say.
fn asking(item: &Item) -> Option<&Arc<Rules>> {
    item.rules.as_ref().filter(|rules| rules.ask_registries())
}

async fn ruling(rules: &Arc<Rules>, place: &Place<'_>, image: &Digest, room: &Room) -> Result<Ruling, PromotionError> {
    let mut ruling = Ruling::default();
    if !rules.platforms.is_empty() {
        ruling.refused.extend(platforms::missing(&rules.platforms, place, image, room).await?);
    }
    if let Some(SignatureRule { required, .. }) = rules.signatures {
        let evidence = Evidence::gather(rules, place, image, room).await?;
        let unsigned = if required { &mut ruling.refused } else { &mut ruling.warnings };
        unsigned.extend(evidence.lacks_signature());
        ruling.refused.extend(evidence.lacks_provenance());
    }
    Ok(ruling)
}
