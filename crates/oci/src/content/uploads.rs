//! Uploads that have begun and have not ended. A registry keeps what it has of them for days, unless they are cancelled.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::Uri;

/// The uploads to a registry: where each goes to, and the repository's path.
#[derive(Debug, Default)]
pub(crate) struct Uploads(Mutex<HashMap<Uri, String>>);

impl Uploads {
    fn all(&self) -> MutexGuard<'_, HashMap<Uri, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One has begun.
    pub(crate) fn begun(&self, url: &Uri, path: &str) {
        self.all().insert(url.clone(), path.to_owned());
    }

    /// One has ended: the registry has the blob.
    pub(crate) fn ended(&self, url: &Uri) {
        self.all().remove(url);
    }

    /// All of them, each with the repository's path. They are not known any more.
    #[cfg(feature = "registries")]
    pub(crate) fn take(&self) -> HashMap<Uri, String> {
        std::mem::take(&mut *self.all())
    }
}
