//! Outputs: what holds for them and for no other image.

use super::fields::{OUTPUT, Role};
use super::image::Image;
use super::messages::{BuildProblem, BuildWarning, DockerHubOutput};
use super::request::BuildRequest;
use crate::admission::{Outcome, OutputWithoutRegistry};
use crate::json::{Node, Path};
use crate::registry::named_registry;

/// Warns about an output that is not local and goes to Docker Hub, or rejects it, as the settings say; other images pass.
/// The author may mean that. More often, `local: true` was forgotten or lost.
///
/// `build` names the Build that the image is inherited from, and `path` is the request's field that leads to the image.
pub(super) fn check_docker_hub(
    request: &BuildRequest<'_>,
    image: &Image<'_>,
    build: Option<&str>,
    path: Path,
    outcome: &mut Outcome,
) {
    let text = image.text();
    if image.field.role != Role::Output || text.is_empty() || named_registry(text).is_some() {
        return;
    }
    let output = DockerHubOutput { text, build };
    match request.settings.output_without_registry {
        OutputWithoutRegistry::Allow => {}
        OutputWithoutRegistry::Warn => outcome.warn(&BuildWarning::OutputWithoutRegistry { path, output }),
        OutputWithoutRegistry::Reject => outcome.fault(BuildProblem::OutputWithoutRegistry(output).at(path)),
    }
}

/// Whether a run has an output of its own.
pub(super) fn has_output(run: &Node<'_>) -> bool {
    matches!(run.at(OUTPUT.path), Ok(Some(_)))
}
