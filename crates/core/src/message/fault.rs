//! Why a request is rejected: every fault, with the field that has it.

use std::fmt;

use super::FieldPath;
use crate::json::Path;

/// Why a request is rejected: all of its faults, at least one.
///
/// Prints a line for each fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection(Vec<Fault>);

impl Rejection {
    /// The rejection for these faults; `None` if there are none.
    pub(crate) fn of(faults: Vec<Fault>) -> Option<Self> {
        if faults.is_empty() { None } else { Some(Self(faults)) }
    }

    /// The status code of the response. If any fault is the user's own, it is that fault's.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.iter().map(Fault::code).min().unwrap_or(Code::BadRequest)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            write!(f, "{}{fault}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

/// The HTTP status code of a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// 400: the user, or the cluster's configuration, has to change something.
    BadRequest = 400,
    /// 404: the Build that a BuildRun names does not exist.
    NotFound = 404,
    /// 500: the lookup of the Build failed.
    Internal = 500,
}

/// One thing that is wrong, and the field that has it.
///
/// Prints as ``path: what was found; what was expected; how to fix it``.
// In a box, since many functions return a fault and few requests have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(Box<Parts>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    path: FieldPath,
    code: Code,
    message: String,
}

impl Fault {
    #[cold]
    pub(crate) fn new(path: impl Into<FieldPath>, code: Code, message: &impl fmt::Display) -> Self {
        Self(Box::new(Parts { path: path.into(), code, message: message.to_string() }))
    }

    /// The fault of a field whose value has another type.
    #[cold]
    pub(crate) fn wrong_type(path: Path, found: &str, expected: &str) -> Self {
        Self::new(path, Code::BadRequest, &format_args!("found {found}; expected {expected}"))
    }

    /// Whether two faults are about the same field.
    pub(crate) fn has_path_of(&self, other: &Self) -> bool {
        self.0.path == other.0.path
    }

    /// The status code for this fault alone.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.path, self.0.message)
    }
}
