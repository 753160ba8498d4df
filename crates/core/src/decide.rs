//! The two steps of a request, in terms of all rooms: read it, decide about it.

use crate::admission::{Decision, Outcome, PayloadError, Request, Settings, SettingsError};
use crate::json::Field;
use crate::json::Mask::{self, Fields, Scalar};
use crate::shipwright::{self, BuildLookup};
use crate::subject::Subject;
use crate::workload;

/// What is read of an object. It may come before its kind in the request, so the fields of all kinds are read.
const OBJECT: Mask = Fields(&[
    (
        "metadata",
        Fields(&[("annotations", Fields(&ANNOTATIONS)), ("labels", Fields(&LABELS)), shipwright::METADATA_MASK]),
    ),
    ("spec", Fields(&SPEC)),
]);

const ANNOTATIONS: [Field; shipwright::ANNOTATION_MASKS.len() + workload::ANNOTATION_MASKS.len()] =
    Mask::joined(&shipwright::ANNOTATION_MASKS, &workload::ANNOTATION_MASKS);

const LABELS: [Field; shipwright::LABEL_MASKS.len() + workload::LABEL_MASKS.len()] =
    Mask::joined(&shipwright::LABEL_MASKS, &workload::LABEL_MASKS);

const SPEC: [Field; shipwright::SPEC_MASKS.len() + workload::SPEC_MASKS.len()] =
    Mask::joined(&shipwright::SPEC_MASKS, &workload::SPEC_MASKS);

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
/// use local_registry_core::shipwright::LookupError;
/// use local_registry_core::{Decision, Request, decide};
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
    match Subject::named_by(request) {
        Subject::Other => {}
        Subject::UnknownVersion => shipwright::warn_about_version(request, &mut outcome),
        Subject::Shipwright(kind, version) => match request.written_object() {
            Ok(object) => shipwright::decide((kind, version), object, request, builds, &mut outcome)?,
            Err(fault) => outcome.fault(fault),
        },
        Subject::Workload(kind) => match request.written_object() {
            Ok(object) => workload::decide(kind, object, request, &mut outcome)?,
            Err(fault) => outcome.fault(fault),
        },
    }
    Ok(outcome.into_decision())
}
