//! The two steps of a request, in terms of all rooms: read it, decide about it.

use crate::admission::{Decision, Outcome, PayloadError, Request, Settings, SettingsError};
use crate::json::Mask::{self, Fields, Scalar};
use crate::shipwright::{self, BuildLookup};
use crate::workload;

/// What is read of an object. It may come before its kind in the request, so the fields of all kinds are read.
const OBJECT: Mask = Fields(&[
    (
        "metadata",
        Fields(&[
            ("annotations", Fields(&Mask::joined::<5>(&shipwright::ANNOTATIONS, &workload::ANNOTATIONS))),
            shipwright::METADATA,
            workload::METADATA,
        ]),
    ),
    ("spec", Fields(&Mask::joined::<11>(&shipwright::SPEC_OF_OBJECT, &workload::SPEC))),
]);

/// What is read of a payload.
const PAYLOAD: Mask = Fields(&[
    ("settings", Settings::MASK),
    (
        "request",
        Fields(&[
            ("kind", Fields(&[("group", Scalar), ("version", Scalar), ("kind", Scalar)])),
            ("subResource", Scalar),
            ("name", Scalar),
            ("namespace", Scalar),
            ("operation", Scalar),
            ("object", OBJECT),
            ("oldObject", OBJECT),
            ("dryRun", Scalar),
        ]),
    ),
]);

impl<'a> Request<'a> {
    /// Reads the payload of the waPC function `validate`.
    ///
    /// # Errors
    /// A [`PayloadError`] if the payload is not an AdmissionRequest with settings.
    pub fn parse(payload: &'a [u8]) -> Result<Self, PayloadError> {
        Self::read(payload, PAYLOAD)
    }
}

/// Decides about a request.
///
/// ```
/// use local_registry_core::{Decision, LookupError, Request, decide};
///
/// let payload = br#"{
///     "settings": {"host": "kind-registry:5000"},
///     "request": {
///         "kind": {"group": "shipwright.io", "version": "v1beta1", "kind": "BuildRun"},
///         "operation": "CREATE", "namespace": "team",
///         "object": {"spec": {"build": {"name": "app"}}}
///     }
/// }"#;
/// // The Build that the run names, as the cluster has it.
/// let mut builds = |_namespace: &str, _name: &str| -> Result<String, LookupError> {
///     Ok(r#"{"spec": {"output": {"image": "team/app:v1", "local": true}}}"#.to_owned())
/// };
///
/// let request = Request::parse(payload)?;
/// let Decision::Accept { edits, warnings } = decide(&request, &mut builds)? else { panic!("rejected") };
/// assert!(warnings.is_empty());
/// let mut object = String::new();
/// request.apply(&edits, &mut object)?;
/// assert_eq!(
///     object,
///     r#"{"spec": {"build": {"name": "app"},"output":{"image":"kind-registry:5000/team/app:v1"}}}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A decision converges: deciding about the edited object changes nothing more, since Kubernetes may call a mutating
/// webhook again on its own result. An image that an UPDATE does not change is never rejected, since finalizers, labels
/// and cancelling must always pass.
///
/// # Errors
/// A [`SettingsError`] if the request's settings are invalid. They are not looked at for other kinds of objects.
pub fn decide(request: &Request<'_>, builds: &mut dyn BuildLookup) -> Result<Decision, SettingsError> {
    let mut outcome = Outcome::default();
    shipwright::decide(request, builds, &mut outcome)?;
    workload::decide(request, &mut outcome)?;
    Ok(outcome.into_decision())
}
