//! Where pods and Knative revisions keep what the policy reads.
//!
//! Only containers are looked at. `volumes[].image` is an image that the kubelet mounts, and has no name of a container.

use crate::json::Path;

/// The annotation that names the containers whose images are local, separated by commas. Pods have no field for that, and
/// none can be added.
pub const CONTAINERS_ANNOTATION: &str = "local-registry-hosting/containers";

/// Where it is.
pub(super) const ANNOTATION: Path = &["metadata", "annotations", CONTAINERS_ANNOTATION];

/// Set by the kubelet on the object that shows a static pod to the API server.
pub(super) const MIRROR_ANNOTATION: &str = "kubernetes.io/config.mirror";

/// Where it is.
pub(super) const MIRROR: Path = &["metadata", "annotations", MIRROR_ANNOTATION];

/// Set by Knative on the pods of a revision, with the revision's name.
pub(super) const REVISION_LABEL: &str = "serving.knative.dev/revision";

/// Where it is.
pub(super) const OF_REVISION: Path = &["metadata", "labels", REVISION_LABEL];

/// An object's annotations.
pub(super) const ANNOTATIONS: Path = &["metadata", "annotations"];

/// What an object says apart from its metadata.
pub(super) const SPEC: Path = &["spec"];

/// The field of a container that has its image.
pub(super) const IMAGE: &str = "image";

/// The field of a container that has its name.
pub(super) const NAME: &str = "name";

/// The containers that a pod starts with.
pub(super) const REGULAR: [Path; 2] = [&["spec", "initContainers"], &["spec", "containers"]];

/// The containers that are added to a pod that runs.
pub(super) const EPHEMERAL: [Path; 1] = [&["spec", "ephemeralContainers"]];

/// All lists of containers.
pub(super) const ALL: [Path; 3] = [REGULAR[0], REGULAR[1], EPHEMERAL[0]];
