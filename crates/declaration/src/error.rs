//! Why a ConfigMap cannot be used.

use std::fmt;

use local_registry_core::registry::HostError;

use super::data::LONGEST;
use super::kep_1755::{NAME, NAMESPACE};
use super::yaml::YamlError;

/// Why the data of a ConfigMap is not a declaration that may be used: where, what was found, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{NAMESPACE}/{NAME}: {0}")]
pub struct DeclarationError(pub(super) DeclarationErrorKind);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum DeclarationErrorKind {
    #[error("found {keys}; expected the key `localRegistryHosting.v1`, which is the only version that is known")]
    NoKnownVersion { keys: String },
    #[error(
        "{key}: the value has {length} bytes; expected at most {LONGEST}; leave out what does not belong to the declaration"
    )]
    TooLong { key: &'static str, length: usize },
    #[error("{key}{line}: {error}", line = Line(error.line))]
    Yaml { key: &'static str, error: YamlError },
    #[error("{key}{line}: {field}: {error}", line = Line(*line))]
    Host { key: &'static str, line: Option<u64>, field: &'static str, error: HostError },
    #[error(
        "{field}: `{host}` is not allowed; expected {allowed}; declare such a host, or allow this one by --allow-host"
    )]
    NotAllowed { field: &'static str, host: String, allowed: String },
}

/// A line of the value, counted from 1, if it is known.
struct Line(Option<u64>);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(line) => write!(f, ", line {line}"),
            None => Ok(()),
        }
    }
}
