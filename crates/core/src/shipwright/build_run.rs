//! A BuildRun: its own images are resolved in place; the output that it inherits from a Build is resolved by giving the
//! run an output of its own.

use super::annotation::Marks;
use super::builder_parameter::BuilderParameter;
use super::defaults::{Defaults, Stated};
use super::fields::{self, ImageField, Kind, Role, Version, image_fields};
use super::image::{Before, Image};
use super::lookup::BuildLookup;
use super::messages::BuildWarning;
use super::named_build::{self, NamingRun};
use super::output::{check_docker_hub, has_output};
use super::parameters;
use super::request::BuildRequest;
use crate::admission::{Fate, Outcome, value_at};
use crate::json::Node;
use crate::message::Fault;

/// Decides about a BuildRun that is created or updated.
pub(super) fn decide(request: &BuildRequest<'_>, builds: &mut dyn BuildLookup, outcome: &mut Outcome) {
    let (marks, faults) = Marks::read(request.object);
    for fault in faults {
        outcome.fault(fault);
    }
    let before = request.old.map(Before::read);
    let own = decide_own_images(request, marks, before.as_ref(), outcome);
    for path in fields::parameters_of_run(request.version) {
        parameters::decide(request, path, false, outcome);
    }
    let mut inherited = Stated::default();
    let mut inherits = false;
    match origin(request.object, request.version) {
        Ok(Origin::Named(name)) => {
            inherits = !has_output(request.object);
            let builder = BuilderParameter::written_without_registry(request);
            let has_lost_parameters =
                before.as_ref().is_some_and(|before| parameters::has_lost_any(request.object, before.object));
            let mut run = NamingRun { request, name, marks, builder, is_settled: false, has_lost_parameters };
            run.is_settled = before.as_ref().is_some_and(|before| {
                origin(before.object, request.version) == Ok(Origin::Named(name)) && !run.takes_more_than(before)
            });
            if !run.is_settled || run.builder.is_some() {
                inherited = named_build::decide(&run, builds, outcome);
            } else {
                inherited = Stated::UNKNOWN;
                if run.has_lost_parameters {
                    named_build::restore_parameters(&run, builds, outcome);
                }
            }
        }
        // Shipwright reports an unclear run itself.
        Ok(Origin::Embedded | Origin::Unclear) => {}
        Err(fault) => outcome.fault(fault),
    }
    for (field, stated) in own.injected {
        Defaults::of(request.settings, stated.or(inherited)).set(field, request, outcome);
    }
    for role in Role::ALL.into_iter().filter(|role| marks.say_local(*role) && !own.roles.contains(role)) {
        let is_new = before.as_ref().is_none_or(|before| !before.marks.say_local(role));
        // Whether a named Build has an output is checked where the Build is looked up.
        if is_new && !(inherits && role == Role::Output) {
            outcome.warn(&BuildWarning::IdleAnnotation(role));
        }
    }
}

/// What a run builds.
#[derive(Debug, PartialEq, Eq)]
enum Origin<'n> {
    /// The Build of this name.
    Named(&'n str),
    /// A specification in the run itself.
    Embedded,
    /// The run has neither, or both. Shipwright fails it, until an update repairs it.
    Unclear,
}

fn origin<'n>(object: &'n Node<'n>, version: Version) -> Result<Origin<'n>, Fault> {
    let name_path = fields::build_name(version);
    let name = value_at(object, name_path)?;
    let specification = value_at(object, fields::embedded_spec(version))?;
    match (name, specification) {
        (Some(Node::String(name)), None) => Ok(Origin::Named(name)),
        (Some(other), None) => Err(Fault::wrong_type(name_path, other.type_name(), "the name of a Build")),
        (None, Some(_)) => Ok(Origin::Embedded),
        _ => Ok(Origin::Unclear),
    }
}

/// The images in a run itself.
#[derive(Default)]
struct OwnImages {
    /// The role of each.
    roles: Vec<Role>,
    /// The outputs that got the registry in front, and what each states.
    injected: Vec<(&'static ImageField, Stated)>,
}

/// Resolves the images in the run itself.
fn decide_own_images(
    request: &BuildRequest<'_>,
    marks: Marks,
    before: Option<&Before<'_>>,
    outcome: &mut Outcome,
) -> OwnImages {
    let mut own = OwnImages::default();
    for field in image_fields(Kind::BuildRun, request.version) {
        let mut image = match Image::read(request.object, field, marks) {
            Ok(Some(image)) => image,
            Ok(None) => continue,
            Err(fault) => {
                outcome.fault(fault);
                continue;
            }
        };
        own.roles.push(field.role);
        let old = before.and_then(|before| before.image(field));
        if image.outgrew_record(old.as_ref(), request.settings).is_some() {
            image.release();
        }
        let is_unchanged = old.is_some_and(|old| image.is_same_as(&old));
        if !is_unchanged {
            image.warn_of_overruled_mark(outcome);
        }
        match image.fate(request) {
            // Any update repairs an image that was stored unresolved.
            Fate::Inject(text) => {
                if text != image.text() {
                    outcome.edits.set_text(field.image, &text);
                }
                if field.role == Role::Output {
                    own.injected.push((field, image.stated));
                }
            }
            _ if is_unchanged => {}
            Fate::NotLocal => check_docker_hub(request, &image, None, field.image, outcome),
            Fate::Keep => {}
            Fate::Invalid(problem) => outcome.fault(image.invalid(&problem)),
            Fate::NoRegistry => outcome.fault(image.without_registry(request.settings)),
        }
    }
    own
}
