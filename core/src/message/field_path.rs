//! The path of a field as users write it.

use std::fmt;

use crate::json::Path;

/// The path of a field as users write it: `spec.output.image`. An annotation's key stands in brackets, since it has
/// dots of its own: `metadata.annotations[local-registry-hosting/output]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FieldPath(pub(crate) Path);

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            match index {
                0 => f.write_str(part)?,
                _ if part.contains('/') => write!(f, "[{part}]")?,
                _ => write!(f, ".{part}")?,
            }
        }
        Ok(())
    }
}
