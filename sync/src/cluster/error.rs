//! What each error of the API server means, and what mends it.

use kube::Error;
use kube::core::{DynamicObject, Status};
use kube::runtime::watcher;
use serde_json::Value;

use super::policy_name::PolicyName;
use super::{Failure, GROUP, LIMIT, VERSION};
use crate::config_map::{NAME, NAMESPACE};

/// A call that failed, and what mends it.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The API server did not let us.
    #[error("{subject}: {verb} is forbidden: {message}; grant `{verb}` on {resource}")]
    Forbidden {
        /// What was asked for.
        subject: String,
        /// The verb that is missing.
        verb: &'static str,
        /// The resource that the verb is missing for.
        resource: String,
        /// What the API server said.
        message: String,
    },
    /// There is no such policy. None is ever created.
    #[error("{kind} {policy}: there is none of that name; create it, or correct --policy")]
    NoPolicy {
        /// The policy.
        policy: PolicyName,
        /// Its kind.
        kind: &'static str,
    },
    /// The cluster does not know Kubewarden's policies.
    #[error("{kind} {policy}: the cluster does not know {GROUP}/{VERSION}; install Kubewarden's CRDs")]
    NoCrd {
        /// The policy.
        policy: PolicyName,
        /// Its kind.
        kind: &'static str,
    },
    /// Another field manager owns a field.
    #[error("{kind} {policy}: {conflicts}; let that manager give the field up, or take it over with --force")]
    Conflict {
        /// The policy.
        policy: PolicyName,
        /// Its kind.
        kind: &'static str,
        /// The fields, and who owns each.
        conflicts: String,
    },
    /// The API server did not answer in time.
    #[error("{subject}: the API server did not answer within {} seconds", LIMIT.as_secs())]
    Timeout {
        /// What was asked for.
        subject: String,
    },
    /// The API server answered with another error.
    #[error("{subject}: the API server answered {code}: {message}")]
    Refused {
        /// What was asked for.
        subject: String,
        /// The HTTP status code.
        code: u16,
        /// What the API server said.
        message: String,
    },
    /// Anything else.
    #[error("{subject}: the API server cannot be asked")]
    Other {
        /// What was asked for.
        subject: String,
        /// What went wrong.
        source: Error,
    },
}

/// A list or a watch of the ConfigMap that failed.
pub(super) fn of_watch(error: watcher::Error) -> ClusterError {
    let subject = format!("ConfigMap {NAMESPACE}/{NAME}");
    let resource = format!("configmaps/{NAME} in {NAMESPACE}");
    match error {
        watcher::Error::InitialListFailed(error) => general(error, subject, "list", resource),
        watcher::Error::WatchStartFailed(error) | watcher::Error::WatchFailed(error) => {
            general(error, subject, "watch", resource)
        }
        watcher::Error::WatchError(status) => general(Error::Api(status), subject, "watch", resource),
        watcher::Error::NoResourceVersion => {
            let message = "the list has no resourceVersion".to_owned();
            ClusterError::Refused { subject, code: 200, message }
        }
    }
}

pub(super) fn read(
    answer: Result<DynamicObject, Failure>,
    policy: &PolicyName,
    verb: &'static str,
) -> Result<Value, ClusterError> {
    let kind = policy.kind();
    let subject = || format!("{kind} {policy}");
    let (policy, name) = (policy.clone(), &policy.name);
    match answer {
        Ok(object) => serde_json::to_value(object).map_err(|error| ClusterError::Other {
            subject: format!("{kind} {policy}"),
            source: Error::SerdeError(error),
        }),
        Err(Failure::Timeout) => Err(ClusterError::Timeout { subject: subject() }),
        Err(Failure::Api(Error::Api(status))) if status.code == 404 => {
            // An object that is missing is named; a resource that is missing is not.
            let named = status.details.as_ref().is_some_and(|details| details.name == *name);
            Err(if named { ClusterError::NoPolicy { policy, kind } } else { ClusterError::NoCrd { policy, kind } })
        }
        Err(Failure::Api(Error::Api(status))) if status.code == 409 => {
            Err(ClusterError::Conflict { policy, kind, conflicts: conflicts(&status) })
        }
        Err(Failure::Api(error)) => {
            let resource = format!("{}.{GROUP}/{name}", policy.plural());
            Err(general(error, format!("{kind} {policy}"), verb, resource))
        }
    }
}

pub(super) fn general(error: Error, subject: String, verb: &'static str, resource: String) -> ClusterError {
    match error {
        Error::Api(status) if status.code == 403 => {
            ClusterError::Forbidden { subject, verb, resource, message: status.message.clone() }
        }
        Error::Api(status) => ClusterError::Refused { subject, code: status.code, message: status.message.clone() },
        source => ClusterError::Other { subject, source },
    }
}

/// The causes of a conflict, each as `spec.settings.host is owned by "kubectl" using …`.
fn conflicts(status: &Status) -> String {
    let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
    let texts: Vec<String> =
        causes.iter().map(|cause| format!("{}: {}", cause.field.trim_start_matches('.'), cause.message)).collect();
    if texts.is_empty() { status.message.clone() } else { texts.join(", ") }
}
