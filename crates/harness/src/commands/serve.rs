//! `harness serve`: answers AdmissionReviews over HTTP.

use std::process::ExitCode;

use local_registry_harness::serve::{Tls, Webhook, serve};

use super::arguments::Serve;
use super::evaluation;

pub(super) fn perform(arguments: Serve) -> anyhow::Result<ExitCode> {
    let Serve { evaluation, address, tls_cert, tls_key } = arguments;
    let (policy, settings) = evaluation::load(&evaluation)?;
    let tls = tls_cert.zip(tls_key).map(|(certificate, key)| Tls { certificate, key });
    serve(Webhook { policy, settings, terms: evaluation.terms() }, address, tls)?;
    Ok(ExitCode::SUCCESS)
}
