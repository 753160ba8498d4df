//! AdmissionReviews with a request.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{API_VERSION, KIND};

/// An AdmissionRequest: its text, and the fields that the response needs.
pub struct AdmissionRequest {
    pub(super) text: Box<RawValue>,
    pub(super) uid: String,
    pub(super) object: Option<Value>,
}

/// Why a text is not an AdmissionReview or AdmissionRequest.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct RequestError(#[from] RequestErrorKind);

#[derive(Debug, thiserror::Error)]
enum RequestErrorKind {
    #[error("not an AdmissionReview or AdmissionRequest")]
    Json(#[source] serde_json::Error),
    #[error(
        "the AdmissionReview has {found}; expected apiVersion admission.k8s.io/v1, kind AdmissionReview, and a request"
    )]
    Version { found: String },
}

impl From<serde_json::Error> for RequestError {
    fn from(error: serde_json::Error) -> Self {
        RequestErrorKind::Json(error).into()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(default)]
    api_version: Value,
    /// A string; in an AdmissionRequest without an envelope, an object.
    #[serde(default)]
    kind: Value,
    request: Option<Box<RawValue>>,
}

impl AdmissionRequest {
    /// Reads an AdmissionReview.
    ///
    /// # Errors
    /// If the text is anything else.
    pub fn parse_review(text: &[u8]) -> Result<Self, RequestError> {
        let envelope: Envelope = serde_json::from_slice(text)?;
        let found = format!("apiVersion {}, kind {}", envelope.api_version, envelope.kind);
        match envelope.request {
            Some(request) if envelope.api_version == API_VERSION && envelope.kind == KIND => Self::parse(request),
            _ => Err(RequestErrorKind::Version { found }.into()),
        }
    }

    /// Reads an AdmissionReview, or an AdmissionRequest without an envelope, as `kwctl run` accepts it.
    ///
    /// # Errors
    /// If the text is neither.
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
