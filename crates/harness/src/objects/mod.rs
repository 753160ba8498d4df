//! Sources of the Kubernetes objects that a policy looks up.

#[cfg(feature = "cluster")]
mod cluster;
mod folder;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[cfg(feature = "cluster")]
pub use self::cluster::ClusterObjects;
pub use self::folder::Folder;

/// The payload of the host call `kubernetes/get_resource`, as the SDK sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetResource {
    /// `group/version`, or `v1` for the core group.
    pub api_version: String,
    /// The kind of the object.
    pub kind: String,
    /// The name of the object.
    pub name: String,
    /// The namespace of the object, if its kind has one.
    pub namespace: Option<String>,
    /// Whether the policy server must ask the API server, and not answer from its cache.
    pub disable_cache: bool,
    /// Dot paths of the fields to return besides the metadata; none means all.
    pub field_masks: Option<BTreeSet<String>>,
}

/// Where Kubernetes objects come from.
pub enum Objects {
    /// Nowhere: the policy server has no cluster.
    Nowhere,
    /// A folder of YAML files.
    Folder(Folder),
    /// A cluster.
    #[cfg(feature = "cluster")]
    Cluster(ClusterObjects),
    /// A function, for tests.
    Function(Box<Lookup>),
}

/// Returns the object, `None` if it does not exist, or the text of an error.
pub type Lookup = dyn Fn(&GetResource) -> Result<Option<Value>, String> + Send + Sync;

impl Objects {
    /// Looks an object up; `None` if it does not exist.
    pub(crate) fn get(&self, request: &GetResource) -> Result<Option<Value>, String> {
        match self {
            Self::Nowhere => Err("kube::Client was not initialized properly".to_owned()),
            Self::Folder(folder) => Ok(folder.get(request).cloned()),
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => cluster.get(request),
            Self::Function(function) => function(request),
        }
    }
}
