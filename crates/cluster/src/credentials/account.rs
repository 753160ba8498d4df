//! The ServiceAccount whose token is in the Secret.

use serde::de::MapAccess;
use serde_json::{Value, json};

use super::found::Part;
use super::promise::Promise;

/// What matters in the ServiceAccount: pods that run as it get no token of it, and what it says of the one in the Secret.
///
/// ```
/// use local_registry_cluster::credentials::Account;
///
/// assert!(!Account::default().is_right());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    is_mounted: Option<bool>,
    promise: Promise,
}

impl Account {
    /// Whether it is as it should be, whatever it says of the token.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.is_mounted == Some(false)
    }

    /// What it says of the token in the Secret.
    #[must_use]
    pub fn promise(&self) -> &Promise {
        &self.promise
    }

    /// What is applied beside the metadata.
    pub(super) fn body() -> Value {
        json!({"apiVersion": "v1", "automountServiceAccountToken": false})
    }
}

impl Part for Account {
    const KIND: &'static str = "ServiceAccount";
    const PLURAL: &'static str = "serviceaccounts";
    const FIELDS: &'static [&'static str] = &["automountServiceAccountToken"];
    const ANNOTATIONS: &'static [&'static str] = Promise::ANNOTATIONS;

    fn read_field<'de, A: MapAccess<'de>>(&mut self, _field: &str, fields: &mut A) -> Result<(), A::Error> {
        self.is_mounted = fields.next_value()?;
        Ok(())
    }

    fn note_annotation(&mut self, name: &str, value: String) {
        self.promise.note(name, &value);
    }
}
