//! What of the source is left out of a promotion, and why.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::attached::NAMED;
use crate::image::PromotionError;

/// What was left out of a promotion, and why.
#[derive(Debug, Default)]
pub(crate) struct LeftOut(Mutex<Vec<String>>);

impl LeftOut {
    fn all(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, reason: String) {
        let mut all = self.all();
        if all.len() < NAMED {
            all.push(reason);
        } else if all.len() == NAMED {
            all.push("and more".to_owned());
        }
    }

    /// Keeps an error in mind that is only about what is attached.
    pub(crate) fn add_error(&self, error: PromotionError) -> Result<(), PromotionError> {
        if !error.is_about_what_is_attached() {
            return Err(error);
        }
        self.add(error.to_string());
        Ok(())
    }

    pub(crate) fn into_reasons(self) -> Vec<String> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
