//! A repository at its registry, on one side of a promotion. Its errors say on which one.

use std::sync::Arc;

use local_registry_core::Digest;
use local_registry_oci::{RawManifest, Reference, Registries, Registry, RegistryError, Repository};

use super::error::{PromotionError, Side};
use super::memo::Memo;
use super::room::SMALL;

/// Manifests that were read of sources.
pub(crate) type Manifests = Memo<(Repository, Digest), RawManifest>;

/// A repository at its registry.
pub(crate) struct Place<'p> {
    side: Side,
    /// What was read before, of a source.
    read: Option<Arc<Manifests>>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) repository: &'p Repository,
}

impl<'p> Place<'p> {
    fn new(side: Side, registries: &Registries, repository: &'p Repository) -> Result<Self, PromotionError> {
        let registry = registries.registry(repository).map_err(|error| PromotionError::of(side, error))?;
        Ok(Self { side, read: None, registry, repository })
    }

    /// A source, whose manifests are read once for all targets.
    pub(crate) fn source(
        registries: &Registries,
        repository: &'p Repository,
        read: &Arc<Manifests>,
    ) -> Result<Self, PromotionError> {
        Ok(Self { read: Some(Arc::clone(read)), ..Self::new(Side::Source, registries, repository)? })
    }

    pub(crate) fn target(registries: &Registries, repository: &'p Repository) -> Result<Self, PromotionError> {
        let place = Self::new(Side::Target, registries, repository)?;
        place.registry.will_push(place.repository);
        Ok(place)
    }

    /// An error that happened here.
    pub(crate) fn failed(&self, error: RegistryError) -> PromotionError {
        PromotionError::of(self.side, error)
    }

    /// The digest of a manifest; `None` if there is none.
    pub(crate) async fn digest(&self, reference: Reference<'_>) -> Result<Option<Digest>, PromotionError> {
        let found = self.registry.manifest_digest(self.repository, reference).await;
        found.map_err(|error| self.failed(error))
    }

    /// A manifest; `None` if there is none.
    pub(crate) async fn manifest(&self, reference: Reference<'_>) -> Result<Option<RawManifest>, PromotionError> {
        self.registry.manifest(self.repository, reference).await.map_err(|error| self.failed(error))
    }

    /// A manifest that has to be there.
    pub(crate) async fn whole_manifest(&self, digest: &Digest) -> Result<RawManifest, PromotionError> {
        let Some(read) = &self.read else { return self.read_manifest(digest).await };
        let ask = Box::pin(async {
            let manifest = self.read_manifest(digest).await?;
            let weight = manifest.bytes.len();
            Ok((manifest, (weight <= SMALL).then_some(weight)))
        });
        read.get((self.repository.clone(), digest.clone()), |_| true, ask).await
    }

    async fn read_manifest(&self, digest: &Digest) -> Result<RawManifest, PromotionError> {
        let found = self.manifest(Reference::Digest(digest)).await?;
        found.ok_or_else(|| PromotionError::Incomplete { digest: digest.clone(), repository: self.repository.clone() })
    }

    /// Pushes a manifest.
    pub(crate) async fn put(
        &self,
        reference: Reference<'_>,
        media_type: &str,
        manifest: &RawManifest,
    ) -> Result<(), PromotionError> {
        let put = self.registry.put_manifest(self.repository, reference, media_type, manifest).await;
        put.map_err(|error| self.failed(error))
    }
}
