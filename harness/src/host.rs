//! The host's side of the guest's calls, with the policy server's own error texts.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cluster::Cluster;
use crate::metadata::ContextAwareResource;
use crate::objects::Folder;

/// Answers the calls of one policy.
pub struct Host {
    granted: BTreeSet<ContextAwareResource>,
    objects: Objects,
}

/// Where Kubernetes objects come from.
pub enum Objects {
    /// The policy server has no cluster.
    Nowhere,
    /// A folder of YAML files.
    Folder(Folder),
    /// A cluster.
    Cluster(Cluster),
    /// A function, for tests: the object, nothing, or the text of an error.
    Function(Box<Lookup>),
}

/// Finds an object, or nothing, or fails with a text.
pub type Lookup = dyn Fn(&GetResource) -> Result<Option<Value>, String> + Send + Sync;

/// The payload of the host call `kubernetes/get_resource`, as the SDK sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetResource {
    /// `group/version`, or `v1` for the core group.
    pub api_version: String,
    /// The kind of the object.
    pub kind: String,
    /// The name of the object.
    pub name: String,
    /// The namespace of the object, where its kind has one.
    pub namespace: Option<String>,
    /// Whether an answer from the host's cache will not do.
    pub disable_cache: bool,
    /// Dot paths of the fields that are wanted beside the metadata; none means all.
    pub field_masks: Option<BTreeSet<String>>,
}

impl Host {
    /// A host that lets the policy read the kinds in `granted`, its `contextAwareResources`.
    #[must_use]
    pub fn new(granted: impl IntoIterator<Item = ContextAwareResource>, objects: Objects) -> Self {
        Self { granted: granted.into_iter().collect(), objects }
    }

    /// Answers one call; an error is text, as it is for the policy server's guests.
    pub(crate) fn answer(
        &self,
        binding: &str,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, String> {
        if binding != "kubewarden" {
            return Err(format!("unknown binding: {binding}"));
        }
        match (namespace, operation) {
            ("tracing", "log") => {
                log(payload);
                Ok(Vec::new())
            }
            ("kubernetes", "get_resource") => self.get_resource(payload),
            ("tracing" | "kubernetes", _) => Err(format!("unknown operation: {operation}")),
            _ => Err(format!("unknown namespace: {namespace}")),
        }
    }

    fn get_resource(&self, payload: &[u8]) -> Result<Vec<u8>, String> {
        let request: GetResource = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        let GetResource { api_version, kind, name, namespace, .. } = &request;
        let wanted = ContextAwareResource { api_version: api_version.clone(), kind: kind.clone() };
        if !self.granted.contains(&wanted) {
            return Err(format!(
                "Policy has not been granted access to Kubernetes {api_version}/{kind} resources. The violation has been reported."
            ));
        }
        tracing::debug!(api_version, kind, name, namespace, "get_resource");
        let found = match &self.objects {
            Objects::Nowhere => Err("kube::Client was not initialized properly".to_owned()),
            Objects::Folder(folder) => Ok(folder.get(&request).cloned()),
            Objects::Cluster(cluster) => cluster.get(&request),
            Objects::Function(function) => function(&request),
        };
        let namespace = namespace.as_deref();
        let missing = || format!("Cannot find {api_version}/{kind} named '{name}' inside of namespace '{namespace:?}'");
        let mut object = found
            .and_then(|found| found.ok_or_else(missing))
            .map_err(|error| format!("Callback evaluation failure: {error}"))?;
        if let Some(masks) = &request.field_masks {
            prune(&mut object, masks);
        }
        serde_json::to_vec(&object).map_err(|error| error.to_string())
    }
}

/// Drops what no mask names, as the policy server does: masks apply to everything but type and
/// metadata, go through arrays, and keep all that stands below their end.
fn prune(object: &mut Value, masks: &BTreeSet<String>) {
    let paths: Vec<Vec<&str>> = masks.iter().map(|mask| mask.split('.').collect()).collect();
    let paths: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
    if let Value::Object(fields) = object {
        let kept = ["apiVersion", "kind", "metadata"].map(|key| (key, fields.remove(key)));
        prune_fields(fields, &paths);
        fields.extend(kept.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    }
}

fn prune_fields(fields: &mut Map<String, Value>, paths: &[&[&str]]) {
    fields.retain(|key, value| {
        let below: Vec<&[&str]> = paths
            .iter()
            .filter_map(|path| path.split_first())
            .filter_map(|(first, rest)| (first == key).then_some(rest))
            .collect();
        if !below.iter().any(|path| path.is_empty()) {
            prune_value(value, &below);
        }
        !below.is_empty()
    });
}

fn prune_value(value: &mut Value, paths: &[&[&str]]) {
    match value {
        Value::Object(fields) => prune_fields(fields, paths),
        Value::Array(elements) => elements.iter_mut().for_each(|element| prune_value(element, paths)),
        _ => {}
    }
}

/// Writes a log line of the guest beside our own.
fn log(payload: &[u8]) {
    #[derive(Deserialize)]
    struct Line {
        level: String,
        message: Option<String>,
        #[serde(flatten)]
        fields: Map<String, Value>,
    }
    let Ok(Line { level, message, fields }) = serde_json::from_slice(payload) else {
        tracing::error!(target: "policy_log", "the policy logged a line that cannot be read");
        return;
    };
    let message = message.unwrap_or_default();
    let data = Value::Object(fields).to_string();
    match level.as_str() {
        "error" => tracing::error!(target: "policy_log", data, "{message}"),
        "warning" => tracing::warn!(target: "policy_log", data, "{message}"),
        "debug" | "trace" => tracing::debug!(target: "policy_log", data, "{message}"),
        _ => tracing::info!(target: "policy_log", data, "{message}"),
    }
}
