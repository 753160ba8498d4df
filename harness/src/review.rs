//! AdmissionReviews (`admission.k8s.io/v1`): requests in, responses out.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::policy::{Policy, PolicyError, Verdict};

/// An AdmissionRequest, as it was written, and what the response needs of it.
pub struct Request {
    text: Box<RawValue>,
    uid: String,
    object: Option<Value>,
}

/// A text is no AdmissionReview.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// It is no JSON, or lacks a field.
    #[error("not an AdmissionReview or AdmissionRequest")]
    Json(#[from] serde_json::Error),
    /// It is a review of another version.
    #[error(
        "the AdmissionReview is of {found}; expected apiVersion admission.k8s.io/v1, kind AdmissionReview, and a request"
    )]
    Version {
        /// What it says of itself.
        found: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(default)]
    api_version: Value,
    /// A string; in an AdmissionRequest without its envelope, an object.
    #[serde(default)]
    kind: Value,
    request: Option<Box<RawValue>>,
}

impl Request {
    /// Reads an AdmissionReview.
    ///
    /// # Errors
    /// Where the text is anything else.
    pub fn parse_review(text: &[u8]) -> Result<Self, RequestError> {
        let envelope: Envelope = serde_json::from_slice(text)?;
        let found = format!("apiVersion {}, kind {}", envelope.api_version, envelope.kind);
        match envelope.request {
            Some(request) if envelope.api_version == API_VERSION && envelope.kind == KIND => Self::parse(request),
            _ => Err(RequestError::Version { found }),
        }
    }

    /// Reads an AdmissionReview, or an AdmissionRequest without its envelope as `kwctl run` takes it.
    ///
    /// # Errors
    /// Where the text is neither.
    pub fn parse_either(text: &[u8]) -> Result<Self, RequestError> {
        let envelope: Envelope = serde_json::from_slice(text)?;
        match envelope.request {
            Some(_) => Self::parse_review(text),
            None => Self::parse(serde_json::from_slice(text)?),
        }
    }

    fn parse(text: Box<RawValue>) -> Result<Self, RequestError> {
        #[derive(Deserialize)]
        struct Fields {
            uid: String,
            object: Option<Value>,
        }
        let Fields { uid, object } = serde_json::from_str(text.get())?;
        Ok(Self { text, uid, object })
    }

    /// The object under admission; `None` for a DELETE.
    #[must_use]
    pub fn object(&self) -> Option<&Value> {
        self.object.as_ref()
    }
}

const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";

/// An AdmissionReview with a response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Review {
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
    /// What a rejection says in place of the policy's own message, which becomes its cause.
    pub message: Option<String>,
}

impl Review {
    /// Asks the policy, and answers as the policy server does: a mutated object becomes the
    /// JSONPatch from the object that was sent, and one that is equal to it becomes nothing.
    ///
    /// # Errors
    /// Where the policy gives no answer.
    pub fn evaluate(policy: &Policy, request: &Request, settings: &Value) -> Result<Self, PolicyError> {
        let verdict = policy.validate(&request.text, settings)?;
        Self::answer(request, verdict)
    }

    /// The review of a verdict.
    ///
    /// # Errors
    /// Where the patch cannot be written as JSON.
    fn answer(request: &Request, verdict: Verdict) -> Result<Self, PolicyError> {
        let Verdict { accepted, message, code, mutated_object, audit_annotations, warnings } = verdict;
        let patch = match (&request.object, &mutated_object) {
            (Some(object), Some(mutated)) => Some(json_patch::diff(object, mutated)),
            _ => None,
        };
        let patch = match patch.filter(|patch| !patch.0.is_empty()) {
            Some(patch) => Some(STANDARD.encode(serde_json::to_vec(&patch)?)),
            None => None,
        };
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
        Ok(Self { api_version: API_VERSION, kind: KIND, response })
    }

    /// A review for a policy that gave no answer: closed, as the policy server has it.
    #[must_use]
    pub fn failure(request: &Request, error: &PolicyError) -> Self {
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

    /// The same as the policy server has it under these terms: where the policy of this name may not
    /// change an object that it would have to change, that is a rejection.
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

    /// Whether the object may pass.
    #[must_use]
    pub fn allowed(&self) -> bool {
        self.response.allowed
    }

    /// The object with the response's patch applied to it.
    ///
    /// # Errors
    /// Where the patch does not fit.
    pub fn patched(&self, object: &Value) -> anyhow::Result<Value> {
        let mut object = object.clone();
        if let Some(patch) = &self.response.patch {
            let patch: json_patch::Patch = serde_json::from_slice(&STANDARD.decode(patch)?)?;
            json_patch::patch(&mut object, &patch)?;
        }
        Ok(object)
    }
}
