//! Aliases: the Service `local-registry` in the namespaces whose pods reach the local registry by that name.

use kube::api::{Api, DeleteParams, Patch, PatchParams, Preconditions};
use serde::Deserialize;
use serde_json::json;

use crate::call::Call;
use crate::connection::Cluster;
use crate::error::ClusterError;
use crate::follow::{Content, FollowedAll, Selection, Slim, Watch};
use crate::named::{Wanted, deleted};
use crate::namespaces::NamespaceLabel;
use crate::policies::FIELD_MANAGER;

/// The name of every alias: the host of the portable name, without its port.
pub const ALIAS: &str = "local-registry";
/// The label of the namespaces that get an alias. Its value is `true`.
pub const ALIAS_LABEL: &str = "local-registry-hosting/alias";
/// The label that says whose an alias is. Its value is the [`FIELD_MANAGER`].
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const EXTERNAL_NAME: &str = "ExternalName";

/// The label of the namespaces that get an alias.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AliasLabel;

impl NamespaceLabel for AliasLabel {
    const LABEL: &'static str = ALIAS_LABEL;
}

/// What is used of a Service that has the name of the alias.
///
/// ```
/// use local_registry_cluster::aliases::Alias;
///
/// let alias: Alias = serde_json::from_str(r#"{"type": "ExternalName", "externalName": "registry.infra.svc.cluster.local"}"#)?;
/// assert!(alias.leads_to("registry.infra.svc.cluster.local") && !alias.is_ours());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Alias {
    #[serde(rename = "type")]
    kind: Option<String>,
    external_name: Option<String>,
    #[serde(skip)]
    is_ours: bool,
    #[serde(skip)]
    version: String,
    #[serde(skip)]
    ending: Option<Vec<String>>,
}

impl Alias {
    /// Whether it is nothing but another name.
    #[must_use]
    pub fn is_name(&self) -> bool {
        self.kind.as_deref() == Some(EXTERNAL_NAME)
    }

    /// Whether it is nothing but another name of this host.
    #[must_use]
    pub fn leads_to(&self, host: &str) -> bool {
        self.is_name() && self.external_name.as_deref() == Some(host)
    }

    /// Whether this program has made it, by its label. Whoever may write Services of its namespace may forge that, and gets
    /// nothing by it but an alias in the place of a Service of their own.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// If it is being deleted: the finalizers that have to go before it does.
    #[must_use]
    pub fn ending(&self) -> Option<&[String]> {
        self.ending.as_deref()
    }
}

impl Content for Alias {
    const KIND: &'static str = "Service";
    const PLURAL: &'static str = "services";
    const FIELD: &'static str = "spec";
    const IS_REQUIRED: bool = true;
    const LABEL: Option<&'static str> = Some(MANAGED_BY);

    fn note_label(&mut self, value: &str) {
        self.is_ours = value == FIELD_MANAGER;
    }

    fn note_version(&mut self, version: &str) {
        version.clone_into(&mut self.version);
    }

    fn note_deletion(&mut self, finalizers: Vec<String>) {
        self.ending = Some(finalizers);
    }
}

impl Cluster {
    /// Follows the Services of every namespace that have the name of the alias, whoever has made them.
    #[must_use]
    pub fn follow_aliases(&self) -> FollowedAll<Alias> {
        let call = |verb| Call {
            subject: format!("Services that are called {ALIAS}"),
            verb,
            resource: format!("services/{ALIAS} in all namespaces"),
        };
        FollowedAll::new(Watch::new(self.client.clone(), Selection::Named(ALIAS), self.ended_watches(), call))
    }

    /// Makes the alias of a namespace lead to this host, and returns it as it is then; with `dry_run`, as it would be.
    ///
    /// # Errors
    /// A [`ClusterError`] if the API server does not take it.
    pub async fn apply_alias(&self, namespace: &str, host: &str, dry_run: bool) -> Result<Alias, ClusterError> {
        let service = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": ALIAS,
                "labels": {MANAGED_BY: FIELD_MANAGER, "app.kubernetes.io/part-of": "local-registry"},
            },
            "spec": {"type": EXTERNAL_NAME, "externalName": host},
        });
        // By force: whoever has changed an alias by hand owns what they have changed.
        let mut parameters = PatchParams::apply(FIELD_MANAGER).force();
        parameters.dry_run = dry_run;
        let (api, call) = (self.aliases(namespace), call(namespace, "patch"));
        let answer = call.answer(api.patch(ALIAS, &parameters, &Patch::Apply(&service))).await?;
        wanted(namespace).check(&answer, &call).map(|()| answer.into_content())
    }

    /// Deletes the alias of a namespace, if nobody has changed it since it was seen.
    ///
    /// # Errors
    /// A [`ClusterError`] if it is still there.
    pub async fn delete_alias(&self, namespace: &str, seen: &Alias, dry_run: bool) -> Result<(), ClusterError> {
        let unchanged = Preconditions { resource_version: Some(seen.version.clone()), uid: None };
        let parameters = DeleteParams { dry_run, preconditions: Some(unchanged), ..DeleteParams::default() };
        let call = call(namespace, "delete");
        deleted(&self.aliases(namespace), &parameters, wanted(namespace), &call).await.map(drop)
    }

    fn aliases(&self, namespace: &str) -> Api<Slim<Alias>> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

fn wanted(namespace: &str) -> Wanted<'_> {
    Wanted { namespace: Some(namespace), name: ALIAS, plural: Alias::PLURAL }
}

/// A call about the alias of a namespace.
fn call(namespace: &str, verb: &'static str) -> Call {
    let subject = format!("Service {namespace}/{ALIAS}");
    Call { subject, verb, resource: format!("services/{ALIAS} in {namespace}") }
}
