//! Pods, nodes, and what the agents report.

use std::fmt::Debug;
use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Limited};
use k8s_openapi::api::core::v1::{Node, Pod, PodSpec};
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use kube::client::Body;
use local_registry_core::text::root_cause;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::call::Call;
use crate::connection::Cluster;
use crate::error::ClusterError;
use crate::listing::pages;

/// How many objects are on a page. The pod of `check` has little memory.
const PAGE: u32 = 50;

/// What is used of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSummary {
    /// Its name.
    pub name: String,
    /// Its architecture, as Kubernetes names it, such as `amd64`.
    pub architecture: String,
    /// Its operating system, such as `linux`.
    pub system: String,
    /// Whether its kubelet says that it is ready.
    pub is_ready: bool,
}

impl From<Node> for NodeSummary {
    fn from(node: Node) -> Self {
        let status = node.status.unwrap_or_default();
        let info = status.node_info.unwrap_or_default();
        let conditions = status.conditions.unwrap_or_default();
        Self {
            name: node.metadata.name.unwrap_or_default(),
            architecture: info.architecture,
            system: info.operating_system,
            is_ready: conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True"),
        }
    }
}

/// What is used of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodSummary {
    /// Its name.
    pub name: String,
    /// The node that it runs on; `None` before it is scheduled.
    pub node: Option<String>,
    /// The only node that it may run on, if it belongs to a `DaemonSet`.
    pub meant_for: Option<String>,
    /// The image of its only container, as it is stored.
    pub image: Option<String>,
    /// Why it is not ready, as far as its status says; `None` if it is ready.
    pub trouble: Option<String>,
    /// How its only container is.
    pub container: ContainerState,
    /// Whether it has ended, or is being deleted.
    pub is_over: bool,
    /// Whether the kubelet of its node has seen it.
    pub is_seen: bool,
}

/// How a container is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerState {
    /// It waits to be started, for this reason if one is known.
    Waiting(Option<String>),
    /// Its image was pulled, and it runs, or has run to its end.
    Started,
    /// It has failed, or cannot be started.
    Failed(String),
}

/// The node that the affinity of a pod names.
fn only_node(spec: &PodSpec) -> Option<String> {
    let affinity = spec.affinity.as_ref()?.node_affinity.as_ref()?;
    let terms = &affinity.required_during_scheduling_ignored_during_execution.as_ref()?.node_selector_terms;
    let mut fields = terms.iter().flat_map(|term| term.match_fields.iter().flatten());
    let name = fields.find(|field| field.key == "metadata.name")?;
    name.values.as_ref()?.first().cloned()
}

impl From<Pod> for PodSummary {
    fn from(pod: Pod) -> Self {
        let status = pod.status.unwrap_or_default();
        let state = status.container_statuses.unwrap_or_default().into_iter().find_map(|container| container.state);
        let (running, waiting, terminated) =
            state.map(|state| (state.running, state.waiting, state.terminated)).unwrap_or_default();
        let container = match (running, terminated) {
            (None, Some(ended)) if ended.exit_code != 0 => {
                let reason = said(ended.reason, ended.message).unwrap_or_default();
                ContainerState::Failed(format!("{reason} (exit code {})", ended.exit_code))
            }
            (None, None) => ContainerState::Waiting(waiting.and_then(|waiting| said(waiting.reason, waiting.message))),
            _ => ContainerState::Started,
        };
        let rejected = said(status.reason, status.message);
        let is_seen = status.start_time.is_some();
        let phase = status.phase.unwrap_or_default();
        let is_over = pod.metadata.deletion_timestamp.is_some() || matches!(phase.as_str(), "Succeeded" | "Failed");
        let conditions = status.conditions.unwrap_or_default();
        let find = |kind: &str| conditions.iter().find(|condition| condition.type_ == kind);
        let ready = find("Ready");
        let trouble = (ready.map(|condition| condition.status.as_str()) != Some("True")).then(|| {
            let scheduling = find("PodScheduled").filter(|condition| condition.status == "False");
            let unscheduled =
                scheduling.and_then(|found| said(Some("it is not scheduled".to_owned()), found.message.clone()));
            let waiting = match &container {
                ContainerState::Waiting(reason) => reason.clone(),
                ContainerState::Failed(reason) => Some(reason.clone()),
                ContainerState::Started => None,
            };
            let not_ready = ready.and_then(|found| said(Some("it is not ready".to_owned()), found.message.clone()));
            rejected.or(unscheduled).or(waiting).or(not_ready).unwrap_or_else(|| "it has not started yet".to_owned())
        });
        let meant_for = pod.spec.as_ref().and_then(only_node);
        let (node, containers) = pod.spec.map(|spec| (spec.node_name, spec.containers)).unwrap_or_default();
        Self {
            name: pod.metadata.name.unwrap_or_default(),
            node,
            meant_for,
            image: containers.into_iter().find_map(|container| container.image),
            trouble,
            container,
            is_over,
            is_seen,
        }
    }
}

/// A reason and a message, on one line.
fn said(reason: Option<String>, message: Option<String>) -> Option<String> {
    match (reason, message.filter(|message| !message.is_empty())) {
        (Some(reason), Some(message)) => Some(format!("{reason}: {message}")),
        (one, other) => one.or(other),
    }
}

impl Cluster {
    /// The pods of a namespace that a label selector matches.
    ///
    /// # Errors
    /// A [`ClusterError`] if they cannot be listed.
    pub async fn pods(&self, namespace: &str, selector: &str) -> Result<Vec<PodSummary>, ClusterError> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        summaries(&api, ListParams::default().labels(selector), &call(namespace, "list")).await
    }

    /// All nodes.
    ///
    /// # Errors
    /// A [`ClusterError`] if they cannot be listed.
    pub async fn nodes(&self) -> Result<Vec<NodeSummary>, ClusterError> {
        let api: Api<Node> = Api::all(self.client.clone());
        let call = Call { subject: "nodes".to_owned(), verb: "list", resource: "nodes".to_owned() };
        summaries(&api, ListParams::default(), &call).await
    }

    /// What a pod answers to a GET, through the API server.
    ///
    /// # Errors
    /// Why it does not answer with 200 and a text of at most 256 KiB, in a few seconds.
    pub async fn ask_pod(&self, namespace: &str, pod: &str, port: u16, path: &str) -> Result<Vec<u8>, String> {
        const LIMIT: Duration = Duration::from_secs(5);
        const LONGEST: usize = 256 * 1024;
        let url = format!("/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{path}");
        let asking = async {
            let request = Request::get(url).body(Body::empty()).map_err(|error| error.to_string())?;
            let answer = self.client.send(request).await.map_err(|error| root_cause(&error))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), LONGEST).collect().await;
            let body = body.map_err(|error| error.to_string())?.to_bytes();
            match status.as_u16() {
                200 => Ok(body.to_vec()),
                403 => Err(format!("get is forbidden; grant `get` on pods/proxy in {namespace}")),
                _ => Err(format!("{status}: {}", String::from_utf8_lossy(&body).chars().take(200).collect::<String>())),
            }
        };
        let late = || Err(format!("it does not answer within {} seconds", LIMIT.as_secs()));
        timeout(LIMIT, asking).await.unwrap_or_else(|_| late())
    }

    /// Creates a pod, and returns what was stored: its name, and what admission made of its image.
    ///
    /// # Errors
    /// A [`ClusterError`] if it cannot be created.
    pub async fn create_pod(&self, namespace: &str, pod: &Pod) -> Result<PodSummary, ClusterError> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let created = call(namespace, "create").answer(api.create(&PostParams::default(), pod)).await?;
        Ok(created.into())
    }

    /// Deletes a pod at once, if it is there.
    ///
    /// # Errors
    /// A [`ClusterError`] if it cannot be deleted.
    pub async fn delete_pod(&self, namespace: &str, pod: &str) -> Result<(), ClusterError> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let delete = async {
            match api.delete(pod, &DeleteParams::default().grace_period(0)).await {
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
                other => other.map(drop),
            }
        };
        call(namespace, "delete").answer(delete).await
    }
}

/// What is used of all objects of a list. No more than a page of them is kept whole.
pub(crate) async fn summaries<K, T>(api: &Api<K>, parameters: ListParams, call: &Call) -> Result<Vec<T>, ClusterError>
where
    K: Clone + DeserializeOwned + Debug,
    T: From<K>,
{
    let mut found = Vec::new();
    let list = async |page: &ListParams| api.list(page).await;
    pages(parameters.limit(PAGE), call, list, |object| found.push(T::from(object))).await?;
    Ok(found)
}

/// A call about the pods of a namespace.
fn call(namespace: &str, verb: &'static str) -> Call {
    Call { subject: format!("pods of {namespace}"), verb, resource: format!("pods in {namespace}") }
}
