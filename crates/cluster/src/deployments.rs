//! How many pods a Deployment has and is to have, and how that is changed.

use kube::api::{Api, Patch, PatchParams};
use serde::Deserialize;
use serde::de::MapAccess;
use serde_json::json;

use crate::call::Call;
use crate::connection::Cluster;
use crate::error::{ClusterError, ClusterErrorKind};
use crate::follow::{Content, Slim};
use crate::named::{Wanted, named};

/// How many pods a Deployment has and is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replicas {
    /// How many it is to have: `spec.replicas`.
    pub desired: u32,
    /// How many are ready: `status.readyReplicas`, and none while there are more or fewer pods than there are to be. So what was true
    /// before the last change does not count.
    pub ready: u32,
}

/// What is read of a Deployment.
#[derive(Debug, Clone, Default, Deserialize)]
struct Counts {
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Spec {
    replicas: Option<u32>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    replicas: u32,
    ready_replicas: u32,
}

impl Content for Counts {
    const GROUP: &'static str = "apps";
    const KIND: &'static str = "Deployment";
    const PLURAL: &'static str = "deployments";
    const FIELDS: &'static [&'static str] = &["spec", "status"];

    fn read_field<'de, A: MapAccess<'de>>(&mut self, field: &str, fields: &mut A) -> Result<(), A::Error> {
        if field == "spec" {
            self.spec = fields.next_value()?;
        } else {
            self.status = fields.next_value()?;
        }
        Ok(())
    }
}

impl From<Counts> for Replicas {
    fn from(Counts { spec, status }: Counts) -> Self {
        // The API server's default.
        let desired = spec.replicas.unwrap_or(1);
        Self { desired, ready: if status.replicas == desired { status.ready_replicas } else { 0 } }
    }
}

impl Cluster {
    /// How many pods a Deployment has.
    ///
    /// # Errors
    /// A [`ClusterError`] if it is not there, or cannot be read.
    pub async fn replicas(&self, namespace: &str, name: &str) -> Result<Replicas, ClusterError> {
        let api: Api<Slim<Counts>> = Api::namespaced(self.client.clone(), namespace);
        let call = call(namespace, name, "get", "");
        let wanted = Wanted { namespace: Some(namespace), name, plural: Counts::PLURAL };
        let found = named(&api, wanted, &call).await?.ok_or_else(|| ClusterErrorKind::NoObject.about(call.subject))?;
        Ok(found.into_content().into())
    }

    /// Sets how many pods a Deployment is to have. Nothing else of it is changed, or could be by the right that this needs.
    ///
    /// # Errors
    /// A [`ClusterError`] if it cannot be set.
    pub async fn scale(&self, namespace: &str, name: &str, replicas: u32) -> Result<(), ClusterError> {
        let api: Api<Slim<Counts>> = Api::namespaced(self.client.clone(), namespace);
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        let call = call(namespace, name, "patch", "/scale");
        call.answer(api.patch_scale(name, &PatchParams::default(), &patch)).await.map(drop)
    }
}

fn call(namespace: &str, name: &str, verb: &'static str, part: &str) -> Call {
    Call {
        subject: format!("Deployment {namespace}/{name}"),
        verb,
        resource: format!("deployments.apps{part} {name} in {namespace}"),
    }
}
