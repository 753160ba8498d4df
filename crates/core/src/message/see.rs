//! Where a message sends its reader.

use std::fmt;

/// The end of a message about a missing registry: the settings' `help`, if there is one.
pub(crate) struct See<'a>(pub(crate) Option<&'a str>);

impl fmt::Display for See<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(url) => write!(f, "; see {url}"),
            None => Ok(()),
        }
    }
}
