//! What a request is about, and so which room decides about it.

use crate::admission::{Operation, Request};
use crate::shipwright::{self, Kind, Version};
use crate::workload::WorkloadKind;

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A Build or BuildRun that is created or updated.
    Shipwright(Kind, Version),
    /// A Build or BuildRun in an API version that this policy does not know.
    UnknownVersion,
    /// A pod or revision that is created or updated, in whole or in part.
    Workload(WorkloadKind),
    /// Another kind, operation or sub-resource.
    Other,
}

impl Subject {
    /// The subject that a request names.
    pub(crate) fn named_by(request: &Request<'_>) -> Self {
        let Some(operation) = request.write() else { return Self::Other };
        match (request.group(), request.version(), request.kind(), request.sub_resource()) {
            (shipwright::GROUP, version, kind, "") => match (Kind::parse(kind), Version::parse(version)) {
                (Some(kind), Some(version)) => Self::Shipwright(kind, version),
                (Some(_), None) => Self::UnknownVersion,
                (None, _) => Self::Other,
            },
            ("", "v1", "Pod", "") => Self::Workload(WorkloadKind::Pod),
            ("", "v1", "Pod", "ephemeralcontainers") if operation == Operation::Update => {
                Self::Workload(WorkloadKind::EphemeralContainers)
            }
            ("serving.knative.dev", "v1", "Revision", "") if operation == Operation::Create => {
                Self::Workload(WorkloadKind::Revision)
            }
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check([group, version, kind, sub_resource, operation]: [&str; 5], expected: Subject) {
        let payload = format!(
            r#"{{"request":{{"kind":{{"group":"{group}","version":"{version}","kind":"{kind}"}},"subResource":"{sub_resource}","operation":"{operation}"}}}}"#
        );
        assert_eq!(Subject::named_by(&Request::parse(payload.as_bytes()).unwrap()), expected);
    }

    #[test]
    fn each_request_has_one_subject() {
        let build = Subject::Shipwright(Kind::Build, Version::V1Beta1);
        check(["shipwright.io", "v1beta1", "Build", "", "UPDATE"], build);
        check(["shipwright.io", "v1beta1", "Build", "status", "UPDATE"], Subject::Other);
        check(["shipwright.io", "v1beta1", "Build", "", "DELETE"], Subject::Other);
        check(["shipwright.io", "v1", "BuildRun", "", "CREATE"], Subject::UnknownVersion);
        check(["shipwright.io", "v1beta1", "BuildStrategy", "", "CREATE"], Subject::Other);
        check(["", "v1", "Pod", "", "CREATE"], Subject::Workload(WorkloadKind::Pod));
        let ephemeral = Subject::Workload(WorkloadKind::EphemeralContainers);
        check(["", "v1", "Pod", "ephemeralcontainers", "UPDATE"], ephemeral);
        check(["", "v1", "Pod", "ephemeralcontainers", "CREATE"], Subject::Other);
        let revision = Subject::Workload(WorkloadKind::Revision);
        check(["serving.knative.dev", "v1", "Revision", "", "CREATE"], revision);
        check(["serving.knative.dev", "v1", "Revision", "", "UPDATE"], Subject::Other);
        check(["apps", "v1", "Deployment", "", "CREATE"], Subject::Other);
    }
}
