//! The data of the ConfigMap as it is kept in memory: the values that are read, and a few names of other keys.
//!
//! A ConfigMap may be 1 MiB, and its author chooses what that is. So nothing is kept that is not read later: no value of
//! an unknown key, and no value that is longer than a declaration ever is.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::kep_1755::V1;

/// How long the value of a known key may be, in bytes. Real values have a few hundred.
pub(super) const LONGEST: usize = 16 * 1024;

/// The keys whose values are read.
const KNOWN: [&str; 1] = [V1];

/// How many names of other keys are kept, for messages.
const NAMES: usize = 5;

/// The data of the ConfigMap: the values of its known keys, and the names of some others.
///
/// ```
/// use local_registry_declaration::{AllowedHosts, Data, Declared};
///
/// let data: Data = [("localRegistryHosting.v1", "hostFromClusterNetwork: reg.io"), ("note", "x")].into_iter().collect();
/// assert_eq!(Declared::read(&data, &AllowedHosts::default())?.to_string(), "the local registry is reg.io");
/// # Ok::<(), local_registry_declaration::DeclarationError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Data {
    known: BTreeMap<&'static str, KeptValue>,
    others: Vec<String>,
    /// How many other keys there are whose names are not kept.
    omitted: usize,
    has_binary: bool,
}

/// What is kept of the value of a known key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeptValue {
    /// The value.
    Text(String),
    /// Only its length in bytes, which is more than [`LONGEST`].
    TooLong(usize),
}

impl Data {
    /// Takes in that the ConfigMap has `binaryData`, too, which is not read.
    pub fn note_binary_data(&mut self) {
        self.has_binary = true;
    }

    pub(super) fn has_binary(&self) -> bool {
        self.has_binary
    }

    pub(super) fn value(&self, key: &str) -> Option<&KeptValue> {
        self.known.get(key)
    }

    /// The names of some keys that are not known, and how many more there are.
    pub(super) fn others(&self) -> (&[String], usize) {
        (&self.others, self.omitted)
    }

    fn insert(&mut self, key: &str, value: KeptValue) {
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
            data.insert(key.as_ref(), KeptValue::from_text(value.as_ref()));
        }
        data
    }
}

impl KeptValue {
    fn from_text(text: &str) -> Self {
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
                    if let Some(key) = known(&key) {
                        data.known.insert(key, entries.next_value()?);
                    } else {
                        entries.next_value::<IgnoredAny>()?;
                        data.insert_other(key);
                    }
                }
                Ok(data)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl<'de> Deserialize<'de> for KeptValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Length;
        impl Visitor<'_> for Length {
            type Value = KeptValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<KeptValue, E> {
                Ok(KeptValue::from_text(text))
            }
        }
        deserializer.deserialize_str(Length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_that_are_not_read_are_not_kept() {
        let long = "x".repeat(LONGEST + 1);
        let data =
            json!({"a": &long, "b": "", "c": "", "d": "", "e": "", "f": "", "localRegistryHosting.v1": &long, "z": ""});
        let data: Data = serde_json::from_value(data).unwrap();
        assert_eq!(data.value("localRegistryHosting.v1"), Some(&KeptValue::TooLong(LONGEST + 1)));
        assert_eq!(data.others(), (&["a", "b", "c", "d", "e"].map(ToOwned::to_owned)[..], 2));
    }

    #[test]
    fn the_longest_value_is_kept() {
        let text = "x".repeat(LONGEST);
        let data: Data = [("localRegistryHosting.v1", &text)].into_iter().collect();
        assert_eq!(data.value("localRegistryHosting.v1"), Some(&KeptValue::Text(text)));
    }
}
