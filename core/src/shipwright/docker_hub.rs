//! An output that is not local and names no registry: Shipwright pushes it to Docker Hub.
//!
//! The author may mean that. More often, `local: true` was forgotten or lost.

use std::fmt;

use super::Case;
use super::fields::Role;
use super::image::Image;
use super::problem::Problem;
use super::remark::Remark;
use crate::admission::{Outcome, OutputWithoutRegistry};
use crate::json::Path;
use crate::message::Quoted;
use crate::registry::named_registry;

/// An output that goes to Docker Hub.
#[derive(Debug, Clone, Copy)]
pub(super) struct DockerHubOutput<'a> {
    pub(super) text: &'a str,
    /// The Build that the output is inherited from.
    pub(super) build: Option<&'a str>,
}

impl DockerHubOutput<'_> {
    pub(super) const REMEDY: &'static str = "set local: true for this cluster's registry, or name a registry";
}

impl fmt::Display for DockerHubOutput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(build) = self.build {
            write!(f, "the output image of Build {}, ", Quoted(build))?;
        }
        let comma = if self.build.is_some() { "," } else { "" };
        write!(f, "{}{comma} names no registry and is not local, so it goes to Docker Hub", Quoted(self.text))
    }
}

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
