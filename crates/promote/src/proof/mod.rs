//! Whether an image is what the rules of its project ask for, at one of its registries.
//!
//! Whatever cannot be proved is refused, with the reason. At the source, nothing counts that a promotion would leave out.

mod evidence;
mod platforms;

use std::sync::Arc;

use local_registry_core::Digest;
use local_registry_oci::RawManifest;

use crate::edges::{Item, Ruling};
use crate::image::{Place, PromotionError};
use crate::source::Transfer;
use evidence::Evidence;
use local_registry_promotion_tree::{Rules, SignatureRule};

/// Looks at an item at its source, once for all of its targets. Returns what is worth a warning.
///
/// # Errors
/// [`PromotionError::Refused`] if the rules refuse it; another error if the registry does not say what it has.
pub(crate) async fn hold_source(item: &Item, transfer: &Transfer<'_>) -> Result<Vec<String>, PromotionError> {
    let Some(rules) = asking(item) else { return Ok(Vec::new()) };
    let looked = Box::pin(ruling(rules, &transfer.source, transfer, &item.digest));
    transfer.reads.ruling(item, looked).await?.warnings()
}

/// Looks at an item at its target, in the same way.
///
/// # Errors
/// As [`hold_source`].
pub(crate) async fn hold_target(item: &Item, transfer: &Transfer<'_>) -> Result<Vec<String>, PromotionError> {
    let Some(rules) = asking(item) else { return Ok(Vec::new()) };
    ruling(rules, &transfer.target, transfer, &item.digest).await?.warnings()
}

/// Looks whether what proves something about an item has arrived at its target, where its own manifest is to arrive next.
///
/// # Errors
/// As [`hold_source`].
pub(crate) async fn hold_arrival(
    item: &Item,
    transfer: &Transfer<'_>,
    manifest: &RawManifest,
) -> Result<(), PromotionError> {
    let Some(rules) = asking(item) else { return Ok(()) };
    let mut ruling = Ruling::default();
    add_evidence(&mut ruling, rules, &transfer.target, transfer, manifest).await?;
    ruling.warnings().map(drop)
}

/// The rules of an item, if they ask for more than the files say.
fn asking(item: &Item) -> Option<&Arc<Rules>> {
    item.rules.as_ref().filter(|rules| rules.ask_registries())
}

async fn ruling(
    rules: &Arc<Rules>,
    place: &Place<'_>,
    transfer: &Transfer<'_>,
    image: &Digest,
) -> Result<Ruling, PromotionError> {
    let mut ruling = Ruling::default();
    if !rules.platforms.is_empty() {
        ruling.refused.extend(platforms::missing(&rules.platforms, place, image, &transfer.room).await?);
    }
    if rules.signatures.is_some() {
        let manifest = place.whole_manifest(image).await?;
        add_evidence(&mut ruling, rules, place, transfer, &manifest).await?;
    }
    Ok(ruling)
}

async fn add_evidence(
    ruling: &mut Ruling,
    rules: &Arc<Rules>,
    place: &Place<'_>,
    transfer: &Transfer<'_>,
    manifest: &RawManifest,
) -> Result<(), PromotionError> {
    let Some(SignatureRule { required, .. }) = rules.signatures else { return Ok(()) };
    let evidence = Evidence::gather(rules, place, transfer, manifest).await?;
    let unsigned = if required { &mut ruling.refused } else { &mut ruling.warnings };
    unsigned.extend(evidence.lacks_signature());
    ruling.refused.extend(evidence.lacks_provenance());
    Ok(())
}
