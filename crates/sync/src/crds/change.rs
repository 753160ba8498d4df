//! A change of a CRD.

use local_registry_cluster::crds::Crd;
use serde_json::{Value, json};

use super::place::{DESCRIPTION, Place};

/// A change of a CRD: a JSON patch, which fails as a whole if the CRD has changed since it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    operations: Vec<Value>,
    places: Vec<String>,
    last_version: Option<usize>,
}

impl Change {
    /// A change that changes nothing yet.
    pub(super) fn of(crd: &Crd) -> Self {
        // Not a test: the API server answers with a conflict to what is out of date.
        let lock = json!({"op": "replace", "path": "/metadata/resourceVersion", "value": crd.resource_version});
        Self { operations: vec![lock], places: Vec::new(), last_version: None }
    }

    /// Adds the field at a place.
    pub(super) fn add(&mut self, place: &Place<'_>) {
        self.at(place);
        let field = json!({"type": "boolean", "description": DESCRIPTION});
        self.operations.push(test(&place.pointer("image/type"), "string"));
        self.operations.push(json!({"op": "add", "path": place.pointer("local"), "value": field}));
    }

    /// Takes the field out of a place.
    pub(super) fn remove(&mut self, place: &Place<'_>) {
        self.at(place);
        self.operations.push(test(&place.pointer("local/type"), "boolean"));
        self.operations.push(test(&place.pointer("local/description"), DESCRIPTION));
        self.operations.push(json!({"op": "remove", "path": place.pointer("local")}));
    }

    fn at(&mut self, place: &Place<'_>) {
        if self.last_version.replace(place.index) != Some(place.index) {
            self.operations.push(test(&format!("/spec/versions/{}/name", place.index), &place.version.name));
        }
        self.places.push(place.to_string());
    }

    /// The operations of the JSON patch.
    #[must_use]
    pub fn operations(&self) -> &[Value] {
        &self.operations
    }

    /// Where the field is added or removed, as in `v1beta1 spec.output`.
    #[must_use]
    pub fn places(&self) -> &[String] {
        &self.places
    }
}

fn test(path: &str, value: &str) -> Value {
    json!({"op": "test", "path": path, "value": value})
}
