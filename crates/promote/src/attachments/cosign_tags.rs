//! The walk through what cosign's tags name.

use local_registry_core::Digest;
use local_registry_oci::Reference;

use super::spent::Spent;
use super::walk::Attachments;
use crate::attached::{CosignTag, has_signatures_of};
use crate::image::PromotionError;
use crate::source::Transfer;

impl Attachments<'_> {
    /// Goes through what one of cosign's tags names. The tag only moves if all that it named before is in what it names then,
    /// or if that was nothing that cosign writes.
    pub(crate) async fn cosign(
        &self,
        kind: CosignTag,
        image: &Digest,
        wanted: &Digest,
        spent: &mut Spent,
    ) -> Result<(), PromotionError> {
        let Transfer { source, target, room, .. } = self.transfer;
        let Some(tag) = kind.of(image) else { return Ok(()) };
        let by_tag = Reference::Tag(&tag);
        let found = target.digest(by_tag).await?;
        if found.as_ref() == Some(wanted) {
            return Ok(());
        }
        let named = |error: PromotionError| match error {
            PromotionError::Unfit(reason) => PromotionError::Unfit(format!("{tag}: {reason}")),
            error => error,
        };
        let raw = self.manifest(wanted, spent).await.map_err(named)?;
        let parts = kind.check(&raw, image, source, room).await.map_err(named)?;
        spent.add_blobs(parts.size()).map_err(named)?;
        if let Some(found) = found {
            let before = target.whole_manifest(&found).await?;
            let is_cosigns = match kind.check(&before, image, target, room).await {
                Ok(_) => true,
                Err(error) if error.is_about_what_is_attached() => false,
                Err(error) => return Err(error),
            };
            if is_cosigns && has_signatures_of(&before, &raw) {
                return Ok(());
            }
            if is_cosigns && !has_signatures_of(&raw, &before) {
                let (tag, target) = (tag.clone(), target.repository.clone());
                return Err(PromotionError::Signatures { tag, target, found, wanted: wanted.clone() });
            }
        }
        self.referrers(wanted, 1, spent).await?;
        let Some(delivery) = self.delivery else {
            self.check_blobs(&parts).await?;
            self.is_missing(tag.to_string());
            return Ok(());
        };
        delivery.shipments.copy_all(self.transfer, &parts).await?;
        target.put(Reference::Digest(wanted), &parts.media_type, &raw).await?;
        target.put(by_tag, &parts.media_type, &raw).await
    }
}
