//! Events about the ConfigMap, policies, CRDs and nodes.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::jiff::Timestamp;
use kube::Error;
use kube::api::{Api, Patch, PatchParams, PostParams};
use local_registry_core::shipwright::Kind;
use local_registry_declaration::{NAME, NAMESPACE};
use tokio::time::Instant;

use crate::call::{Failure, limited};
use crate::connection::Cluster;
use crate::crds::crd_name;
use crate::events::journal::{Announcement, Publication};
use crate::policies::PolicyName;
use crate::policies::{GROUP, VERSION};

/// What an Event says about the field `local` of a CRD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldReason {
    /// It was added.
    Added,
    /// It is missing, and is not added.
    Missing,
}

impl Cluster {
    /// Publishes an Event on the ConfigMap that it cannot be used.
    pub async fn announce_unusable(&self, note: String) {
        let object = ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("ConfigMap".to_owned()),
            namespace: Some(NAMESPACE.to_owned()),
            name: Some(NAME.to_owned()),
            ..ObjectReference::default()
        };
        self.announce(Announcement { severity: "Warning", reason: "Unusable", action: "Read", note, object }).await;
    }

    /// Publishes an Event on a policy that its settings were changed.
    pub async fn announce_change(&self, policy: &PolicyName, note: String) {
        let object = ObjectReference {
            api_version: Some(format!("{GROUP}/{VERSION}")),
            kind: Some(policy.kind().to_owned()),
            namespace: policy.namespace().map(ToOwned::to_owned),
            name: Some(policy.name().to_owned()),
            ..ObjectReference::default()
        };
        let reason = "SettingsChanged";
        self.announce(Announcement { severity: "Normal", reason, action: "Apply", note, object }).await;
    }

    /// Publishes an Event on the CRD of a kind that the field `local` was added to it, or why it lacks that.
    pub async fn announce_field(&self, kind: Kind, reason: FieldReason, note: String) {
        let object = ObjectReference {
            api_version: Some("apiextensions.k8s.io/v1".to_owned()),
            kind: Some("CustomResourceDefinition".to_owned()),
            name: Some(crd_name(kind).to_owned()),
            ..ObjectReference::default()
        };
        let (severity, reason) = match reason {
            FieldReason::Added => ("Normal", "FieldAdded"),
            FieldReason::Missing => ("Warning", "FieldMissing"),
        };
        self.announce(Announcement { severity, reason, action: "Patch", note, object }).await;
    }

    /// Publishes an Event on a Node that somebody has to do something there.
    pub async fn announce_on_node(&self, name: &str, reason: &'static str, note: String) {
        let object = ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Node".to_owned()),
            name: Some(name.to_owned()),
            // As the kubelet does: `kubectl describe node` looks for the Events of a Node by that.
            uid: Some(name.to_owned()),
            ..ObjectReference::default()
        };
        self.announce(Announcement { severity: "Warning", reason, action: "Write", note, object }).await;
    }

    /// Failures are only logged: settings are kept in line also without the right to create Events.
    async fn announce(&self, announcement: Announcement) {
        let reason = announcement.reason;
        // The Events of objects without a namespace are kept in `default`.
        let namespace = announcement.object.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let api: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        let published = match self.publication(announcement.clone()) {
            Publication::Drop => {
                tracing::warn!(reason, "the Event was not published, because too many were published before");
                return;
            }
            Publication::Create(event) => limited(api.create(&PostParams::default(), &event)).await,
            Publication::Count { name, patch } => {
                match limited(api.patch(&name, &PatchParams::default(), &Patch::Merge(patch))).await {
                    Err(Failure::Api(Error::Api(status))) if status.code == 404 => {
                        self.journal().forget(&name);
                        let Publication::Create(event) = self.publication(announcement) else { return };
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

    fn publication(&self, announcement: Announcement) -> Publication {
        self.journal().publication(announcement, Instant::now(), Timestamp::now())
    }
}
