//! An output that is not local and names no registry: Shipwright pushes it to Docker Hub.
//!
//! It may be meant. Mostly it is a mark that was forgotten, or lost on a way that nobody has thought of.

use crate::decision::{Case, Outcome};
use crate::fault::{Fault, OutputWithoutRegistry, Problem};
use crate::fields::{Path, Role};
use crate::image::named_registry;
use crate::local::Image;
use crate::settings;
use crate::warning::Remark;

/// Says so, or refuses it, as the settings want; any other image is fine. `build` is the Build that the image is
/// inherited from, and `path` where the request leads to it.
pub(crate) fn decide(case: &Case<'_>, image: &Image<'_>, build: Option<&str>, path: Path, outcome: &mut Outcome) {
    let text = image.text();
    if image.field.role != Role::Output || text.is_empty() || named_registry(text).is_some() {
        return;
    }
    let output = OutputWithoutRegistry { text: text.to_owned(), build: build.map(ToOwned::to_owned) };
    match case.settings.output_without_registry {
        settings::OutputWithoutRegistry::Allow => {}
        settings::OutputWithoutRegistry::Warn => outcome.warn(Remark::OutputWithoutRegistry { path, output }),
        settings::OutputWithoutRegistry::Reject => {
            outcome.faults.push(Fault::new(path, Problem::OutputWithoutRegistry(output)));
        }
    }
}
