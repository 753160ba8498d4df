//! The kinds of objects whose containers run images.

/// What a request that this room decides about writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkloadKind {
    /// A pod that is created or updated.
    Pod,
    /// Ephemeral containers that are added to a pod. Nothing else in the request is stored.
    EphemeralContainers,
    /// A Knative revision that is created. Its images cannot be changed later.
    Revision,
}
