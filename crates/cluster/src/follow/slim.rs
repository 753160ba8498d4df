//! Objects that are watched, as little of them as is needed.
//!
//! `k8s_openapi`'s types would keep all of an object: up to 1 MiB, and the annotations besides.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use local_registry_core::Quoted;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What is kept of an object: one of its fields, or some of several.
pub trait Content: Default + DeserializeOwned + Clone + fmt::Debug + Send + 'static {
    /// The object's API group. By default, the core group.
    const GROUP: &'static str = "";
    /// The object's kind.
    const KIND: &'static str;
    /// The resource, as paths and RBAC name it.
    const PLURAL: &'static str;
    /// The field of the object. Without one, [`FIELDS`](Self::FIELDS) are read alone.
    const FIELD: &'static str = "";
    /// Whether every object has that field, so that one without it is no answer.
    const IS_REQUIRED: bool = false;
    /// A field that is not read, but may be what its author took for that one.
    const MISTAKEN: Option<&'static str> = None;

    /// Takes in that the object has the mistaken field.
    fn note_mistaken(&mut self) {}

    /// A label of the object that is read, too.
    const LABEL: Option<&'static str> = None;

    /// Takes in the value of that label. An object without the label has none.
    fn note_label(&mut self, _value: &str) {}

    /// Fields of the object from which something is kept, too.
    const FIELDS: &'static [&'static str] = &[];

    /// Reads one of those fields.
    ///
    /// # Errors
    /// An error if the field is not what it has to be.
    fn read_field<'de, A: MapAccess<'de>>(&mut self, _field: &str, fields: &mut A) -> Result<(), A::Error> {
        fields.next_value::<IgnoredAny>().map(drop)
    }

    /// Annotations of the object that are read, too.
    const ANNOTATIONS: &'static [&'static str] = &[];

    /// Takes in the value of one of those annotations.
    fn note_annotation(&mut self, _name: &str, _value: String) {}

    /// Whether what is in such an object is secret, so that no error may quote it.
    const IS_SECRET: bool = false;

    /// Takes in the `uid` of the object.
    fn note_uid(&mut self, _uid: &str) {}

    /// Takes in the `resourceVersion` of the object.
    fn note_version(&mut self, _version: &str) {}

    /// Takes in that the object is being deleted, and goes when these finalizers are gone.
    fn note_deletion(&mut self, _finalizers: Vec<String>) {}
}

/// An object as the API server sends it, without what is not needed.
#[derive(Debug, Clone)]
pub(crate) struct Slim<C> {
    metadata: ObjectMeta,
    content: Option<C>,
}

impl<C: Content> Slim<C> {
    /// The field that was kept; empty if the object lacks it.
    pub(crate) fn into_content(self) -> C {
        let mut content = self.content.unwrap_or_default();
        content.note_version(self.metadata.resource_version.as_deref().unwrap_or_default());
        content
    }
}

impl<'de, C: Content> Deserialize<'de> for Slim<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<C>(PhantomData<C>);
        impl<'de, C: Content> Visitor<'de> for Fields<C> {
            type Value = Slim<C>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a {}", C::KIND)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Slim<C>, A::Error> {
                let (mut metadata, mut content, mut is_mistaken) = (Metadata::<C>::default(), None::<C>, false);
                while let Some(field) = fields.next_key::<Cow<'de, str>>()? {
                    if !C::FIELD.is_empty() && field == C::FIELD {
                        content = fields.next_value()?;
                    } else if field == "metadata" {
                        metadata = fields.next_value()?;
                    } else if field == "kind" {
                        check_kind::<C, A::Error>(&fields.next_value::<Cow<'de, str>>()?)?;
                    } else if C::FIELDS.contains(&field.as_ref()) {
                        content.get_or_insert_default().read_field(&field, &mut fields)?;
                    } else {
                        is_mistaken |= C::MISTAKEN.is_some_and(|mistaken| field == mistaken);
                        fields.next_value::<IgnoredAny>()?;
                    }
                }
                if C::IS_REQUIRED && content.is_none() {
                    return Err(A::Error::custom(format_args!("found a {} without {}", C::KIND, C::FIELD)));
                }
                if is_mistaken {
                    content.get_or_insert_default().note_mistaken();
                }
                if let Some(value) = C::LABEL.and_then(|label| metadata.labels.as_ref()?.get(label)) {
                    content.get_or_insert_default().note_label(value);
                }
                for (name, value) in std::mem::take(&mut metadata.annotations.values) {
                    content.get_or_insert_default().note_annotation(name, value);
                }
                if let Some(uid) = &metadata.uid {
                    content.get_or_insert_default().note_uid(uid);
                }
                if metadata.deletion_timestamp.is_some() {
                    content
                        .get_or_insert_default()
                        .note_deletion(std::mem::take(&mut metadata.finalizers).into_names());
                }
                Ok(Slim { metadata: metadata.into(), content })
            }
        }
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// An item of a list has no kind.
fn check_kind<C: Content, E: Error>(found: &str) -> Result<(), E> {
    if found.is_empty() || found == C::KIND {
        Ok(())
    } else {
        Err(E::custom(format_args!("found the kind {}; expected {}", Quoted(found), C::KIND)))
    }
}

/// What a watch needs of the metadata. Annotations and managed fields can be long.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default, bound = "")]
struct Metadata<C: Content> {
    name: Option<String>,
    namespace: Option<String>,
    resource_version: Option<String>,
    /// Not kept.
    uid: Option<String>,
    /// Not kept.
    annotations: Annotations<C>,
    /// Not kept.
    labels: Option<BTreeMap<String, String>>,
    /// Not kept.
    deletion_timestamp: Option<IgnoredAny>,
    /// Not kept.
    finalizers: Finalizers,
}

impl<C: Content> Default for Metadata<C> {
    fn default() -> Self {
        Self {
            name: None,
            namespace: None,
            resource_version: None,
            uid: None,
            annotations: Annotations::default(),
            labels: None,
            deletion_timestamp: None,
            finalizers: Finalizers::default(),
        }
    }
}

impl<C: Content> From<Metadata<C>> for ObjectMeta {
    fn from(Metadata { name, namespace, resource_version, .. }: Metadata<C>) -> Self {
        Self { name, namespace, resource_version, ..Self::default() }
    }
}

/// How many finalizers are named, and how much of each. Whoever may write the object may give it hundreds of thousands.
const NAMED_FINALIZERS: usize = 4;
const LONGEST_FINALIZER: usize = 64;

/// The first finalizers, and how many there are.
#[derive(Default)]
struct Finalizers {
    first: Vec<String>,
    count: usize,
}

impl Finalizers {
    /// Their names, with a last one that says how many there are beside them.
    fn into_names(self) -> Vec<String> {
        let more = self.count - self.first.len();
        let rest = (more > 0).then(|| format!("{more} more"));
        self.first.into_iter().chain(rest).collect()
    }
}

impl<'de> Deserialize<'de> for Finalizers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Finalizers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("finalizers")
            }

            fn visit_unit<E: Error>(self) -> Result<Finalizers, E> {
                Ok(Finalizers::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Finalizers, A::Error> {
                let mut found = Finalizers::default();
                while let Some(name) = names.next_element::<Cow<'de, str>>()? {
                    if found.first.len() < NAMED_FINALIZERS {
                        found.first.push(name.chars().take(LONGEST_FINALIZER).collect());
                    }
                    found.count += 1;
                }
                Ok(found)
            }
        }
        deserializer.deserialize_any(Names)
    }
}

/// The annotations that are read, without the others.
struct Annotations<C> {
    values: Vec<(&'static str, String)>,
    of: PhantomData<C>,
}

impl<C> Default for Annotations<C> {
    fn default() -> Self {
        Self { values: Vec::new(), of: PhantomData }
    }
}

impl<'de, C: Content> Deserialize<'de> for Annotations<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values<C>(PhantomData<C>);
        impl<'de, C: Content> Visitor<'de> for Values<C> {
            type Value = Annotations<C>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("annotations")
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Annotations::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut found = Annotations::default();
                while let Some(name) = entries.next_key::<Cow<'de, str>>()? {
                    match C::ANNOTATIONS.iter().find(|known| **known == name) {
                        Some(known) => found.values.push((known, entries.next_value()?)),
                        None => drop(entries.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(found)
            }
        }
        deserializer.deserialize_any(Values(PhantomData))
    }
}

impl<C: Content> Resource for Slim<C> {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        C::KIND.into()
    }

    fn group((): &()) -> Cow<'_, str> {
        C::GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        C::PLURAL.into()
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
    use local_registry_declaration::Data;
    use serde_json::json;

    #[test]
    fn annotations_are_not_kept() {
        let config_map = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "n", "resourceVersion": "7", "annotations": {"a": "b"}},
            "data": {"note": "x"},
        });
        let config_map: Slim<Data> = serde_json::from_value(config_map).unwrap();
        assert_eq!(config_map.meta().resource_version.as_deref(), Some("7"));
        assert_eq!(config_map.meta().annotations, None);
        assert_eq!(config_map.into_content(), [("note", "x")].into_iter().collect());
    }

    #[test]
    fn a_few_finalizers_are_kept_of_however_many() {
        let check = |found: &serde_json::Value, expected: &[&str]| {
            let found: Finalizers = serde_json::from_value(found.clone()).unwrap();
            assert_eq!(found.into_names(), expected);
        };
        check(&json!(null), &[]);
        check(&json!(["a", "b"]), &["a", "b"]);
        check(&json!(vec!["a/b"; 285_000]), &["a/b", "a/b", "a/b", "a/b", "284996 more"]);
        check(&json!(["x".repeat(100)]), &["x".repeat(64).as_str()]);
    }

    #[test]
    fn a_config_map_without_data_has_none() {
        for data in [json!({"metadata": {}}), json!({"metadata": {}, "data": null})] {
            assert_eq!(serde_json::from_value::<Slim<Data>>(data).unwrap().into_content(), Data::default());
        }
    }

    #[test]
    fn binary_data_is_noted_and_not_kept() {
        let config_map = json!({"metadata": {}, "binaryData": {"localRegistryHosting.v1": "aG9zdA=="}});
        let data = serde_json::from_value::<Slim<Data>>(config_map).unwrap().into_content();
        let mut expected = Data::default();
        expected.note_binary_data();
        assert_eq!(data, expected);
    }
}
