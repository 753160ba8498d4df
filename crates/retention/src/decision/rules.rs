//! By which rules old images go.

use std::num::NonZeroUsize;
use std::time::Duration;

/// By which rules old images go.
///
/// ```
/// use local_registry_retention::Rules;
///
/// let rules = Rules::default();
/// assert_eq!((rules.keep.get(), rules.newer_than.as_secs()), (10, 86_400));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How many images of each repository stay, the newest ones, beside those that the cluster names.
    pub keep: NonZeroUsize,
    /// What is younger stays, however many there are.
    pub newer_than: Duration,
    /// What becomes of images without a usable date.
    pub undated: UndatedRule,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            keep: const { NonZeroUsize::MIN.saturating_add(9) },
            newer_than: Duration::from_hours(24),
            undated: UndatedRule::default(),
        }
    }
}

/// What becomes of images without a usable date.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UndatedRule {
    /// They stay.
    #[default]
    Keep,
    /// As many of them stay as of the others, and beside those: the last ones by the order of their tags.
    ByName,
}
