//! Events about the ConfigMap, policies and nodes.

mod announcement;
mod journal;

pub(crate) use self::journal::Journal;
