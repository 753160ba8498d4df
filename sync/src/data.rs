//! The ConfigMap as it is kept in memory: the values that are read, and a few names of the others.
//!
//! A ConfigMap may be 1 MiB, and whoever may write it chooses what that is. So nothing of it is stored
//! that is not read later: not its annotations, no value of an unknown key, and no value that is
//! longer than a declaration ever is.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// How long the value of a known key may be, in bytes. Real ones have some hundred.
pub(crate) const LONGEST: usize = 16 * 1024;

/// The key of the version that KEP-1755 defines.
pub(crate) const V1: &str = "localRegistryHosting.v1";

/// The keys whose values are read.
const KNOWN: [&str; 1] = [V1];

/// How many names of other keys are kept, for messages.
const NAMES: usize = 5;

/// The data of the ConfigMap: its known keys, and the names of some others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Data {
    known: BTreeMap<&'static str, Value>,
    others: Vec<String>,
    /// How many others there are besides.
    omitted: usize,
}

/// The value of a known key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// The value.
    Text(String),
    /// It has that many bytes, which is more than [`LONGEST`]; it was not kept.
    TooLong(usize),
}

impl Data {
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        self.known.get(key)
    }

    /// The names of keys that are not known, and how many there are besides.
    pub(crate) fn others(&self) -> (&[String], usize) {
        (&self.others, self.omitted)
    }

    fn insert(&mut self, key: &str, value: Value) {
        match known(key) {
            Some(key) => drop(self.known.insert(key, value)),
            None => self.insert_other(key.to_owned()),
        }
    }

    fn insert_other(&mut self, key: String) {
        if self.others.len() < NAMES {
            self.others.push(key);
        } else {
            self.omitted += 1;
        }
    }
}

fn known(key: &str) -> Option<&'static str> {
    KNOWN.into_iter().find(|known| *known == key)
}

impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for Data {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut data = Self::default();
        for (key, value) in entries {
            data.insert(key.as_ref(), Value::of(value.as_ref()));
        }
        data
    }
}

impl Value {
    fn of(text: &str) -> Self {
        if text.len() > LONGEST { Self::TooLong(text.len()) } else { Self::Text(text.to_owned()) }
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Data;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the data of a ConfigMap")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Data, A::Error> {
                let mut data = Data::default();
                while let Some(key) = entries.next_key::<String>()? {
                    match known(&key) {
                        Some(key) => drop(data.known.insert(key, entries.next_value()?)),
                        None => {
                            entries.next_value::<IgnoredAny>()?;
                            data.insert_other(key);
                        }
                    }
                }
                Ok(data)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value::of(text))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// The ConfigMap as the API server sends it.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct ConfigMap {
    #[serde(deserialize_with = "little_of_it")]
    metadata: ObjectMeta,
    data: Option<Data>,
}

impl ConfigMap {
    pub(crate) fn into_data(self) -> Data {
        self.data.unwrap_or_default()
    }
}

/// What a watch needs of the metadata; annotations and managed fields can be long.
fn little_of_it<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        name: Option<String>,
        namespace: Option<String>,
        resource_version: Option<String>,
    }
    let Metadata { name, namespace, resource_version } = Metadata::deserialize(deserializer)?;
    Ok(ObjectMeta { name, namespace, resource_version, ..ObjectMeta::default() })
}

impl Resource for ConfigMap {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "ConfigMap".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "configmaps".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_read_is_not_kept() {
        let long = "x".repeat(LONGEST + 1);
        let config_map = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "n", "resourceVersion": "7", "annotations": {"a": &long}},
            "data": {"a": &long, "b": "", "c": "", "d": "", "e": "", "f": "", "localRegistryHosting.v1": &long, "z": ""},
        });
        let config_map: ConfigMap = serde_json::from_value(config_map).unwrap();
        assert_eq!(config_map.meta().resource_version.as_deref(), Some("7"));
        assert_eq!(config_map.meta().annotations, None);
        let data = config_map.into_data();
        assert_eq!(data.value("localRegistryHosting.v1"), Some(&Value::TooLong(LONGEST + 1)));
        assert_eq!(data.others(), (&["a", "b", "c", "d", "e"].map(ToOwned::to_owned)[..], 2));
    }

    #[test]
    fn a_config_map_without_data_has_none() {
        for data in [json!({"metadata": {}}), json!({"metadata": {}, "data": null})] {
            assert_eq!(serde_json::from_value::<ConfigMap>(data).unwrap().into_data(), Data::default());
        }
    }

    #[test]
    fn the_longest_value_is_kept() {
        let text = "x".repeat(LONGEST);
        let data: Data = [("localRegistryHosting.v1", &text)].into_iter().collect();
        assert_eq!(data.value("localRegistryHosting.v1"), Some(&Value::Text(text)));
    }
}
