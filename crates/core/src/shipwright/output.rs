//! An output that is not local and names no registry: Shipwright pushes it to Docker Hub.
//!
//! The author may mean that. More often, `local: true` was forgotten or lost.

use super::Case;
use super::fields::Role;
use super::image::Image;
use super::phrase::DockerHubOutput;
use super::messages::Problem;
use super::remark::Remark;
use crate::admission::{Outcome, OutputWithoutRegistry};
use crate::json::Path;
use crate::registry::named_registry;

/// Warns about an output that goes to Docker Hub, or rejects it, as the settings say; other images pass.
///
/// `build` names the Build that the image is inherited from, and `path` is the request's field that leads to the image.
pub(super) fn check(case: &Case<'_>, image: &Image<'_>, build: Option<&str>, path: Path, outcome: &mut Outcome) {
    let text = image.text();
    if image.field.role != Role::Output || text.is_empty() || named_registry(text).is_some() {
        return;
    }
    let output = DockerHubOutput { text, build };
    match case.settings.output_without_registry {
        OutputWithoutRegistry::Allow => {}
        OutputWithoutRegistry::Warn => outcome.warn(&Remark::OutputWithoutRegistry { path, output }),
        OutputWithoutRegistry::Reject => outcome.faults.push(Problem::OutputWithoutRegistry(output).at(path)),
    }
}
