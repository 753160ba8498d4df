//! Shipwright's Builds and BuildRuns: where they keep images, which of them are local, and what becomes of each.
//!
//! The rules are those of the proposal *local-registries* (SHIP-0006).
//!
//! ```
//! use local_registry_core::shipwright::{Kind, Role, Version, image_fields};
//!
//! let fields = image_fields(Kind::Build, Version::V1Alpha1);
//! let roles: Vec<Role> = fields.iter().map(|field| field.role).collect();
//! assert_eq!(roles, [Role::Output, Role::Source, Role::Builder]);
//! ```

mod annotation;
mod build;
mod build_run;
mod builder_parameter;
mod defaults;
mod fields;
mod image;
mod lookup;
mod messages;
mod named_build;
mod output;
mod parameters;
mod request;

pub use self::annotation::Mark;
pub(crate) use self::fields::{ANNOTATION_MASKS, GROUP, LABEL_MASKS, METADATA_MASK, SPEC_MASKS};
pub use self::fields::{BUILD_FIELDS, ImageField, Kind, OUTPUT_LABEL, OUTPUT_LABEL_LOCAL, Role, Version, image_fields};
pub use self::lookup::{BUILD_API_VERSION, BuildLookup, LookupError};

use self::messages::BuildWarning;
use self::request::{BuildRequest, is_alike};
use crate::admission::{Outcome, Request, Settings, SettingsError};
use crate::json::Node;

/// Decides about a request that writes a Build or BuildRun, which is `object`.
pub(crate) fn decide(
    (kind, version): (Kind, Version),
    object: &Node<'_>,
    request: &Request<'_>,
    builds: &mut dyn BuildLookup,
    outcome: &mut Outcome,
) -> Result<(), SettingsError> {
    let (settings, _) = Settings::read(request.settings())?;
    let build_request = BuildRequest {
        version,
        object,
        old: request.old_object(),
        namespace: request.namespace(),
        is_dry_run: request.is_dry_run(),
        settings: &settings,
    };
    let is_deleted = build_request.is_of_deleted();
    // Finalizers must come off.
    if is_deleted && kind == Kind::Build {
        return Ok(());
    }
    // A change of other fields is not the policy's business. But any annotation of a Build may be set to have its
    // source moved to the current registry, and its label is the policy's.
    let concerns_build = || request.annotations_differ() || build_request.changes_label();
    if build_request.changes_nothing() && (kind == Kind::BuildRun || !concerns_build()) {
        return Ok(());
    }
    match kind {
        Kind::Build => build::decide(&build_request, outcome),
        Kind::BuildRun => build_run::decide(&build_request, builds, outcome),
    }
    // Shipwright runs a BuildRun even while it is being deleted, so its images are resolved all the same.
    if is_deleted {
        outcome.keep_edits_only();
    }
    Ok(())
}

/// Warns about a Build or BuildRun in an API version that this policy does not know, unless an UPDATE changes nothing that
/// it reads in the others.
pub(crate) fn warn_about_version(request: &Request<'_>, outcome: &mut Outcome) {
    let is_unchanged = |object| request.old_object().is_some_and(|old| is_alike(object, old));
    if !request.object().is_some_and(is_unchanged) {
        outcome.warn(&BuildWarning::UnknownVersion(request.version()));
    }
}
