//! What a request is to this room.

use crate::admission::{Request, Write};

/// What a request is to this room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// A pod that is created or updated.
    Pod,
    /// Ephemeral containers that are added to a pod. Nothing else in the request is stored.
    EphemeralContainers,
    /// A Knative revision that is created. Its images cannot be changed later.
    Revision,
}

impl Subject {
    /// `None` for anything else.
    pub(super) fn of(request: &Request<'_>) -> Option<Self> {
        let kind = (request.group(), request.version(), request.kind());
        match (kind, request.sub_resource(), request.write()?) {
            (("", "v1", "Pod"), "", _) => Some(Self::Pod),
            (("", "v1", "Pod"), "ephemeralcontainers", Write::Update) => Some(Self::EphemeralContainers),
            (("serving.knative.dev", "v1", "Revision"), "", Write::Create) => Some(Self::Revision),
            _ => None,
        }
    }
}
