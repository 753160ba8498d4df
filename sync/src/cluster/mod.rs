//! The calls to the API server: the ConfigMap and policies are read, a policy's settings are applied.

mod error;
mod events;
mod following;
mod policy_name;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams};
use kube::core::ObjectList;
use kube::core::request::Request;
use kube::{Client, Error};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use self::error::{general, read};
use self::events::{Journal, News, Step};
use crate::config_map::{NAME, NAMESPACE};
use crate::data::{ConfigMap, Data};
use crate::plan::{MANAGER, Settings};

pub use self::error::ClusterError;
pub use self::following::ConfigMaps;
pub use self::policy_name::{PolicyName, PolicyNameError};

/// How long one call may take.
const LIMIT: Duration = Duration::from_secs(15);

/// The API group of Kubewarden's policies.
const GROUP: &str = "policies.kubewarden.io";
const VERSION: &str = "v1";

/// How many objects are listed at a time. A Build may be 1 MiB, and a pod has little memory.
const PAGE: u32 = 25;

/// Shipwright's Builds, in the version that is stored.
pub(crate) fn builds() -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("shipwright.io", "v1beta1", "Build"), "builds")
}

/// The namespaces.
pub(crate) fn namespaces() -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("", "v1", "Namespace"), "namespaces")
}

/// How settings are applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mode {
    /// Let the API server compute the change and store nothing.
    pub dry_run: bool,
    /// Take fields over that another manager owns.
    pub force: bool,
}

/// A cluster.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    journal: Arc<Mutex<Journal>>,
}

impl Cluster {
    /// A cluster that the client is connected to.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, journal: Arc::new(Mutex::new(Journal::new(MANAGER))) }
    }

    /// The data of the ConfigMap `kube-public/local-registry-hosting`; `None` where there is none.
    ///
    /// # Errors
    /// A [`ClusterError`] where it could not be read.
    pub async fn config_map(&self) -> Result<Option<Data>, ClusterError> {
        let subject = || format!("ConfigMap {NAMESPACE}/{NAME}");
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), NAMESPACE);
        let found = limited(api.get_opt(NAME)).await.map_err(|failure| match failure {
            Failure::Timeout => ClusterError::Timeout { subject: subject() },
            Failure::Api(error) => general(error, subject(), "get", format!("configmaps/{NAME} in {NAMESPACE}")),
        })?;
        Ok(found.map(ConfigMap::into_data))
    }

    /// The ConfigMap, followed.
    #[must_use]
    pub fn config_maps(&self) -> ConfigMaps {
        ConfigMaps::new(Api::namespaced(self.client.clone(), NAMESPACE))
    }

    /// Publishes an Event on the ConfigMap that it is of no use. Failures are only logged: whoever
    /// may not create Events still gets the settings.
    pub async fn announce_unusable(&self, note: String) {
        let object = ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("ConfigMap".to_owned()),
            namespace: Some(NAMESPACE.to_owned()),
            name: Some(NAME.to_owned()),
            ..ObjectReference::default()
        };
        self.announce(News { kind: "Warning", reason: "Unusable", action: "Read", note, object }).await;
    }

    /// Publishes an Event on a policy that its settings were changed.
    pub async fn announce_change(&self, policy: &PolicyName, note: String) {
        let object = ObjectReference {
            api_version: Some(format!("{GROUP}/{VERSION}")),
            kind: Some(policy.kind().to_owned()),
            namespace: policy.namespace.clone(),
            name: Some(policy.name.clone()),
            ..ObjectReference::default()
        };
        self.announce(News { kind: "Normal", reason: "SettingsChanged", action: "Apply", note, object }).await;
    }

    async fn announce(&self, news: News) {
        let reason = news.reason;
        // Events about what has no namespace are kept in `default`.
        let namespace = news.object.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let api: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        let published = match self.step(news.clone()) {
            Step::Drop => {
                tracing::warn!(reason, "the Event was not published, since there were too many of late");
                return;
            }
            Step::Create(event) => limited(api.create(&PostParams::default(), &event)).await,
            Step::Count { name, patch } => {
                match limited(api.patch(&name, &PatchParams::default(), &Patch::Merge(patch))).await {
                    Err(Failure::Api(Error::Api(status))) if status.code == 404 => {
                        self.journal().forget(&name);
                        let Step::Create(event) = self.step(news) else { return };
                        limited(api.create(&PostParams::default(), &event)).await
                    }
                    published => published,
                }
            }
        };
        match published {
            Ok(_) => {}
            Err(Failure::Timeout) => tracing::warn!(reason, "the Event was not published in time"),
            Err(Failure::Api(error)) => tracing::warn!(reason, %error, "the Event was not published"),
        }
    }

    fn step(&self, news: News) -> Step {
        self.journal().step(news, Instant::now(), Timestamp::now())
    }

    fn journal(&self) -> std::sync::MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Shows every object of a kind in the cluster, as far as `T` knows it, page by page.
    ///
    /// # Errors
    /// A [`ClusterError`]; objects may have been shown before.
    pub async fn each<T: DeserializeOwned + Clone>(
        &self,
        resource: &ApiResource,
        mut show: impl FnMut(T),
    ) -> Result<(), ClusterError> {
        let named = format!("{}.{}", resource.plural, resource.group);
        let named = named.trim_end_matches('.').to_owned();
        let url = match resource.group.as_str() {
            "" => format!("/api/{}/{}", resource.version, resource.plural),
            _ => format!("/apis/{}/{}", resource.api_version, resource.plural),
        };
        let mut page = ListParams::default().limit(PAGE);
        loop {
            let request = Request::new(&url)
                .list(&page)
                .map_err(|error| ClusterError::Other { subject: named.clone(), source: Error::BuildRequest(error) })?;
            let list: ObjectList<T> = limited(self.client.request(request)).await.map_err(|failure| match failure {
                Failure::Timeout => ClusterError::Timeout { subject: named.clone() },
                Failure::Api(error) => general(error, named.clone(), "list", named.clone()),
            })?;
            list.items.into_iter().for_each(&mut show);
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(()),
            }
        }
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
