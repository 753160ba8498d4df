//! What never appears in a message: passwords and tokens, wherever a registry repeats them.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Every secret of this process. Errors are made in many places, and none of them may forget to ask.
static SECRETS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// A shorter secret would hide parts of words.
#[cfg(feature = "registries")]
const SHORTEST: usize = 3;

/// Remembers a secret.
#[cfg(feature = "registries")]
pub(crate) fn keep(secret: &str) {
    if secret.len() >= SHORTEST {
        SECRETS.lock().unwrap_or_else(PoisonError::into_inner).insert(secret.to_owned());
    }
}

/// A text without secrets.
pub(crate) fn hidden(mut text: String) -> String {
    let secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
    // A longer one may have a shorter one in it.
    for secret in secrets.iter().rev() {
        if text.contains(secret.as_str()) {
            text = text.replace(secret.as_str(), "[hidden]");
        }
    }
    text
}
