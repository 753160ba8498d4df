//! What the rules of a project say of an image.

use crate::image::PromotionError;

/// What the rules say of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ruling {
    /// Why it is refused; nothing if it is not.
    pub(crate) refused: Vec<String>,
    /// What is reported, and refuses nothing.
    pub(crate) warnings: Vec<String>,
}

impl Ruling {
    /// How many bytes of memory it takes, roughly.
    pub(crate) fn weight(&self) -> usize {
        self.refused.iter().chain(&self.warnings).map(String::len).sum::<usize>() + 100
    }

    /// What is worth a warning, if the image is not refused.
    ///
    /// # Errors
    /// [`PromotionError::Refused`] if it is.
    pub(crate) fn accepted(self) -> Result<Vec<String>, PromotionError> {
        if self.refused.is_empty() { Ok(self.warnings) } else { Err(PromotionError::Refused(self.refused)) }
    }
}
