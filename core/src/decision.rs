//! The decision about one request.

use crate::edit::Edits;
use crate::fault::{Fault, Rejection};
use crate::fields::{self, Kind, Version};
use crate::json::Node;
use crate::lookup::BuildLookup;
use crate::request::{Operation, Request, Subject};
use crate::settings::{Settings, SettingsError};
use crate::warning::{Remark, Warning};
use crate::{build, build_run};

/// What the policy answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The object may pass, with these changes.
    Accept {
        /// What to change in the object; often nothing.
        edits: Edits,
        /// What to tell the sender all the same.
        warnings: Vec<Warning>,
    },
    /// The object may not pass.
    Reject(Rejection),
}

/// Decides about a request.
///
/// Deciding about the edited object again changes nothing more: Kubernetes may call a mutating
/// webhook again on its own result. An image that an UPDATE leaves as it was never leads to a
/// rejection, since finalizers, labels and cancelling must always pass.
///
/// # Errors
/// Where the request's settings are invalid; requests that are not ours never look at them.
pub fn decide(request: &Request<'_>, builds: &mut dyn BuildLookup) -> Result<Decision, SettingsError> {
    let mut outcome = Outcome::default();
    match (request.subject(), request.object()) {
        (Subject::Ours(kind, version, operation), Some(object)) => {
            let (settings, _) = Settings::read(request.settings())?;
            let old = request.old_object().filter(|_| operation == Operation::Update);
            // Finalizers must come off.
            let is_deleted = old.is_some_and(|old| matches!(old.at(fields::DELETION_PATH), Ok(Some(_))));
            if is_deleted && kind == Kind::Build {
                return Ok(outcome.into_decision());
            }
            // A change elsewhere in the object is none of our business. But an annotation, whichever it is, may be
            // set on a Build to have its source moved to the current registry.
            if old == Some(object) && (kind == Kind::BuildRun || !request.annotations_differ()) {
                return Ok(outcome.into_decision());
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
                Kind::Build => build::decide(&case, &mut outcome),
                Kind::BuildRun => build_run::decide(&case, builds, &mut outcome),
            }
            // Shipwright runs a BuildRun even while it is being deleted, so its images are resolved all the same.
            if is_deleted {
                outcome.keep_edits_only();
            }
        }
        (Subject::UnknownVersion(_), _) => outcome.warn(Remark::UnknownVersion(request.version().to_owned())),
        _ => {}
    }
    Ok(outcome.into_decision())
}

/// A Build or BuildRun that is created or updated.
pub(crate) struct Case<'c> {
    pub(crate) version: Version,
    pub(crate) object: &'c Node<'c>,
    /// The object before an UPDATE.
    pub(crate) old: Option<&'c Node<'c>>,
    pub(crate) namespace: &'c str,
    /// Nothing of the request is stored, nor was what came before it in the same dry run.
    pub(crate) is_dry_run: bool,
    pub(crate) settings: &'c Settings,
}

/// A decision in the making.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) edits: Edits,
    pub(crate) faults: Vec<Fault>,
    warnings: Vec<Warning>,
}

impl Outcome {
    /// Adds a fault, but for one that is known: several fields may stumble over the same place.
    pub(crate) fn add(&mut self, fault: Fault) {
        if !self.faults.iter().any(|known| known.is_at_same_place(&fault)) {
            self.faults.push(fault);
        }
    }

    pub(crate) fn warn(&mut self, remark: Remark) {
        self.warnings.push(remark.into());
    }

    /// Says nothing and refuses nothing.
    pub(crate) fn keep_edits_only(&mut self) {
        self.faults.clear();
        self.warnings.clear();
    }

    fn into_decision(self) -> Decision {
        match Rejection::of(self.faults) {
            Some(rejection) => Decision::Reject(rejection),
            None => Decision::Accept { edits: self.edits, warnings: self.warnings },
        }
    }
}
