//! The schema of an object, as far as it leads to images.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use local_registry_core::shipwright::{Kind, Version, image_fields};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// The schema of an object, as far as it leads to images.
///
/// ```
/// use local_registry_cluster::crds::Schema;
///
/// let output = r#"{"type": "object", "properties": {"image": {"type": "string"}, "timeout": {"type": "string"}}}"#;
/// let output: Schema = serde_json::from_str(output)?;
/// assert_eq!(output.properties.keys().collect::<Vec<_>>(), ["image"]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Schema {
    /// What a value is: `object`, `string`, `boolean` and so on.
    #[serde(rename = "type")]
    pub type_: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What a value is if nobody writes one.
    pub default: Option<Value>,
    /// Whether a value may be null.
    pub nullable: bool,
    /// The only values that are allowed; empty if there is no such list.
    #[serde(rename = "enum")]
    pub choices: Vec<Value>,
    /// Whether fields that it does not list are kept.
    #[serde(rename = "x-kubernetes-preserve-unknown-fields")]
    pub preserves_unknown_fields: bool,
    /// The fields that lead to an image, the images, and the fields `local`.
    #[serde(deserialize_with = "on_the_way")]
    pub properties: BTreeMap<String, Schema>,
}

/// Reads those properties that lead to an image. The others are nearly all of a CRD.
fn on_the_way<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Schema>, D::Error> {
    struct Properties;
    impl<'de> Visitor<'de> for Properties {
        type Value = BTreeMap<String, Schema>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("properties")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut properties: A) -> Result<Self::Value, A::Error> {
            let mut kept = BTreeMap::new();
            while let Some(name) = properties.next_key::<Cow<'de, str>>()? {
                if is_on_the_way(&name) {
                    kept.insert(name.into_owned(), properties.next_value()?);
                } else {
                    properties.next_value::<IgnoredAny>()?;
                }
            }
            Ok(kept)
        }
    }
    deserializer.deserialize_map(Properties)
}

fn is_on_the_way(name: &str) -> bool {
    let leads_there = |kind, version| image_fields(kind, version).iter().any(|field| field.path.contains(&name));
    ["image", "local"].contains(&name)
        || Kind::ALL.iter().any(|kind| Version::ALL.iter().any(|version| leads_there(*kind, *version)))
}
