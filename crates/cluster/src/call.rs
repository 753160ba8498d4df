//! One call to the API server, with a limit of time.

use std::time::Duration;

use kube::Error;
use local_registry_core::text::Excerpt;

use crate::error::{ClusterError, ClusterErrorKind};

/// How long one call may take.
const LIMIT: Duration = Duration::from_secs(15);

/// A call, in the words of its errors.
pub(crate) struct Call {
    /// What is asked for.
    pub(crate) subject: String,
    /// The verb that it needs.
    pub(crate) verb: &'static str,
    /// The resource that it needs the verb on.
    pub(crate) resource: String,
}

/// Why a call failed.
pub(crate) enum Failure {
    Timeout,
    Api(Error),
}

/// Waits for the answer of a call, but not longer than [`LIMIT`].
pub(crate) async fn limited<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
    match tokio::time::timeout(LIMIT, call).await {
        Ok(answer) => answer.map_err(Failure::Api),
        Err(_) => Err(Failure::Timeout),
    }
}

impl Call {
    /// Waits for the answer.
    pub(crate) async fn answer<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, ClusterError> {
        limited(call).await.map_err(|failure| self.failed(failure))
    }

    /// The error of the call.
    pub(crate) fn failed(&self, failure: Failure) -> ClusterError {
        let (kind, source) = match failure {
            Failure::Timeout => (ClusterErrorKind::Timeout(LIMIT.as_secs()), None),
            Failure::Api(Error::Api(status)) if status.code == 403 && !is_by_admission(&status.message) => {
                let (verb, resource) = (self.verb, self.resource.clone());
                let message = Excerpt(&status.message).to_string();
                (ClusterErrorKind::Forbidden { verb, resource, message }, None)
            }
            Failure::Api(Error::Api(status)) => {
                let message = Excerpt(&status.message).to_string();
                (ClusterErrorKind::Refused { code: status.code, message }, None)
            }
            Failure::Api(error) => (ClusterErrorKind::NoAnswer, Some(Box::new(error))),
        };
        ClusterError { subject: self.subject.clone(), kind, source }
    }
}

/// The same error without what it quotes of an answer that cannot be read, for answers with secrets in them.
pub(crate) fn hushed(error: Error) -> Error {
    match error {
        Error::SerdeError(error) => Error::SerdeError(serde::de::Error::custom(format_args!(
            "the answer is not what was asked for, at line {} column {}",
            error.line(),
            error.column()
        ))),
        other => other,
    }
}

/// Whether a request was forbidden for what is in it, by a quota, a webhook or a policy. No right is missing then.
fn is_by_admission(message: &str) -> bool {
    ["exceeded quota", "denied request", "denied the request"].iter().any(|words| message.contains(words))
}
