//! The fields of a policy's settings that the cluster's declaration decides.

use local_registry_declaration::Declared;
use serde_json::{Map, Value};

/// The fields of `spec.settings` that this program writes. It never touches any other, `insecure` and `lookupBuilds`
/// among them.
pub(crate) const OWNED_FIELDS: [&str; 3] = ["host", "runtimeHost", "help"];

/// What the owned fields of a policy's settings should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnedSettings {
    /// `host`: the registry as pods reach it.
    pub(super) host: Option<String>,
    /// `runtimeHost`: the registry as the nodes' container runtimes reach it.
    pub(super) runtime_host: Option<String>,
    /// `help`: a URL for users.
    pub(super) help: Option<String>,
}

impl OwnedSettings {
    /// What a declaration makes of them.
    pub(super) fn declared(declared: &Declared) -> Self {
        Self {
            host: declared.for_pods().map(ToString::to_string),
            runtime_host: declared.for_nodes().map(ToString::to_string),
            help: declared.help().map(ToOwned::to_owned),
        }
    }

    /// The fields as they stand in `spec.settings`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        for (field, value) in self.fields() {
            fields.extend(value.map(|value| (field.to_owned(), value.into())));
        }
        Value::Object(fields)
    }

    /// Each of [`OWNED_FIELDS`] with its value.
    pub(super) fn fields(&self) -> [(&'static str, Option<&str>); 3] {
        let [host, runtime_host, help] = OWNED_FIELDS;
        [(host, self.host.as_deref()), (runtime_host, self.runtime_host.as_deref()), (help, self.help.as_deref())]
    }
}
