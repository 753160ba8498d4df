//! AdmissionReviews (`admission.k8s.io/v1`): requests in, responses out.

mod request;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Value, json};

pub use self::request::{AdmissionRequest, RequestError};
use crate::engine::{Policy, PolicyError, ValidationResponse};

const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";

/// An AdmissionReview with a response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdmissionReview {
    api_version: &'static str,
    kind: &'static str,
    response: Response,
}

/// An AdmissionResponse.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    uid: String,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    /// A JSONPatch in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_annotations: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<String>>,
}

#[derive(Debug, Default, Serialize)]
struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
}

#[derive(Debug, Serialize)]
struct Details {
    causes: Vec<Cause>,
}

#[derive(Debug, Serialize)]
struct Cause {
    message: String,
}

/// What a policy's custom resource says about its answers.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Whether it may change objects.
    pub mutating: bool,
    /// The message of rejections; the policy's own message becomes their cause.
    pub message: Option<String>,
}

impl AdmissionReview {
    /// Asks the policy, and answers as the policy server does: with the JSONPatch from the object that was sent to the
    /// mutated one, if the two differ.
    ///
    /// # Errors
    /// If the policy gives no answer.
    pub fn evaluate(policy: &Policy, request: &AdmissionRequest, settings: &Value) -> Result<Self, PolicyError> {
        let answer = policy.validate(&request.text, settings)?;
        Ok(Self::answering(request, answer))
    }

    /// The review with a policy's answer.
    fn answering(request: &AdmissionRequest, answer: ValidationResponse) -> Self {
        let ValidationResponse { accepted, message, code, mutated_object, audit_annotations, warnings } = answer;
        let patch = match (&request.object, &mutated_object) {
            (Some(object), Some(mutated)) => Some(json_patch::diff(object, mutated)),
            _ => None,
        };
        let patch = patch.filter(|patch| !patch.0.is_empty());
        let patch = patch.map(|patch| STANDARD.encode(json!(patch).to_string()));
        let status = (message.is_some() || code.is_some()).then_some(Status { message, code, details: None });
        let response = Response {
            uid: request.uid.clone(),
            allowed: accepted,
            patch_type: patch.is_some().then_some("JSONPatch"),
            patch,
            status,
            audit_annotations,
            warnings,
        };
        Self { api_version: API_VERSION, kind: KIND, response }
    }

    /// The review for a policy that gave no answer: a rejection, as from the policy server.
    #[must_use]
    pub fn failure(request: &AdmissionRequest, error: &PolicyError) -> Self {
        let message = Some(format!("internal server error: {error}"));
        let status = Status { message, code: Some(500), details: None };
        let response = Response {
            uid: request.uid.clone(),
            allowed: false,
            patch_type: None,
            patch: None,
            status: Some(status),
            audit_annotations: None,
            warnings: None,
        };
        Self { api_version: API_VERSION, kind: KIND, response }
    }

    /// Applies the terms of the policy with this name, as the policy server does: if the policy may not change objects
    /// and would change this one, the review becomes a rejection.
    #[must_use]
    pub fn under(mut self, terms: &Terms, policy: &str) -> Self {
        let response = &mut self.response;
        if !terms.mutating && response.patch.take().is_some() {
            let message = format!(
                "Request rejected by policy {policy}. The policy attempted to mutate the request, but it is currently configured to not allow mutations."
            );
            response.allowed = false;
            response.patch_type = None;
            response.status = Some(Status { message: Some(message), ..Status::default() });
        }
        if let Some(message) = terms.message.as_ref().filter(|_| !response.allowed) {
            let status = response.status.get_or_insert_default();
            let cause = status.message.replace(message.clone()).unwrap_or_default();
            status.details = Some(Details { causes: vec![Cause { message: cause }] });
        }
        self
    }

    /// Whether the request is allowed.
    #[must_use]
    pub fn allowed(&self) -> bool {
        self.response.allowed
    }

    /// The object, with the patch applied.
    ///
    /// # Errors
    /// If the patch does not fit the object.
    pub fn patched(&self, object: &Value) -> anyhow::Result<Value> {
        let mut object = object.clone();
        if let Some(patch) = &self.response.patch {
            let patch: json_patch::Patch = serde_json::from_slice(&STANDARD.decode(patch)?)?;
            json_patch::patch(&mut object, &patch)?;
        }
        Ok(object)
    }
}
