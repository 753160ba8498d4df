//! Another project's mutating webhook, which the API server calls after the policy's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::webhook::Webhook;

/// Applies a JSONPatch to every BuildRun that is created.
pub struct UndoingWebhook {
    _webhook: Webhook,
}

impl UndoingWebhook {
    /// Starts it, and registers it under a name that sorts after the policy's, so that it is called later.
    #[must_use]
    pub fn start(control_plane: &ControlPlane, patch: &Value) -> Self {
        let patch = STANDARD.encode(patch.to_string());
        let webhook = Webhook::start(control_plane, move |review| {
            let response =
                json!({"uid": review["request"]["uid"], "allowed": true, "patchType": "JSONPatch", "patch": patch});
            json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
        });
        let configuration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": "undoing"},
            "webhooks": [{
                "name": "undoing.example.com",
                "clientConfig": webhook.client_config,
                "rules": [{"apiGroups": ["shipwright.io"], "apiVersions": ["v1beta1"], "resources": ["buildruns"],
                           "operations": ["CREATE"]}],
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }],
        });
        control_plane.kubectl().ok_with(&["create", "-f", "-"], &configuration);
        Self { _webhook: webhook }
    }
}
