//! What of the source is left out of a promotion, and why.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::PromotionError;
use super::limits::NAMED;

/// What was left out of a promotion, and why.
#[derive(Debug, Default)]
pub(super) struct LeftOut(Mutex<Vec<String>>);

impl LeftOut {
    fn all(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, reason: String) {
        let mut all = self.all();
        if all.len() < NAMED {
            all.push(reason);
        } else if all.len() == NAMED {
            all.push("and more".to_owned());
        }
    }

    /// Keeps an error in mind that is only about what is attached.
    pub(super) fn add_error(&self, error: PromotionError) -> Result<(), PromotionError> {
        if !error.is_about_what_is_attached() {
            return Err(error);
        }
        self.add(error.to_string());
        Ok(())
    }

    pub(super) fn into_reasons(self) -> Vec<String> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
