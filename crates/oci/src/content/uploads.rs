//! Uploads that have begun and have not ended. A registry keeps what it has of them for days, unless they are cancelled.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::Uri;

/// The uploads to a registry: where each goes to, and the repository's path.
#[derive(Debug, Default)]
pub(crate) struct Uploads(Mutex<BTreeMap<String, String>>);

impl Uploads {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One has begun.
    pub(crate) fn begun(&self, url: &Uri, path: &str) {
        self.all().insert(url.to_string(), path.to_owned());
    }

    /// One has ended: the registry has the blob.
    pub(crate) fn ended(&self, url: &Uri) {
        self.all().remove(&url.to_string());
    }

    /// All of them, each with the repository's path. They are not known any more.
    #[cfg(feature = "registries")]
    pub(crate) fn take(&self) -> BTreeMap<String, String> {
        std::mem::take(&mut *self.all())
    }
}
