//! What each error of the API server means, and how to fix it.

use kube::core::Status;
use local_registry_core::text::Excerpt;

/// A call to the API server that failed: what was asked for, why it failed, and how to fix it.
#[derive(Debug, thiserror::Error)]
#[error("{subject}: {kind}")]
pub struct ClusterError {
    pub(crate) subject: String,
    pub(crate) kind: ClusterErrorKind,
    /// What the client says about a call that the API server did not answer.
    pub(crate) source: Option<Box<kube::Error>>,
}

impl ClusterError {
    /// Whether nothing was written because the object had changed since it was read.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        self.kind == ClusterErrorKind::Changed
    }

    /// Whether nothing was heard of the API server, so that the next call is likely to fail, too.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        matches!(self.kind, ClusterErrorKind::Timeout(_) | ClusterErrorKind::NoAnswer)
    }

    /// Whether the answer was 404, and did not say which object is not there.
    pub(crate) fn is_unknown_path(&self) -> bool {
        matches!(self.kind, ClusterErrorKind::Refused { code: 404, .. })
    }

    /// Whether the API server says that there is no such object, and not that nobody may know.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        matches!(self.kind, ClusterErrorKind::NoPolicy | ClusterErrorKind::NoObject | ClusterErrorKind::NoCrd(_))
    }

    /// Whether the API server says that there is no such policy.
    #[must_use]
    pub fn is_missing_policy(&self) -> bool {
        self.kind == ClusterErrorKind::NoPolicy
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClusterErrorKind {
    #[error("{verb} is forbidden: {message}; grant `{verb}` on {resource}")]
    Forbidden { verb: &'static str, resource: String, message: String },
    #[error("not found; create it, or correct --policy")]
    NoPolicy,
    #[error("not found")]
    NoObject,
    #[error("the cluster does not know {0}; install Kubewarden's CRDs")]
    NoCrd(String),
    #[error("{0}; let that manager give the field up, or take it over with --force")]
    Conflict(String),
    #[error("it was changed meanwhile, so nothing was written")]
    Changed,
    #[error("the API server did not answer within {0} seconds")]
    Timeout(u64),
    #[error("the API server answered {code}: {message}")]
    Refused { code: u16, message: String },
    #[error("the answer is about {found}; something between this program and the API server answers in its place")]
    Other { found: String },
    #[error("the list has no resourceVersion, so it cannot be watched")]
    NotWatchable,
    #[error("the request to the API server failed")]
    NoAnswer,
}

impl ClusterErrorKind {
    pub(crate) fn about(self, subject: impl Into<String>) -> ClusterError {
        ClusterError { subject: subject.into(), kind: self, source: None }
    }

    /// The error of a server-side apply that the API server answered with 409.
    pub(crate) fn conflict(status: &Status) -> Self {
        let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
        let fields: Vec<String> = causes
            .iter()
            .map(|cause| format!("{}: {}", cause.field.trim_start_matches('.'), Excerpt(&cause.message)))
            .collect();
        Self::Conflict(if fields.is_empty() { Excerpt(&status.message).to_string() } else { fields.join(", ") })
    }
}
