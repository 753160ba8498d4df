//! Shipwright's Builds and BuildRuns: where they keep images, which of them are local, and what becomes of each.
//!
//! The rules are those of the proposal *local-registries* (SHIP-0006).

mod annotation;
mod before;
mod build;
mod build_run;
mod fields;
mod image;
mod lookup;
mod marker;
mod mask;
mod messages;
mod named_build;
mod output;
mod phrase;
mod remark;
mod run_output;

pub use self::annotation::Mark;
pub use self::fields::{ImageField, Kind, Role, Version, image_fields};
pub use self::lookup::{BUILD_API_VERSION, BUILD_FIELDS, BuildLookup, LookupError, is_object_name};
pub(crate) use self::mask::{ANNOTATIONS, METADATA, SPEC_OF_OBJECT};

use self::remark::Remark;
use crate::admission::{Outcome, Request, Settings, SettingsError, Write};
use crate::json::Node;

/// What a request is to this room.
enum Subject {
    /// Another kind, operation or sub-resource.
    Other,
    /// A Build or BuildRun in an API version that this policy does not know.
    UnknownVersion,
    /// A Build or BuildRun that is created or updated.
    Known(Kind, Version),
}

impl Subject {
    fn of(request: &Request<'_>) -> Self {
        if request.group() != fields::GROUP || request.write().is_none() || !request.sub_resource().is_empty() {
            return Self::Other;
        }
        match (Kind::parse(request.kind()), Version::parse(request.version())) {
            (None, _) => Self::Other,
            (Some(_), None) => Self::UnknownVersion,
            (Some(kind), Some(version)) => Self::Known(kind, version),
        }
    }
}

/// A Build or BuildRun that is created or updated.
struct Case<'c> {
    version: Version,
    object: &'c Node<'c>,
    /// The object before an UPDATE.
    old: Option<&'c Node<'c>>,
    namespace: &'c str,
    /// Nothing of the request is stored, nor was anything of the requests before it in the same dry run.
    is_dry_run: bool,
    settings: &'c Settings,
}

/// Decides about a request, if it is about a Build or BuildRun.
pub(crate) fn decide(
    request: &Request<'_>,
    builds: &mut dyn BuildLookup,
    outcome: &mut Outcome,
) -> Result<(), SettingsError> {
    let (kind, version) = match Subject::of(request) {
        Subject::Other => return Ok(()),
        Subject::UnknownVersion => {
            outcome.warn(&Remark::UnknownVersion(request.version()));
            return Ok(());
        }
        Subject::Known(kind, version) => (kind, version),
    };
    let object = match request.written_object() {
        Ok(object) => object,
        Err(fault) => {
            outcome.add(fault);
            return Ok(());
        }
    };
    let (settings, _) = Settings::read(request.settings())?;
    let old = request.old_object().filter(|_| request.write() == Some(Write::Update));
    // Finalizers must come off.
    let is_deleted = old.is_some_and(|old| matches!(old.at(fields::DELETION), Ok(Some(_))));
    if is_deleted && kind == Kind::Build {
        return Ok(());
    }
    // A change of other fields is not the policy's business. But any annotation of a Build may be set to have its
    // source moved to the current registry.
    if old.is_some_and(|old| is_same(old, object)) && (kind == Kind::BuildRun || !request.annotations_differ()) {
        return Ok(());
    }
    let case = Case {
        version,
        object,
        old,
        namespace: request.namespace(),
        is_dry_run: request.is_dry_run(),
        settings: &settings,
    };
    match kind {
        Kind::Build => build::decide(&case, outcome),
        Kind::BuildRun => build_run::decide(&case, builds, outcome),
    }
    // Shipwright runs a BuildRun even while it is being deleted, so its images are resolved all the same.
    if is_deleted {
        outcome.keep_edits_only();
    }
    Ok(())
}

/// Whether two versions of an object are the same in what this room reads. Labels are read for others.
fn is_same(old: &Node<'_>, object: &Node<'_>) -> bool {
    [fields::ANNOTATIONS, fields::DELETION, fields::SPEC].iter().all(|path| old.at(path).ok() == object.at(path).ok())
}
