//! Fields that the cluster does not declare, and that this program does not own.

use std::collections::BTreeSet;
use std::fmt;

/// Owned by others, or by no field manager, such fields stay: server-side apply cannot remove them, and whoever set them
/// may have meant to.
///
/// Prints a clause for each field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignFields(pub(super) Vec<ForeignField>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ForeignField {
    /// `host`, `runtimeHost` or `help`.
    pub(super) field: &'static str,
    /// The field managers that own it; empty if there is none.
    pub(super) managers: BTreeSet<String>,
}

impl ForeignFields {
    /// What an operator does about them.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self.0.as_slice() {
            [_] => "remove it where it was set, if it is no longer right",
            _ => "remove them where they were set, if they are no longer right",
        }
    }
}

impl fmt::Display for ForeignFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, field) in self.0.iter().enumerate() {
            write!(f, "{}{field}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl fmt::Display for ForeignField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spec.settings.{}: the cluster does not declare it, and ", self.field)?;
        if self.managers.is_empty() {
            return f.write_str("no field manager owns it");
        }
        let managers: Vec<&str> = self.managers.iter().map(String::as_str).collect();
        write!(f, "it is owned by {}, not by this program", managers.join(", "))
    }
}
