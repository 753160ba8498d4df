//! A custom resource definition.

use local_registry_core::shipwright::Kind;
use serde::{Deserialize, Deserializer};

use crate::crds::schema::Schema;
use crate::follow::Content;

/// The API group of custom resource definitions.
pub(crate) const GROUP: &str = "apiextensions.k8s.io";

/// What is kept of a custom resource definition: little, since Shipwright's have half a MiB.
///
/// ```
/// use local_registry_cluster::crds::Crd;
///
/// let spec = r#"{"group": "shipwright.io", "versions": [{"name": "v1beta1", "served": true, "storage": true}]}"#;
/// let crd: Crd = serde_json::from_str(spec)?;
/// assert_eq!(crd.versions[0].name, "v1beta1");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Crd {
    /// The `resourceVersion` that it was read with.
    #[serde(skip)]
    pub resource_version: String,
    /// Whether no field of any object is dropped (`spec.preserveUnknownFields`).
    pub preserve_unknown_fields: bool,
    /// Its versions, in its order.
    pub versions: Vec<CrdVersion>,
}

/// A version of a custom resource definition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CrdVersion {
    /// Its name, such as `v1beta1`.
    pub name: String,
    /// Whether clients can use it.
    pub served: bool,
    /// Whether objects are stored in it.
    pub storage: bool,
    /// The schema of its objects.
    #[serde(deserialize_with = "open_api")]
    pub schema: Option<Schema>,
}

fn open_api<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Schema>, D::Error> {
    #[derive(Deserialize)]
    struct Validation {
        #[serde(rename = "openAPIV3Schema")]
        schema: Option<Schema>,
    }
    let validation = Option::<Validation>::deserialize(deserializer)?;
    Ok(validation.and_then(|validation| validation.schema))
}

impl Content for Crd {
    const GROUP: &'static str = GROUP;
    const KIND: &'static str = "CustomResourceDefinition";
    const PLURAL: &'static str = "customresourcedefinitions";
    const FIELD: &'static str = "spec";
    const IS_REQUIRED: bool = true;

    fn note_version(&mut self, version: &str) {
        version.clone_into(&mut self.resource_version);
    }
}

/// The name of the custom resource definition of a kind.
///
/// ```
/// use local_registry_cluster::crds::crd_name;
/// use local_registry_core::shipwright::Kind;
///
/// assert_eq!(crd_name(Kind::Build), "builds.shipwright.io");
/// ```
#[must_use]
pub const fn crd_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Build => "builds.shipwright.io",
        Kind::BuildRun => "buildruns.shipwright.io",
    }
}
