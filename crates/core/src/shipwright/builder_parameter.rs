//! The parameter in which Shipwright stores the builder of a v1alpha1 Build. In v1beta1 there is no other builder.
//!
//! Here it is read and never written. The portable host in it is resolved as in every other parameter.

use super::annotation::{Mark, Marks, set_mark};
use super::fields::{BUILDER_PARAMETER, BUILDER_PARAMETERS_MASK, Kind, PARAMETERS, Role, Version, image_fields};
use super::image::Before;
use super::messages::{BuildProblem, BuildWarning};
use super::request::BuildRequest;
use crate::admission::{ImageProblem, Outcome};
use crate::json::Node;
use crate::message::{Fault, FieldPath};
use crate::registry::{ImageReference, named_registry, names_portable_host};

/// The builder of a Build among its parameters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BuilderParameter {
    index: usize,
    /// The image as it was written.
    pub(super) image: String,
}

impl BuilderParameter {
    /// Reads it from an object; `None` if there is none, or its value is not a string. Of two such parameters, the last one
    /// counts: the conversion puts the builder after the Build's own parameters, and later parameters override earlier ones.
    pub(super) fn read(object: &Node<'_>) -> Option<Self> {
        let parameters = parameters(object);
        let index = position(&parameters)?;
        let image = parameters.get(index)?.field("value")?.text()?.to_owned();
        Some(Self { index, image })
    }

    /// The builder that a run sets, if the request writes it and it names no registry.
    pub(super) fn written_without_registry(request: &BuildRequest<'_>) -> Option<Self> {
        let builder = Self::read(request.object).filter(|builder| named_registry(&builder.image).is_none())?;
        let is_unchanged = request.old.and_then(Self::read).is_some_and(|old| old.image == builder.image);
        (!is_unchanged).then_some(builder)
    }

    /// The path of its value, as messages name it.
    pub(super) fn path(&self) -> FieldPath {
        FieldPath::in_element(PARAMETERS, self.index, &["value"])
    }

    /// The fault of a local one in a cluster without a registry.
    fn without_registry(&self, help: Option<&str>) -> Fault {
        let undo = format!("set the annotation {} to \"false\"", Role::Builder.annotation());
        ImageProblem::NoRegistry { text: &self.image, whose: "", undo, help }.at(self.path())
    }
}

/// Decides about the builder of a Build that has it as a parameter. A local one has to name the cluster's registry, or the
/// portable host: nothing else is resolved in parameters, so every run of the Build would be rejected otherwise.
pub(super) fn decide(request: &BuildRequest<'_>, marks: Marks, before: Option<&Before<'_>>, outcome: &mut Outcome) {
    const ROLE: Role = Role::Builder;
    if !marks.say_local(ROLE) {
        return;
    }
    let before = before.filter(|before| before.marks.say_local(ROLE) && !has_builder_field(before, request.version));
    let old = before.map(|before| BuilderParameter::read(before.object));
    let Some(builder) = BuilderParameter::read(request.object) else {
        if old != Some(None) {
            outcome.warn(&BuildWarning::IdleAnnotation(ROLE));
        }
        return;
    };
    let registry = named_registry(&builder.image);
    let host = request.settings.host_text();
    // The runs of the Build resolve the portable name.
    if registry.is_some() && registry == host || names_portable_host(&builder.image) {
        return;
    }
    let is_unchanged = old.flatten().is_some_and(|old| old.image == builder.image);
    let old_mark = before.filter(|_| is_unchanged).and_then(|before| before.marks.mark(ROLE));
    if marks.mark(ROLE) == Some(Mark::Recorded) {
        if old_mark == Some(Mark::Local) {
            // Only the policy writes records, and it writes none there.
            set_mark(&mut outcome.edits, ROLE, Some(Mark::Local));
        } else if let (None, Some(registry), Ok(_)) = (old_mark, registry, ImageReference::parse(&builder.image)) {
            // Its author named another registry, so it is not local any more. This holds for every image.
            set_mark(&mut outcome.edits, ROLE, None);
            outcome.warn(&BuildWarning::Released {
                path: builder.path(),
                registry,
                remedy: BuildWarning::BUILDER_AGAIN,
            });
            return;
        }
    }
    match host {
        Some(host) => {
            let fault = BuildProblem::BuilderParameter { text: &builder.image, host }.at(builder.path());
            if is_unchanged { outcome.warn(&fault) } else { outcome.fault(fault) }
        }
        // Its runs are rejected with that reason.
        None if is_unchanged => {}
        None => outcome.fault(builder.without_registry(request.settings.help.as_deref())),
    }
}

/// Whether an object has its builder as a field, which v1alpha1 has.
fn has_builder_field(object: &Before<'_>, version: Version) -> bool {
    let mut fields = image_fields(Kind::Build, version).iter().filter(|field| field.role == Role::Builder);
    fields.any(|field| object.image(field).is_some())
}

/// Whether a run sets that parameter, and so never uses the builder of its Build.
pub(super) fn sets_builder(run: &Node<'_>) -> bool {
    position(&parameters(run)).is_some()
}

/// The parameters of an object; none if they cannot be read.
fn parameters<'n>(object: &Node<'n>) -> Vec<Node<'n>> {
    match object.at(PARAMETERS) {
        Ok(Some(Node::Raw(text))) => match Node::parse(text, BUILDER_PARAMETERS_MASK) {
            Ok(Node::Array(parameters)) => parameters,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Where it is among parameters.
#[inline(never)]
fn position(parameters: &[Node<'_>]) -> Option<usize> {
    let is_builder = |parameter: &Node<'_>| parameter.field("name").and_then(Node::text) == Some(BUILDER_PARAMETER);
    parameters.iter().rposition(is_builder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Mask::{Fields, Raw};

    #[test]
    fn the_builder_is_found_among_the_parameters() {
        let check = |parameters: &str, expected: Option<(usize, &str)>| {
            let object = format!(r#"{{"spec":{{"paramValues":{parameters}}}}}"#);
            let object = Node::parse(&object, Fields(&[("spec", Fields(&[("paramValues", Raw)]))])).unwrap();
            let expected = expected.map(|(index, image)| BuilderParameter { index, image: image.to_owned() });
            assert_eq!(BuilderParameter::read(&object), expected, "{parameters}");
        };
        check(r#"[{"name":"a","value":"b"},{"name":"builder-image","value":"x/y"}]"#, Some((1, "x/y")));
        check(r#"[{"name":"builder-image","value":"x/y"},{"name":"builder-image","value":"y/z"}]"#, Some((1, "y/z")));
        check(r#"[{"name":"builder-image","configMapValue":{}}]"#, None);
        check(r#"[{"name":"builder-image","value":7}]"#, None);
        check(r#"[7,{"name":"builder-image","value":"x/\u0079"},null]"#, Some((1, "x/y")));
        check(r#"{"name":"builder-image","value":"x/y"}"#, None);
        check("null", None);
    }
}
