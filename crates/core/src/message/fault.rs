//! Why a request is rejected: every fault, with the field that has it.

use std::fmt;

use super::field_path::FieldPath;
use crate::json::Path;

/// Why a request is rejected: all of its faults, at least one.
///
/// Prints a line for each fault. [`decide`](crate::decide) says when there is one.
///
/// ```
/// use local_registry_core::admission::{Code, Decision, Request};
/// use local_registry_core::decide;
///
/// let payload = br#"{
///     "settings": {"host": "kind-registry:5000"},
///     "request": {
///         "kind": {"group": "shipwright.io", "version": "v1beta1", "kind": "Build"},
///         "operation": "CREATE", "namespace": "team",
///         "object": {"spec": {"output": {"image": "quay.example/app:v1", "local": true}}}
///     }
/// }"#;
/// let request = Request::parse(payload)?;
/// let Decision::Reject(rejection) = decide(&request, &mut |_: &str, _: &str| unreachable!())? else {
///     panic!("accepted")
/// };
/// assert_eq!(rejection.code(), Code::BadRequest);
/// assert_eq!(
///     rejection.to_string(),
///     "spec.output.image: `quay.example/app:v1` names the registry `quay.example`, and a local image must not \
///      name one; write `app:v1` or set local: false"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection(Vec<Fault>);

impl Rejection {
    /// The rejection for these faults; `None` if there are none.
    pub(crate) fn from_faults(faults: Vec<Fault>) -> Option<Self> {
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
///
/// ```
/// use local_registry_core::admission::Code;
///
/// assert_eq!(Code::NotFound as u16, 404);
/// ```
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
pub(crate) struct Fault(Box<Parts>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    path: FieldPath,
    code: Code,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    WrongType { found: &'static str, expected: &'static str },
    Other(String),
}

impl Fault {
    #[cold]
    pub(crate) fn new(path: impl Into<FieldPath>, code: Code, message: &dyn fmt::Display) -> Self {
        Self(Box::new(Parts { path: path.into(), code, reason: Reason::Other(message.to_string()) }))
    }

    /// The fault of a field whose value has another type.
    #[cold]
    pub(crate) fn wrong_type(path: Path, found: &'static str, expected: &'static str) -> Self {
        let reason = Reason::WrongType { found, expected };
        Self(Box::new(Parts { path: path.into(), code: Code::BadRequest, reason }))
    }

    /// Whether this is the wrong type of a field of which another fault is known. Several images may be read through one
    /// field, and each finds its type wrong.
    pub(crate) fn repeats(&self, known: &Self) -> bool {
        matches!(self.0.reason, Reason::WrongType { .. }) && self.0.path == known.0.path
    }

    fn code(&self) -> Code {
        self.0.code
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { path, reason, .. } = &*self.0;
        match reason {
            Reason::WrongType { found, expected } => write!(f, "{path}: found {found}; expected {expected}"),
            Reason::Other(message) => write!(f, "{path}: {message}"),
        }
    }
}
