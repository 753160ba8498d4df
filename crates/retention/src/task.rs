//! What is to be done.

use local_registry_cluster::objects::ResourceName;
use local_registry_core::RuntimeHost;

use crate::decision::rules::Rules;
use crate::survey::repositories::Selection;

/// What is to be done.
#[derive(Debug, Clone)]
pub struct PruneTask {
    /// The registry, as it is asked.
    pub host: RuntimeHost,
    /// The names that the cluster may have for it, beside that one and `local-registry:5000`.
    pub names: Vec<RuntimeHost>,
    /// Which repositories.
    pub selection: Selection,
    /// What stays of what nobody names.
    pub rules: Rules,
    /// Kinds of objects that are read beside those that always are.
    pub resources: Vec<ResourceName>,
    /// Whether anything is deleted.
    pub confirm: bool,
}
