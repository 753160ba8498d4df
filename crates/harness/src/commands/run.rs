//! `harness run`: evaluates one request.

use std::io::{IsTerminal, Read};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use local_registry_harness::diff;
use local_registry_harness::review::{AdmissionRequest, AdmissionReview};

use super::arguments::{Run, When};
use super::{evaluation, exit_code};

pub(super) fn perform(arguments: &Run) -> anyhow::Result<ExitCode> {
    let Run { evaluation, request_path, diff } = arguments;
    let text = read(request_path)?;
    let request = AdmissionRequest::parse_either(&text).with_context(|| request_path.display().to_string())?;
    let (policy, settings) = evaluation::load(evaluation)?;
    let review = AdmissionReview::evaluate(&policy, &request, &settings)?
        .under(&evaluation.terms(), &evaluation.module.to_string_lossy());
    println!("{}", serde_json::to_string_pretty(&review)?);
    if let Some(object) = request.object()
        && is_wanted(*diff)
    {
        let colour = std::io::stderr().is_terminal();
        eprint!("{}", diff::unified(object, &review.patched(object)?, colour));
    }
    Ok(exit_code(review.allowed()))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text).context("stdin cannot be read")?;
        return Ok(text);
    }
    std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))
}

fn is_wanted(when: When) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => std::io::stderr().is_terminal(),
    }
}
