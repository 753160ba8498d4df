//! Values that may have another type than they should: they count as absent.
//!
//! The API server checks policies by Kubewarden's CRD, but a cluster may have another version of it. One field that cannot
//! be read must not hide what the others say.

use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::Value;

/// A value, or the default for one of another type.
pub(super) fn value<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(value: D) -> Result<T, D::Error> {
    Value::deserialize(value).map(read)
}

/// The elements of a list, with the default for those of another type.
pub(super) fn list<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(list: D) -> Result<Vec<T>, D::Error> {
    Ok(elements(list)?.into_iter().map(read).collect())
}

/// The texts of a list, without what else is in it.
pub(super) fn texts<'de, D: Deserializer<'de>>(list: D) -> Result<Vec<String>, D::Error> {
    let text = |element| if let Value::String(text) = element { Some(text) } else { None };
    Ok(elements(list)?.into_iter().filter_map(text).collect())
}

fn elements<'de, D: Deserializer<'de>>(list: D) -> Result<Vec<Value>, D::Error> {
    let list = Value::deserialize(list)?;
    Ok(if let Value::Array(elements) = list { elements } else { Vec::new() })
}

fn read<T: DeserializeOwned + Default>(value: Value) -> T {
    // A list would be read as a struct, by the order of its fields.
    if value.is_array() { T::default() } else { serde_json::from_value(value).unwrap_or_default() }
}
