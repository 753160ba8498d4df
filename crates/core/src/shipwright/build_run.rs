//! A BuildRun: its own images are resolved in place; the output that it inherits from a Build is resolved by giving the
//! run an output of its own.

use super::annotation::Annotations;
use super::before::Before;
use super::fields::{self, ImageField, Kind, Role, Version, image_fields};
use super::image::Image;
use super::lookup::BuildLookup;
use super::named_build::{self, NamingRun};
use super::remark::Remark;
use super::run_output::{has_output, set_insecure};
use super::{Case, output};
use crate::admission::{Outcome, value_at};
use crate::json::Node;
use crate::message::Fault;
use crate::registry::Resolution;

/// Decides about a BuildRun that is created or updated.
pub(super) fn decide(case: &Case<'_>, builds: &mut dyn BuildLookup, outcome: &mut Outcome) {
    let annotations = Annotations::read(case.object, &mut outcome.faults);
    let before = case.old.map(Before::of);
    let own = decide_own_images(case, annotations, before.as_ref(), outcome);
    let mut build_states_insecure = false;
    let mut inherits = false;
    match origin(case.object, case.version) {
        Ok(Origin::Named(name)) => {
            inherits = !has_output(case.object);
            let run = NamingRun { case, name, annotations };
            let is_settled = before.as_ref().is_some_and(|before| {
                origin(before.object, case.version) == Ok(Origin::Named(name)) && !run.takes_more_than(before)
            });
            if !is_settled {
                build_states_insecure = named_build::decide(&run, builds, outcome);
            }
        }
        // Shipwright reports an unclear run itself.
        Ok(Origin::Embedded | Origin::Unclear) => {}
        Err(fault) => outcome.add(fault),
    }
    for field in own.injected.into_iter().filter(|_| case.settings.insecure && !build_states_insecure) {
        set_insecure(case, field, outcome);
    }
    for role in Role::ALL.into_iter().filter(|role| annotations.say_local(*role) && !own.roles.contains(role)) {
        let is_new = before.as_ref().is_none_or(|before| !before.annotations.say_local(role));
        // Whether a named Build has an output is checked where the Build is looked up.
        if is_new && !(inherits && role == Role::Output) {
            outcome.warn(&Remark::IdleAnnotation(role));
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
    /// The outputs that got the registry in front and say nothing about `insecure`.
    injected: Vec<&'static ImageField>,
}

/// Resolves the images in the run itself.
fn decide_own_images(
    case: &Case<'_>,
    annotations: Annotations,
    before: Option<&Before<'_>>,
    outcome: &mut Outcome,
) -> OwnImages {
    let mut own = OwnImages::default();
    for field in image_fields(Kind::BuildRun, case.version) {
        let mut image = match Image::read(case.object, field, annotations) {
            Ok(Some(image)) => image,
            Ok(None) => continue,
            Err(fault) => {
                outcome.add(fault);
                continue;
            }
        };
        own.roles.push(field.role);
        let old = before.and_then(|before| before.image(field));
        image.release(old.as_ref(), case.settings);
        let is_unchanged = old.is_some_and(|old| image.is_same_as(&old));
        match image.resolve(case.settings) {
            // Any update repairs an image that was stored unresolved.
            Some(Ok(Resolution::Inject(text))) => {
                outcome.edits.set_text(field.image, &text);
                if field.role == Role::Output && !image.states_insecure {
                    own.injected.push(field);
                }
            }
            _ if is_unchanged => {}
            None => output::check(case, &image, None, field.image, outcome),
            Some(Ok(Resolution::Keep)) => {}
            Some(Err(fault)) => outcome.faults.push(fault),
            Some(Ok(Resolution::NoRegistry)) => outcome.faults.push(image.without_registry(case.settings)),
        }
    }
    own
}
