//! The RoleBinding that lets the ServiceAccount push to the repositories of its namespace.

use serde::Deserialize;
use serde::de::MapAccess;
use serde_json::{Value, json};

use super::NAME;
use super::found::Part;

const GROUP: &str = "rbac.authorization.k8s.io";

/// What matters in the RoleBinding: which role it gives, and to whom.
///
/// ```
/// use local_registry_cluster::credentials::Binding;
///
/// assert!(!Binding::default().has_role());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Binding {
    has_role: bool,
    /// The namespace of the account, if it is bound to that alone.
    namespace: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RoleRef {
    api_group: String,
    kind: String,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Subject {
    api_group: String,
    kind: String,
    name: String,
    namespace: String,
}

impl Binding {
    /// Whether it gives the right role. Nobody can give a RoleBinding another one.
    #[must_use]
    pub fn has_role(&self) -> bool {
        self.has_role
    }

    /// Whether it gives the right role to the account of this namespace, and to nobody else.
    #[must_use]
    pub fn is_right(&self, namespace: &str) -> bool {
        self.has_role && self.namespace.as_deref() == Some(namespace)
    }

    /// What is applied beside the metadata.
    pub(super) fn body(namespace: &str) -> Value {
        json!({
            "apiVersion": format!("{GROUP}/v1"),
            "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": NAME},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}],
        })
    }
}

impl Part for Binding {
    const GROUP: &'static str = GROUP;
    const KIND: &'static str = "RoleBinding";
    const PLURAL: &'static str = "rolebindings";
    const FIELDS: &'static [&'static str] = &["roleRef", "subjects"];

    fn read_field<'de, A: MapAccess<'de>>(&mut self, field: &str, fields: &mut A) -> Result<(), A::Error> {
        if field == "roleRef" {
            let RoleRef { api_group, kind, name } = fields.next_value()?;
            self.has_role = [api_group.as_str(), &kind, &name] == [GROUP, "ClusterRole", NAME];
            return Ok(());
        }
        let subjects: Option<Vec<Subject>> = fields.next_value()?;
        let mut subjects = subjects.unwrap_or_default();
        let only = subjects.pop().filter(|_| subjects.is_empty());
        let ours = only.filter(|Subject { api_group, kind, name, .. }| {
            [api_group.as_str(), kind, name] == ["", "ServiceAccount", NAME]
        });
        self.namespace = ours.map(|subject| subject.namespace);
        Ok(())
    }
}
