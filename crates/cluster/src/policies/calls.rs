//! Policies are read, and settings are applied to them.

use std::collections::BTreeMap;

use kube::Error;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};

use crate::call::{Call, Failure, limited};
use crate::connection::Cluster;
use crate::error::{ClusterError, ClusterErrorKind};
use crate::named::Wanted;
use crate::policies::name::PolicyName;
use crate::policies::policy::FIELD_MANAGER;
use crate::policies::policy::Policy;

/// The API group of Kubewarden's policies, and its version.
pub(crate) const GROUP: &str = "policies.kubewarden.io";
pub(crate) const VERSION: &str = "v1";

/// How settings are applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ApplyMode {
    /// Let the API server compute the change and store nothing.
    pub dry_run: bool,
    /// Take fields over that another field manager owns.
    pub force: bool,
}

impl Cluster {
    /// A policy.
    ///
    /// # Errors
    /// A [`ClusterError`] if it does not exist or cannot be read.
    pub async fn policy(&self, name: &PolicyName) -> Result<Policy, ClusterError> {
        answer(name, "get", self.policies(name).get(name.name())).await
    }

    /// Applies settings to a policy by server-side apply, and returns the policy as it is then.
    ///
    /// # Errors
    /// A [`ClusterError`]; then nothing was written.
    pub async fn apply(&self, name: &PolicyName, settings: &Value, mode: ApplyMode) -> Result<Policy, ClusterError> {
        let metadata = match name.namespace() {
            Some(namespace) => json!({"name": name.name(), "namespace": namespace}),
            None => json!({"name": name.name()}),
        };
        let identity =
            [("apiVersion", json!(format!("{GROUP}/{VERSION}"))), ("kind", json!(name.kind())), ("metadata", metadata)];
        // An empty `settings` would make this program own that object, so without fields `spec` is left out.
        let spec = (*settings != json!({})).then(|| ("spec", json!({"settings": settings})));
        let fields: BTreeMap<_, _> = identity.into_iter().chain(spec).collect();
        let mut parameters = PatchParams::apply(FIELD_MANAGER);
        parameters.dry_run = mode.dry_run;
        parameters.force = mode.force;
        answer(name, "patch", self.policies(name).patch(name.name(), &parameters, &Patch::Apply(fields))).await
    }

    fn policies(&self, name: &PolicyName) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk(GROUP, VERSION, name.kind());
        let resource = ApiResource::from_gvk_with_plural(&kind, name.plural());
        match name.namespace() {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        }
    }
}

async fn answer(
    name: &PolicyName,
    verb: &'static str,
    answer: impl Future<Output = Result<DynamicObject, Error>>,
) -> Result<Policy, ClusterError> {
    let subject = format!("{} {name}", name.kind());
    let resource = format!("{}.{GROUP}/{}", name.plural(), name.name());
    let call = Call { subject: subject.clone(), verb, resource };
    let wanted = Wanted { namespace: name.namespace(), name: name.name(), plural: name.plural() };
    match limited(answer).await {
        Ok(policy) => {
            wanted.check(&policy, &call)?;
            Ok(policy.into())
        }
        Err(Failure::Api(Error::Api(status))) if status.code == 404 => {
            let kind = if wanted.is_in(&status) {
                ClusterErrorKind::NoPolicy
            } else {
                ClusterErrorKind::NoCrd(format!("{GROUP}/{VERSION}"))
            };
            Err(kind.about(subject))
        }
        Err(Failure::Api(Error::Api(status))) if status.code == 409 => {
            Err(ClusterErrorKind::conflict(&status).about(subject))
        }
        Err(failure) => Err(call.failed(failure)),
    }
}
