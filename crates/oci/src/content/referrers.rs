//! The referrers of a manifest: what says of itself that it is about it, such as a signature.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Method, StatusCode};
use local_registry_core::Digest;
use oci_spec::image::{Descriptor, ImageIndex};

use super::registry::Registry;
use crate::exchange::allowance::Allowance;
use crate::exchange::error::{Kind, RegistryError};
use crate::exchange::request::Expected;
use crate::names::repository::Repository;

impl Registry {
    /// The referrers of a manifest, from all pages, which have 128 KiB together at most; `None` if the registry does not
    /// have this API. Registries say so in many ways, and a caller looks for the tag schema then.
    ///
    /// # Errors
    /// A [`RegistryError`] if the registry fails, or leads to another one.
    pub async fn referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Vec<Descriptor>>, RegistryError> {
        let path = self.api_path(repository);
        if self.has_referrers().get(&path) == Some(&false) {
            return Ok(None);
        }
        let error = match self.all_referrers(repository, digest).await {
            Ok(found) => {
                self.has_referrers().insert(path, true);
                return Ok(Some(found));
            }
            Err(error) if may_lack_the_api(&error) => error,
            Err(error) => return Err(error),
        };
        // What is answered about one manifest says nothing about others. No manifest has this digest, so whoever has the API says
        // that nothing refers to it.
        let known = self.has_referrers().get(&path).copied();
        let has_it = match known {
            Some(has_it) => has_it,
            None if error.is_unknown_path() => false,
            None => match self.all_referrers(repository, &Digest::from_sha256(&[0; 32])).await {
                Ok(_) => true,
                Err(error) if may_lack_the_api(&error) => false,
                Err(error) => return Err(error),
            },
        };
        self.has_referrers().insert(path, has_it);
        if has_it { Err(error) } else { Ok(None) }
    }

    async fn all_referrers(&self, repository: &Repository, digest: &Digest) -> Result<Vec<Descriptor>, RegistryError> {
        let request = self.request(Method::GET, repository, &format!("referrers/{digest}"), Expected::Document)?;
        let (longest, mut found) = (Allowance::of_list(), Vec::new());
        let has_api = self.has_referrers().get(&self.api_path(repository)) == Some(&true);
        let read = |bytes: &Bytes| {
            // Harbor says so of a manifest that is not there.
            if has_api && bytes.trim_ascii() == b"{}" {
                return Ok(());
            }
            let index: ImageIndex = serde_json::from_slice(bytes).map_err(|error| Kind::NoIndex(error.to_string()))?;
            found.extend(index.manifests().iter().cloned());
            Ok(())
        };
        self.pages(request, || longest.clone(), read).await?;
        Ok(found)
    }

    fn has_referrers(&self) -> MutexGuard<'_, HashMap<String, bool>> {
        self.has_referrers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a registry may say in its own way that it does not have the API of referrers: by any refusal, by an error of its
/// own each time that it is asked (what passes is sent again before), or by something else than an index.
fn may_lack_the_api(error: &RegistryError) -> bool {
    let is_error = matches!(error.status(), Some(StatusCode::INTERNAL_SERVER_ERROR | StatusCode::NOT_IMPLEMENTED));
    let is_refusal = error.status().is_some_and(|status| status.is_client_error() && !error.is_transient());
    is_error || is_refusal || error.is_no_index()
}
