//! A Build: its output stays portable, its source and builder are resolved at once.

use crate::decision::{Case, Outcome};
use crate::fault::Help;
use crate::fields::{Kind, Role, Version, image_fields};
use crate::local::{Annotations, Before, Image, Resolution};
use crate::warning::Remark;

/// Decides about a Build that is created or updated.
pub(crate) fn decide(case: &Case<'_>, outcome: &mut Outcome) {
    let annotations = Annotations::read(case.object, &mut outcome.faults);
    let before = case.old.map(Before::of);
    for field in image_fields(Kind::Build, case.version) {
        match Image::read(case.object, field, &annotations) {
            Err(fault) => outcome.faults.push(fault),
            Ok(None) if annotations.says(field.role) == Some(true) && case.old != Some(case.object) => {
                outcome.warn(Remark::IdleAnnotation(field.role));
            }
            Ok(None) => {}
            Ok(Some(image)) => {
                let unchanged = before.as_ref().is_some_and(|before| before.had(&image));
                decide_image(case, &image, unchanged, outcome);
                if case.version == Version::V1Alpha1 {
                    record(&image, &annotations, outcome);
                }
            }
        }
    }
    if case.old == Some(case.object) {
        // Nothing of ours has changed, so nothing of it is in the way of whatever has.
        outcome.faults.clear();
    }
}

fn decide_image(case: &Case<'_>, image: &Image<'_>, unchanged: bool, outcome: &mut Outcome) {
    // A BuildRun resolves the output of the Build that it names, unless nobody looks Builds up.
    let portable = image.field.role == Role::Output && case.settings.lookup_builds;
    if unchanged {
        if let Some(text) = image.moved(case.settings).filter(|_| !portable) {
            outcome.edits.set_text(image.field.image, &text);
        }
        return;
    }
    match image.resolve(case.settings) {
        None | Some(Ok(Resolution::Keep)) => {}
        Some(Err(fault)) => outcome.faults.push(fault),
        Some(Ok(Resolution::Inject(_))) if portable => {}
        Some(Ok(Resolution::Inject(text))) => {
            outcome.edits.set_text(image.field.image, &text);
            if image.field.role == Role::Output && case.settings.insecure && !image.states_insecure {
                outcome.edits.set_true(image.field.insecure);
            }
        }
        Some(Ok(Resolution::Wanting)) if portable => outcome.warn(Remark::NoRegistry {
            path: image.field.image,
            text: image.text().to_owned(),
            help: Help(case.settings.help.clone()),
        }),
        Some(Ok(Resolution::Wanting)) => outcome.faults.push(image.without_registry(case.settings)),
    }
}

/// Repeats what `local` says as an annotation: Shipwright's conversion from v1alpha1 to the stored
/// version keeps annotations and drops the fields that it does not know.
fn record(image: &Image<'_>, annotations: &Annotations, outcome: &mut Outcome) {
    let role = image.field.role;
    let annotated = annotations.says(role);
    match image.explicit {
        Some(true) if annotated != Some(true) => outcome.edits.set_text(role.annotation_path(), "true"),
        Some(false) if annotated == Some(true) => outcome.edits.set_text(role.annotation_path(), "false"),
        _ => {}
    }
}
