//! Secrets: what is in one, and what is added to it.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use crate::call::{Call, Failure, limited};
use crate::connection::Cluster;
use crate::error::{ClusterError, ClusterErrorKind};
use crate::named::{Wanted, named};

/// What is in a Secret. Printing it shows the keys alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretData {
    data: BTreeMap<String, ByteString>,
    version: String,
}

impl SecretData {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.data.get(key).map(|value| value.0.as_slice())
    }
}

impl fmt::Debug for SecretData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.data.keys()).finish()
    }
}

impl Cluster {
    /// What is in a Secret; `None` if there is none of this name.
    ///
    /// # Errors
    /// A [`ClusterError`] if it cannot be read.
    pub async fn secret(&self, namespace: &str, name: &str) -> Result<Option<SecretData>, ClusterError> {
        let call = call(namespace, name, "get");
        let found = named(&self.secrets(namespace), wanted(namespace, name), &call).await?;
        Ok(found.map(|secret: Secret| SecretData {
            data: secret.data.unwrap_or_default(),
            version: secret.metadata.resource_version.unwrap_or_default(),
        }))
    }

    /// Sets these keys of a Secret, if nobody has changed it since it was seen.
    ///
    /// # Errors
    /// A [`ClusterError`] if nothing was written; [`ClusterError::is_outdated`] if it has changed.
    pub async fn fill_secret(
        &self,
        namespace: &str,
        name: &str,
        seen: &SecretData,
        data: &BTreeMap<&str, Vec<u8>>,
    ) -> Result<(), ClusterError> {
        let data: BTreeMap<_, _> = data.iter().map(|(key, value)| (*key, ByteString(value.clone()))).collect();
        let patch = json!({"metadata": {"resourceVersion": seen.version}, "data": data});
        let (api, call) = (self.secrets(namespace), call(namespace, name, "patch"));
        match limited(api.patch(name, &PatchParams::default(), &Patch::Merge(&patch))).await {
            Ok(answer) => wanted(namespace, name).check(&answer, &call),
            Err(Failure::Api(kube::Error::Api(status))) if status.code == 409 => {
                Err(ClusterErrorKind::Changed.about(call.subject))
            }
            Err(failure) => Err(call.failed(failure)),
        }
    }

    fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

fn wanted<'a>(namespace: &'a str, name: &'a str) -> Wanted<'a> {
    Wanted { namespace: Some(namespace), name, plural: "secrets" }
}

/// A call about a Secret.
fn call(namespace: &str, name: &str, verb: &'static str) -> Call {
    Call { subject: format!("Secret {namespace}/{name}"), verb, resource: format!("secrets/{name} in {namespace}") }
}
