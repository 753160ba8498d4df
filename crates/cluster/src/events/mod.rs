//! Events about the ConfigMap, policies, CRDs and nodes.

mod announcement;
mod journal;

pub use self::announcement::FieldReason;
pub(crate) use self::journal::Journal;
