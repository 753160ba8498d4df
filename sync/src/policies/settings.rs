//! The fields of a policy's settings that the cluster's declaration decides.

use serde_json::{Map, Value};

use crate::declaration::Declaration;

/// The fields of `spec.settings` that this program writes. It never touches any other, `insecure` and `lookupBuilds`
/// among them.
pub(crate) const OWNED_FIELDS: [&str; 2] = ["host", "help"];

/// What the owned fields of a policy's settings should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OwnedSettings {
    /// `host`: the registry as pods reach it.
    pub(super) host: Option<String>,
    /// `help`: a URL for users.
    pub(super) help: Option<String>,
}

impl OwnedSettings {
    /// What a declaration makes of them.
    pub(super) fn of(declaration: &Declaration) -> Self {
        match declaration {
            Declaration::Absent => Self::default(),
            Declaration::Registry { host, help } => Self { host: Some(host.to_string()), help: help.clone() },
            Declaration::NotForPods { help } => Self { host: None, help: help.clone() },
        }
    }

    /// The fields as they stand in `spec.settings`.
    pub(crate) fn to_json(&self) -> Value {
        let mut fields = Map::new();
        for (field, value) in self.fields() {
            fields.extend(value.map(|value| (field.to_owned(), value.into())));
        }
        Value::Object(fields)
    }

    /// Each of [`OWNED_FIELDS`] with its value.
    pub(super) fn fields(&self) -> [(&'static str, Option<&str>); 2] {
        let [host, help] = OWNED_FIELDS;
        [(host, self.host.as_deref()), (help, self.help.as_deref())]
    }
}
