//! Pods that each run the image on one node.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use tokio::time::{Instant, sleep};

use local_registry_cluster::pods::{ContainerState, PodSummary};
use local_registry_cluster::{Cluster, ClusterError};
use local_registry_core::text::with_causes;

/// How long the nodes have, all together. Without a file that leads elsewhere, a pull takes up to 17 seconds to fail.
const LIMIT: Duration = Duration::from_secs(75);
/// The label of all canary pods.
const LABEL: &str = "app.kubernetes.io/name=local-registry-canary";

/// The pods of one check.
pub(super) struct Canary<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) namespace: &'a str,
}

/// What became of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its image was pulled, and it has started.
    Ran,
    /// It has not, for this reason.
    Failed(String),
}

impl Canary<'_> {
    /// Deletes the pods that a check which was stopped has left, once they have ended.
    pub(super) async fn tidy(&self) -> Result<(), ClusterError> {
        for pod in self.cluster.pods(self.namespace, LABEL).await? {
            if pod.is_over {
                self.cluster.delete_pod(self.namespace, &pod.name).await?;
            }
        }
        Ok(())
    }

    /// Creates a pod for a node. No other pod has its name.
    pub(super) async fn start(&self, node: &str, image: &str) -> Result<PodSummary, ClusterError> {
        self.cluster.create_pod(self.namespace, &pod(node, image)).await
    }

    /// Deletes a pod.
    pub(super) async fn stop(&self, pod: &str) -> Result<(), ClusterError> {
        self.cluster.delete_pod(self.namespace, pod).await
    }

    /// Waits until each of the pods has started, or the time is over.
    pub(super) async fn outcomes(&self, names: &[String]) -> Vec<Outcome> {
        let end = Instant::now() + LIMIT;
        loop {
            let found = self.cluster.pods(self.namespace, LABEL).await;
            let outcomes: Vec<Outcome> = names
                .iter()
                .map(|name| match &found {
                    Err(error) => Outcome::Failed(with_causes(error)),
                    Ok(pods) => match pods.iter().find(|pod| pod.name == *name) {
                        None => Outcome::Failed("its pod is gone".to_owned()),
                        Some(pod) => match &pod.container {
                            ContainerState::Started => Outcome::Ran,
                            ContainerState::Failed(reason) => Outcome::Failed(reason.clone()),
                            ContainerState::Waiting(reason) => {
                                let reason = reason.clone().or_else(|| pod.trouble.clone());
                                Outcome::Failed(reason.unwrap_or_else(|| "it waits".to_owned()))
                            }
                        },
                    },
                })
                .collect();
            if outcomes.iter().all(|outcome| *outcome == Outcome::Ran) || Instant::now() >= end {
                return outcomes;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }
}

/// A pod that needs no right, and goes to that node past the scheduler, whatever is reserved there.
fn pod(node: &str, image: &str) -> Pod {
    let pod = json!({
        "metadata": {
            "generateName": "canary-",
            "labels": {"app.kubernetes.io/name": "local-registry-canary", "app.kubernetes.io/part-of": "local-registry"},
        },
        "spec": {
            "nodeName": node,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": 300,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"operator": "Exists"}],
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "canary",
                "image": image,
                "imagePullPolicy": "Always",
                "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}},
                "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    });
    serde_json::from_value(pod).unwrap_or_default()
}
