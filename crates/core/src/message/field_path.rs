//! The path of a field as users write it.

use std::fmt;

use crate::json::Path;

/// The path of a field as users write it: `spec.output.image`. An annotation's key stands in brackets, since it has
/// dots of its own: `metadata.annotations[local-registry-hosting/output]`. So does the position of a list's element,
/// counted from 0 as Kubernetes does: `spec.containers[1].image`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FieldPath {
    path: Path,
    /// If the path leads to a list: the position of an element, and a field of it.
    element: Option<(usize, Path)>,
}

impl FieldPath {
    pub(crate) fn new(path: Path) -> Self {
        Self { path, element: None }
    }

    /// The field of an element of the list at a path.
    pub(crate) fn in_element(list: Path, index: usize, field: Path) -> Self {
        Self { path: list, element: Some((index, field)) }
    }
}

impl From<Path> for FieldPath {
    fn from(path: Path) -> Self {
        Self::new(path)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.path.iter().enumerate() {
            match index {
                0 => f.write_str(part)?,
                _ if part.contains('/') => write!(f, "[{part}]")?,
                _ => write!(f, ".{part}")?,
            }
        }
        let Some((index, field)) = self.element else { return Ok(()) };
        write!(f, "[{index}]")?;
        field.iter().try_for_each(|part| write!(f, ".{part}"))
    }
}
