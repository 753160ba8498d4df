//! The calls to the API server: the ConfigMap and policies are read, a policy's settings are applied.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::{ConfigMap, ObjectReference};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::core::Status;
use kube::runtime::WatchStreamExt;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::runtime::watcher::{self, watcher};
use kube::{Client, Error};
use local_registry_core::is_object_name;
use serde_json::{Value, json};

use crate::config_map::{NAME, NAMESPACE};
use crate::plan::{MANAGER, Settings};

/// How long one call may take.
const LIMIT: Duration = Duration::from_secs(15);

/// The API group of Kubewarden's policies.
const GROUP: &str = "policies.kubewarden.io";
const VERSION: &str = "v1";

/// A policy: `NAME` of a ClusterAdmissionPolicy, or `NAMESPACE/NAME` of an AdmissionPolicy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyName {
    namespace: Option<String>,
    name: String,
}

/// A text names no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected NAME of a ClusterAdmissionPolicy, or NAMESPACE/NAME of an AdmissionPolicy")]
pub struct PolicyNameError;

impl FromStr for PolicyName {
    type Err = PolicyNameError;

    fn from_str(text: &str) -> Result<Self, PolicyNameError> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, text),
        };
        if !namespace.is_none_or(is_object_name) || !is_object_name(name) {
            return Err(PolicyNameError);
        }
        Ok(Self { namespace: namespace.map(ToOwned::to_owned), name: name.to_owned() })
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl PolicyName {
    /// `ClusterAdmissionPolicy` or `AdmissionPolicy`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.namespace.is_some() { "AdmissionPolicy" } else { "ClusterAdmissionPolicy" }
    }

    /// The name as kubectl's arguments give it.
    #[must_use]
    pub fn arguments(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{} --namespace {namespace}", self.name),
            None => self.name.clone(),
        }
    }

    fn plural(&self) -> &'static str {
        if self.namespace.is_some() { "admissionpolicies" } else { "clusteradmissionpolicies" }
    }
}

/// How settings are applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mode {
    /// Let the API server compute the change and store nothing.
    pub dry_run: bool,
    /// Take fields over that another manager owns.
    pub force: bool,
}

/// A call that failed, and what mends it.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The API server did not let us.
    #[error("{subject}: {verb} is forbidden: {message}; grant `{verb}` on {resource}")]
    Forbidden {
        /// What was asked for.
        subject: String,
        /// The verb that is missing.
        verb: &'static str,
        /// The resource that the verb is missing for.
        resource: String,
        /// What the API server said.
        message: String,
    },
    /// There is no such policy. None is ever created.
    #[error("{kind} {policy}: there is none of that name; create it, or correct --policy")]
    NoPolicy {
        /// The policy.
        policy: PolicyName,
        /// Its kind.
        kind: &'static str,
    },
    /// The cluster does not know Kubewarden's policies.
    #[error("{kind} {policy}: the cluster does not know {GROUP}/{VERSION}; install Kubewarden's CRDs")]
    NoCrd {
        /// The policy.
        policy: PolicyName,
        /// Its kind.
        kind: &'static str,
    },
    /// Another field manager owns a field.
    #[error("{kind} {policy}: {conflicts}; let that manager give the field up, or take it over with --force")]
    Conflict {
        /// The policy.
        policy: PolicyName,
        /// Its kind.
        kind: &'static str,
        /// The fields, and who owns each.
        conflicts: String,
    },
    /// The API server did not answer in time.
    #[error("{subject}: the API server did not answer within {} seconds", LIMIT.as_secs())]
    Timeout {
        /// What was asked for.
        subject: String,
    },
    /// The API server answered with another error.
    #[error("{subject}: the API server answered {code}: {message}")]
    Refused {
        /// What was asked for.
        subject: String,
        /// The HTTP status code.
        code: u16,
        /// What the API server said.
        message: String,
    },
    /// Anything else.
    #[error("{subject}: the API server cannot be asked")]
    Other {
        /// What was asked for.
        subject: String,
        /// What went wrong.
        source: Error,
    },
}

/// The data of the ConfigMap; `None` where there is none.
pub type Data = Option<BTreeMap<String, String>>;

/// A cluster.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    recorder: Recorder,
}

impl Cluster {
    /// A cluster that the client is connected to.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let reporter = Reporter { controller: MANAGER.to_owned(), instance: None };
        Self { recorder: Recorder::new(client.clone(), reporter), client }
    }

    /// The data of the ConfigMap `kube-public/local-registry-hosting`; `None` where there is none.
    ///
    /// # Errors
    /// A [`ClusterError`] where it could not be read.
    pub async fn config_map(&self) -> Result<Data, ClusterError> {
        let subject = || format!("ConfigMap {NAMESPACE}/{NAME}");
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), NAMESPACE);
        let found = limited(api.get_opt(NAME)).await.map_err(|failure| match failure {
            Failure::Timeout => ClusterError::Timeout { subject: subject() },
            Failure::Api(error) => general(error, subject(), "get", format!("configmaps/{NAME} in {NAMESPACE}")),
        })?;
        Ok(found.map(|config_map| config_map.data.unwrap_or_default()))
    }

    /// The data of the ConfigMap now and after every change. Errors are transient: the stream lists
    /// anew where a watch has expired, and waits longer after each failure.
    pub fn config_maps(&self) -> impl Stream<Item = Result<Data, watcher::Error>> + use<> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), NAMESPACE);
        let only = watcher::Config::default().fields(&format!("metadata.name={NAME}"));
        let mut listed = None;
        watcher(api, only).default_backoff().filter_map(move |event| {
            let data = |config_map: ConfigMap| Some(config_map.data.unwrap_or_default());
            std::future::ready(match event {
                Err(error) => Some(Err(error)),
                Ok(watcher::Event::Init) => {
                    listed = None;
                    None
                }
                Ok(watcher::Event::InitApply(config_map)) => {
                    listed = data(config_map);
                    None
                }
                Ok(watcher::Event::InitDone) => Some(Ok(listed.take())),
                Ok(watcher::Event::Apply(config_map)) => Some(Ok(data(config_map))),
                Ok(watcher::Event::Delete(_)) => Some(Ok(None)),
            })
        })
    }

    /// Publishes an Event on the ConfigMap that it is of no use. Failures are only logged: whoever
    /// may not create Events still gets the settings.
    pub async fn announce_unusable(&self, note: &str) {
        let config_map = ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("ConfigMap".to_owned()),
            namespace: Some(NAMESPACE.to_owned()),
            name: Some(NAME.to_owned()),
            ..ObjectReference::default()
        };
        self.announce(EventType::Warning, "Unusable", "Read", note, &config_map).await;
    }

    /// Publishes an Event on a policy that its settings were changed.
    pub async fn announce_change(&self, policy: &PolicyName, note: &str) {
        let policy = ObjectReference {
            api_version: Some(format!("{GROUP}/{VERSION}")),
            kind: Some(policy.kind().to_owned()),
            namespace: policy.namespace.clone(),
            name: Some(policy.name.clone()),
            ..ObjectReference::default()
        };
        self.announce(EventType::Normal, "SettingsChanged", "Apply", note, &policy).await;
    }

    async fn announce(&self, type_: EventType, reason: &str, action: &str, note: &str, object: &ObjectReference) {
        // The API server takes notes of up to 1 KiB.
        let note = Some(note.chars().take(500).collect());
        let event = Event { type_, reason: reason.to_owned(), note, action: action.to_owned(), secondary: None };
        match limited(self.recorder.publish(&event, object)).await {
            Ok(()) => {}
            Err(Failure::Timeout) => tracing::warn!(reason, "the Event was not published in time"),
            Err(Failure::Api(error)) => tracing::warn!(reason, %error, "the Event was not published"),
        }
    }

    /// A policy, as the API server returns it.
    ///
    /// # Errors
    /// A [`ClusterError`] where there is none or it could not be read.
    pub async fn policy(&self, policy: &PolicyName) -> Result<Value, ClusterError> {
        let found = limited(self.policies(policy).get(&policy.name)).await;
        read(found, policy, "get")
    }

    /// Applies settings to a policy by server-side apply, and returns it as it is then.
    ///
    /// # Errors
    /// A [`ClusterError`]; nothing was written then.
    pub async fn apply(&self, policy: &PolicyName, settings: &Settings, mode: Mode) -> Result<Value, ClusterError> {
        let metadata = match &policy.namespace {
            Some(namespace) => json!({"name": policy.name, "namespace": namespace}),
            None => json!({"name": policy.name}),
        };
        let identity = [
            ("apiVersion", json!(format!("{GROUP}/{VERSION}"))),
            ("kind", json!(policy.kind())),
            ("metadata", metadata),
        ];
        // Without fields of ours, what holds them is not mentioned either: an empty object would be ours, too.
        let settings = settings.to_json();
        let spec = (settings != json!({})).then(|| ("spec", json!({"settings": settings})));
        let fields: BTreeMap<_, _> = identity.into_iter().chain(spec).collect();
        let patch = Patch::Apply(fields);
        let mut parameters = PatchParams::apply(MANAGER);
        parameters.dry_run = mode.dry_run;
        parameters.force = mode.force;
        let applied = limited(self.policies(policy).patch(&policy.name, &parameters, &patch)).await;
        read(applied, policy, "patch")
    }

    /// A CustomResourceDefinition; `None` where there is none.
    ///
    /// # Errors
    /// A [`ClusterError`] where it could not be read.
    pub async fn custom_resource_definition(&self, name: &str) -> Result<Option<Value>, ClusterError> {
        let kind = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
        self.object(&kind, "customresourcedefinitions", name).await
    }

    /// A PolicyServer.
    ///
    /// # Errors
    /// A [`ClusterError`] where there is none or it could not be read.
    pub async fn policy_server(&self, name: &str) -> Result<Value, ClusterError> {
        let kind = GroupVersionKind::gvk(GROUP, VERSION, "PolicyServer");
        let subject = || format!("PolicyServer {name}");
        let found = self.object(&kind, "policyservers", name).await?;
        found.ok_or_else(|| ClusterError::Refused { subject: subject(), code: 404, message: "not found".to_owned() })
    }

    async fn object(&self, kind: &GroupVersionKind, plural: &str, name: &str) -> Result<Option<Value>, ClusterError> {
        let subject = || format!("{} {name}", kind.kind);
        let resource = ApiResource::from_gvk_with_plural(kind, plural);
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let found = limited(api.get_opt(name)).await.map_err(|failure| match failure {
            Failure::Timeout => ClusterError::Timeout { subject: subject() },
            Failure::Api(error) => general(error, subject(), "get", format!("{plural}.{}/{name}", kind.group)),
        })?;
        let json = found.map(serde_json::to_value).transpose();
        json.map_err(|error| ClusterError::Other { subject: subject(), source: Error::SerdeError(error) })
    }

    /// Whether a service account may get Builds in every namespace.
    ///
    /// # Errors
    /// A [`ClusterError`] where the API server does not say.
    pub async fn may_get_builds(&self, namespace: &str, account: &str) -> Result<bool, ClusterError> {
        let subject = || "SubjectAccessReview".to_owned();
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(format!("system:serviceaccount:{namespace}:{account}")),
                groups: Some(vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]),
                resource_attributes: Some(ResourceAttributes {
                    group: Some("shipwright.io".to_owned()),
                    resource: Some("builds".to_owned()),
                    verb: Some("get".to_owned()),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let api: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = limited(api.create(&PostParams::default(), &review)).await.map_err(|failure| match failure {
            Failure::Timeout => ClusterError::Timeout { subject: subject() },
            Failure::Api(error) => {
                general(error, subject(), "create", "subjectaccessreviews.authorization.k8s.io".to_owned())
            }
        })?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }

    fn policies(&self, policy: &PolicyName) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk(GROUP, VERSION, policy.kind());
        let resource = ApiResource::from_gvk_with_plural(&kind, policy.plural());
        match &policy.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        }
    }
}

enum Failure {
    Timeout,
    Api(Error),
}

async fn limited<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
    match tokio::time::timeout(LIMIT, call).await {
        Ok(answer) => answer.map_err(Failure::Api),
        Err(_) => Err(Failure::Timeout),
    }
}

fn read(
    answer: Result<DynamicObject, Failure>,
    policy: &PolicyName,
    verb: &'static str,
) -> Result<Value, ClusterError> {
    let kind = policy.kind();
    let subject = || format!("{kind} {policy}");
    let (policy, name) = (policy.clone(), &policy.name);
    match answer {
        Ok(object) => serde_json::to_value(object).map_err(|error| ClusterError::Other {
            subject: format!("{kind} {policy}"),
            source: Error::SerdeError(error),
        }),
        Err(Failure::Timeout) => Err(ClusterError::Timeout { subject: subject() }),
        Err(Failure::Api(Error::Api(status))) if status.code == 404 => {
            // An object that is missing is named; a resource that is missing is not.
            let named = status.details.as_ref().is_some_and(|details| details.name == *name);
            Err(if named { ClusterError::NoPolicy { policy, kind } } else { ClusterError::NoCrd { policy, kind } })
        }
        Err(Failure::Api(Error::Api(status))) if status.code == 409 => {
            Err(ClusterError::Conflict { policy, kind, conflicts: conflicts(&status) })
        }
        Err(Failure::Api(error)) => {
            let resource = format!("{}.{GROUP}/{name}", policy.plural());
            Err(general(error, format!("{kind} {policy}"), verb, resource))
        }
    }
}

fn general(error: Error, subject: String, verb: &'static str, resource: String) -> ClusterError {
    match error {
        Error::Api(status) if status.code == 403 => {
            ClusterError::Forbidden { subject, verb, resource, message: status.message.clone() }
        }
        Error::Api(status) => ClusterError::Refused { subject, code: status.code, message: status.message.clone() },
        source => ClusterError::Other { subject, source },
    }
}

/// The causes of a conflict, each as `spec.settings.host is owned by "kubectl" using …`.
fn conflicts(status: &Status) -> String {
    let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
    let texts: Vec<String> =
        causes.iter().map(|cause| format!("{}: {}", cause.field.trim_start_matches('.'), cause.message)).collect();
    if texts.is_empty() { status.message.clone() } else { texts.join(", ") }
}
