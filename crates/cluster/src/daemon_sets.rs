//! On how many nodes a DaemonSet has its pod, and how one is deleted.

use k8s_openapi::api::apps::v1::DaemonSet;
use kube::api::{Api, DeleteParams};
use serde::Deserialize;

use crate::call::Call;
use crate::connection::Cluster;
use crate::error::ClusterError;
use crate::follow::{Content, Slim};
use crate::named::{Wanted, deleted, named};

/// On how many nodes a DaemonSet has its pod: its `status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DaemonSetStatus {
    /// The generation that the numbers are about. `None` if no controller has looked at it yet.
    pub observed_generation: Option<i64>,
    /// How many nodes are to have its pod.
    pub desired_number_scheduled: u32,
    /// On how many of them it is ready.
    pub number_ready: u32,
}

impl DaemonSetStatus {
    /// Whether its pod is ready on every node that is to have it.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.observed_generation.is_some() && self.number_ready >= self.desired_number_scheduled
    }
}

impl Content for DaemonSetStatus {
    const GROUP: &'static str = "apps";
    const KIND: &'static str = "DaemonSet";
    const PLURAL: &'static str = "daemonsets";
    const FIELD: &'static str = "status";
}

impl Cluster {
    /// The status of a DaemonSet; `None` if there is no such DaemonSet.
    ///
    /// # Errors
    /// A [`ClusterError`] if it cannot be read.
    pub async fn daemon_set(&self, namespace: &str, name: &str) -> Result<Option<DaemonSetStatus>, ClusterError> {
        let api: Api<Slim<DaemonSetStatus>> = Api::namespaced(self.client.clone(), namespace);
        let found = named(&api, wanted(namespace, name), &call(namespace, name, "get")).await?;
        Ok(found.map(Slim::into_content))
    }

    /// Deletes a DaemonSet. Its pods end after it. Returns whether it was there.
    ///
    /// # Errors
    /// A [`ClusterError`] if it cannot be deleted.
    pub async fn delete_daemon_set(&self, namespace: &str, name: &str) -> Result<bool, ClusterError> {
        let api: Api<DaemonSet> = Api::namespaced(self.client.clone(), namespace);
        let call = call(namespace, name, "delete");
        deleted(&api, &DeleteParams::background(), wanted(namespace, name), &call).await
    }
}

fn wanted<'a>(namespace: &'a str, name: &'a str) -> Wanted<'a> {
    Wanted { namespace: Some(namespace), name, plural: DaemonSetStatus::PLURAL }
}

fn call(namespace: &str, name: &str, verb: &'static str) -> Call {
    Call {
        subject: format!("DaemonSet {namespace}/{name}"),
        verb,
        resource: format!("daemonsets.apps/{name} in {namespace}"),
    }
}
