//! A Build: its output stays portable, its source and builder are resolved at once.

use super::annotation::{Annotations, Mark};
use super::before::Before;
use super::fields::{Kind, Role, Version, image_fields};
use super::image::Image;
use super::remark::Remark;
use super::{Case, is_same, output};
use crate::admission::Outcome;
use crate::registry::Resolution;

/// Decides about a Build that is created or updated.
pub(super) fn decide(case: &Case<'_>, outcome: &mut Outcome) {
    let annotations = Annotations::read(case.object, &mut outcome.faults);
    let before = case.old.map(Before::of);
    for field in image_fields(Kind::Build, case.version) {
        match Image::read(case.object, field, annotations) {
            Err(fault) => outcome.add(fault),
            Ok(None) if annotations.say_local(field.role) => {
                let was_idle =
                    |before: &Before<'_>| before.annotations.say_local(field.role) && before.image(field).is_none();
                if !before.as_ref().is_some_and(was_idle) {
                    outcome.warn(&Remark::IdleAnnotation(field.role));
                }
            }
            Ok(None) => {}
            Ok(Some(mut image)) => {
                let old = before.as_ref().and_then(|before| before.image(field));
                if image.release(old.as_ref(), case.settings) {
                    outcome.edits.remove(field.role.annotation_path());
                }
                decide_image(case, &image, old.as_ref(), outcome);
                record(case, &image, outcome);
            }
        }
    }
    if case.old.is_some_and(|old| is_same(old, case.object)) {
        // The UPDATE changes none of the fields that are read, so they must not keep it from changing others.
        outcome.keep_edits_only();
    }
}

fn decide_image(case: &Case<'_>, image: &Image<'_>, old: Option<&Image<'_>>, outcome: &mut Outcome) {
    let path = image.field.image;
    // A v1alpha1 Build loses the field once it is recorded, so its absence means nothing there.
    if case.version == Version::V1Beta1 && image.falls_back_on_record(old) {
        outcome.warn(&Remark::StaysLocal { field: image.field, text: image.text() });
    }
    // A BuildRun resolves the output of the Build that it names, unless Builds are not looked up.
    let portable = image.field.role == Role::Output && case.settings.lookup_builds;
    if old.is_some_and(|old| image.is_same_as(old)) {
        if let Some(text) = image.moved(case.settings).filter(|_| !portable) {
            inject(case, image, &text, outcome);
        }
        return;
    }
    match image.resolve(case.settings) {
        None => output::check(case, image, None, path, outcome),
        Some(Ok(Resolution::Keep)) => {}
        Some(Err(fault)) => outcome.faults.push(fault),
        Some(Ok(Resolution::Inject(_))) if portable => {}
        Some(Ok(Resolution::Inject(text))) => inject(case, image, &text, outcome),
        Some(Ok(Resolution::NoRegistry)) if portable => {
            outcome.warn(&Remark::NoRegistry { path, text: image.text(), help: case.settings.help.as_deref() });
        }
        Some(Ok(Resolution::NoRegistry)) => outcome.faults.push(image.without_registry(case.settings)),
    }
}

fn inject(case: &Case<'_>, image: &Image<'_>, text: &str, outcome: &mut Outcome) {
    outcome.edits.set_text(image.field.image, text);
    if image.field.role == Role::Output && case.settings.insecure && !image.states_insecure {
        outcome.edits.set_true(image.field.insecure);
    }
}

/// Records the field `local` as an annotation. Whatever writes a Build back without knowing the field drops it:
/// Shipwright's conversion to and from v1alpha1, a typed client, any write while the CRDs lack the field. All of these
/// keep annotations.
fn record(case: &Case<'_>, image: &Image<'_>, outcome: &mut Outcome) {
    let annotation = image.field.role.annotation_path();
    let Some(local) = image.explicit else { return };
    if image.mark.is_none_or(|mark| mark.is_local() != local) {
        outcome.edits.set_text(annotation, if local { Mark::RECORDED } else { Mark::NOT_LOCAL });
    }
    // The stored version has no field for that of a v1alpha1 object. What is not stored would look like a change
    // whenever the object is applied again.
    if case.version == Version::V1Alpha1 {
        outcome.edits.remove(image.field.local);
    }
}
