//! A Build: its output stays portable, its source and builder are resolved at once.

use super::annotation::{Mark, Marks, set_mark};
use super::builder_parameter;
use super::fields::{Kind, LABEL, OUTPUT_LABEL_LOCAL, PARAMETERS, Role, Version, image_fields};
use super::image::{Before, Image, Place};
use super::messages::BuildWarning;
use super::output::check_docker_hub;
use super::parameters;
use super::request::BuildRequest;
use crate::admission::{Fate, Outcome};
use crate::json::Node;
use crate::registry::other_registry;

/// Decides about a Build that is created or updated.
pub(super) fn decide(request: &BuildRequest<'_>, outcome: &mut Outcome) {
    let (marks, faults) = Marks::read(request.object);
    for fault in faults {
        outcome.fault(fault);
    }
    let before = request.old.map(Before::read);
    let mut has_builder = false;
    for field in image_fields(Kind::Build, request.version) {
        match Image::read(request.object, field, marks) {
            Err(fault) => {
                has_builder |= field.role == Role::Builder;
                outcome.fault(fault);
            }
            Ok(None) if field.role == Role::Builder => {}
            Ok(None) => {
                let was_idle =
                    |before: &Before<'_>| before.marks.say_local(field.role) && before.image(field).is_none();
                if marks.say_local(field.role) && !before.as_ref().is_some_and(was_idle) {
                    outcome.warn(&BuildWarning::IdleAnnotation(field.role));
                }
            }
            Ok(Some(mut image)) => {
                has_builder |= field.role == Role::Builder;
                let old = before.as_ref().and_then(|before| before.image(field));
                if image.is_contradictory() && old.as_ref().is_some_and(|old| image.is_same_as(old)) {
                    continue;
                }
                if image.has_record_over_mark(old.as_ref()) {
                    image.set_mark(Mark::Local);
                    set_mark(&mut outcome.edits, field.role, Some(Mark::Local));
                } else if let Some(registry) = image.outgrew_record(old.as_ref(), request.settings) {
                    image.release();
                    set_mark(&mut outcome.edits, field.role, None);
                    outcome.warn(&BuildWarning::Released {
                        path: field.image.into(),
                        registry,
                        remedy: BuildWarning::AGAIN,
                    });
                } else if image.lost_field(old.as_ref(), request.settings) {
                    image.set_mark(Mark::Recorded);
                    set_mark(&mut outcome.edits, field.role, Some(Mark::Recorded));
                }
                decide_image(request, &mut image, old.as_ref(), outcome);
                if field.role == Role::Output {
                    set_label(request, image.is_marked(request.version), outcome);
                    set_push_secret(request, &image, outcome);
                }
                // The stored version has no field for that of a v1alpha1 object. What is not stored would look like a
                // change whenever the object is applied again.
                if request.version == Version::V1Alpha1 && image.explicit.is_some() {
                    outcome.edits.remove(field.local);
                }
            }
        }
    }
    if !has_builder {
        builder_parameter::decide(request, marks, before.as_ref(), outcome);
    }
    parameters::decide(request, PARAMETERS, request.settings.lookup_builds, outcome);
    if request.changes_nothing() {
        // The UPDATE changes none of the fields that are read, so they must not keep it from changing others.
        outcome.forgive();
    }
}

fn decide_image(request: &BuildRequest<'_>, image: &mut Image<'_>, old: Option<&Image<'_>>, outcome: &mut Outcome) {
    let path = image.field.image;
    // A v1alpha1 Build loses the field once it is recorded, so its absence means nothing there.
    if request.version == Version::V1Beta1 && image.falls_back_on_record(old) {
        outcome.warn(&BuildWarning::StaysLocal { field: image.field, text: image.text() });
    }
    // A BuildRun resolves the output of the Build that it names, unless Builds are not looked up.
    let portable = image.field.role == Role::Output && request.settings.lookup_builds;
    // Kubernetes may call the policy again on what it has just resolved.
    if let Some(old) = old.filter(|old| image.is_same_as(old) || image.resolves(old, request.settings)) {
        return decide_unchanged(request, image, old, portable, outcome);
    }
    record(image, outcome);
    image.warn_of_overruled_mark(outcome);
    match image.fate(request) {
        Fate::NotLocal => check_docker_hub(request, image, None, path, outcome),
        Fate::Keep => {}
        Fate::Invalid(problem) => outcome.fault(image.invalid(&problem)),
        Fate::Inject(_) if portable => {}
        Fate::Inject(text) => inject(request, image, &text, outcome),
        Fate::NoRegistry if portable => {
            outcome.warn(&BuildWarning::NoRegistry {
                path,
                text: image.text(),
                help: request.settings.help.as_deref(),
            });
        }
        Fate::NoRegistry => outcome.fault(image.without_registry(request.settings)),
    }
}

/// Decides about an image that an UPDATE does not change, and so never rejects.
fn decide_unchanged(
    request: &BuildRequest<'_>,
    image: &mut Image<'_>,
    old: &Image<'_>,
    portable: bool,
    outcome: &mut Outcome,
) {
    let place = image.place(old, request.settings);
    match &place {
        Place::Nowhere(text) if !portable => inject(request, image, text, outcome),
        Place::Earlier(text) if !portable => {
            inject(request, image, text, outcome);
            outcome.warn(&BuildWarning::Moved { path: image.field.image, text: image.text(), moved: text });
        }
        Place::Settled | Place::Nowhere(_) => {}
        // Without a registry of the cluster's, there is nothing that its author could write instead.
        Place::Earlier(_) | Place::Foreign if request.settings.host.is_none() => {}
        Place::Earlier(_) | Place::Foreign => {
            if let Fate::Invalid(problem) = image.fate(request) {
                outcome.warn(&BuildWarning::StaysElsewhere { path: image.field.image, problem });
            }
        }
    }
    if matches!(place, Place::Foreign) && !old.is_recorded() {
        // A record would say that this policy wrote the registry, and have the image moved by the next UPDATE. One that makes
        // the image local is left: the image is no reference, and so is never moved.
        if image.is_recorded() && image.explicit.is_some() {
            image.mark = None;
            set_mark(&mut outcome.edits, image.field.role, None);
        }
    } else {
        record(image, outcome);
    }
}

/// Gives the Build the label by which the guard in the API server finds it, or takes it away.
fn set_label(request: &BuildRequest<'_>, is_local: bool, outcome: &mut Outcome) {
    // The API server refuses labels of another type.
    let Ok(label) = request.object.at(LABEL) else { return };
    match (label.and_then(Node::text) == Some(OUTPUT_LABEL_LOCAL), is_local) {
        (false, true) => outcome.edits.set_text(LABEL, OUTPUT_LABEL_LOCAL),
        (true, false) => outcome.edits.remove(LABEL),
        _ => {}
    }
}

/// Gives a local output the push secret of the settings, unless it has one or its author names the registry. Shipwright's own push
/// takes the secret of the Build alone, whatever a run names.
fn set_push_secret(request: &BuildRequest<'_>, image: &Image<'_>, outcome: &mut Outcome) {
    let Some(name) = request.settings.push_secret.as_deref() else { return };
    // Where Builds are not looked up, the policy itself has written the registry.
    let is_of_author = request.settings.lookup_builds && other_registry(image.text()).is_some();
    if image.is_local() && !image.stated.push_secret && !is_of_author {
        outcome.edits.set_text(image.field.push_secret(request.version), name);
    }
}

fn inject(request: &BuildRequest<'_>, image: &mut Image<'_>, text: &str, outcome: &mut Outcome) {
    if text != image.text() {
        outcome.edits.set_text(image.field.image, text);
        if image.is_local_by_name() {
            // The name goes, and with it the only sign that the image belongs to the cluster's registry, wherever that is later.
            image.set_mark(Mark::Recorded);
            set_mark(&mut outcome.edits, image.field.role, Some(Mark::Recorded));
        }
    }
    if image.field.role == Role::Output && request.settings.insecure && !image.stated.insecure {
        outcome.edits.set_true(image.field.insecure);
    }
}

/// Records the field `local` as an annotation. Whatever writes a Build back without knowing the field drops it:
/// Shipwright's conversion to and from v1alpha1, a typed client, any write while the CRDs lack the field. All of these
/// keep annotations.
fn record(image: &mut Image<'_>, outcome: &mut Outcome) {
    let Some(local) = image.explicit else { return };
    if image.mark.is_none_or(|mark| mark.is_local() != local) {
        let mark = if local { Mark::Recorded } else { Mark::NotLocal };
        image.mark = Some(mark);
        set_mark(&mut outcome.edits, image.field.role, Some(mark));
    }
}
