//! An object that has the name of the credentials, as it was seen: whose it is, and what matters in it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess};

use super::MANAGER;
use crate::follow::{Content, Slim};

/// The label that says whose an object is.
pub(super) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// What is kept of one kind of object.
pub trait Part: fmt::Debug + Clone + Default + PartialEq + Send + 'static {
    /// The kind's API group. By default, the core group.
    const GROUP: &'static str = "";
    /// The kind.
    const KIND: &'static str;
    /// The resource, as paths and RBAC name it.
    const PLURAL: &'static str;
    /// Whether what is in it is secret.
    const IS_SECRET: bool = false;
    /// The fields that are read.
    const FIELDS: &'static [&'static str];
    /// The annotations that are read.
    const ANNOTATIONS: &'static [&'static str] = &[];

    /// Reads one of the fields.
    ///
    /// # Errors
    /// An error if the field is not what it has to be.
    fn read_field<'de, A: MapAccess<'de>>(&mut self, field: &str, fields: &mut A) -> Result<(), A::Error>;

    /// Takes in the value of one of the annotations.
    fn note_annotation(&mut self, _name: &str, _value: String) {}
}

/// An object that has the name of the credentials, as it was seen.
///
/// ```
/// use local_registry_cluster::credentials::{Account, Found};
/// use serde_json::json;
///
/// let labels = json!({"app.kubernetes.io/managed-by": "local-registry-credentials"});
/// let account = json!({"metadata": {"labels": labels, "uid": "7"}, "automountServiceAccountToken": false});
/// let account: Found<Account> = serde_json::from_value(account)?;
/// assert!(account.is_ours() && account.part().is_right());
/// assert_eq!(account.uid(), "7");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found<T: Part> {
    part: T,
    is_ours: bool,
    uid: String,
    version: String,
    ending: Option<Vec<String>>,
}

impl<'de, T: Part> Deserialize<'de> for Found<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Slim::deserialize(deserializer).map(Slim::into_content)
    }
}

impl<T: Part> Found<T> {
    /// What matters in it.
    #[must_use]
    pub fn part(&self) -> &T {
        &self.part
    }

    /// Whether this program has made it, by its label. Whoever may write such objects of its namespace may forge that, and gets
    /// nothing by it but credentials of this program in the place of an object of their own.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// The `uid`. An object that is made anew has another one.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The `resourceVersion`. An object that is changed has another one.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// If it is being deleted: the finalizers that have to go before it does.
    #[must_use]
    pub fn ending(&self) -> Option<&[String]> {
        self.ending.as_deref()
    }
}

impl<T: Part> Content for Found<T> {
    const GROUP: &'static str = T::GROUP;
    const KIND: &'static str = T::KIND;
    const PLURAL: &'static str = T::PLURAL;
    const LABEL: Option<&'static str> = Some(MANAGED_BY);
    const FIELDS: &'static [&'static str] = T::FIELDS;
    const ANNOTATIONS: &'static [&'static str] = T::ANNOTATIONS;
    const IS_SECRET: bool = T::IS_SECRET;

    fn read_field<'de, A: MapAccess<'de>>(&mut self, field: &str, fields: &mut A) -> Result<(), A::Error> {
        self.part.read_field(field, fields)
    }

    fn note_annotation(&mut self, name: &str, value: String) {
        self.part.note_annotation(name, value);
    }

    fn note_label(&mut self, value: &str) {
        self.is_ours = value == MANAGER;
    }

    fn note_uid(&mut self, uid: &str) {
        uid.clone_into(&mut self.uid);
    }

    fn note_version(&mut self, version: &str) {
        version.clone_into(&mut self.version);
    }

    fn note_deletion(&mut self, finalizers: Vec<String>) {
        self.ending = Some(finalizers);
    }
}
