//! `harness`: evaluates the built policy without a cluster, or serves it as a webhook.

mod args;

use std::io::{IsTerminal, Read};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Parser;
use harness::bench::load::{self, Server, Stretch};
use harness::bench::{self, Comparison};
use harness::review::{Request, Review};
use harness::serve::{Tls, Webhook, serve};
use harness::{Cluster, Folder, Host, Objects, Policy, context_aware_resources, context_aware_resources_of, diff};
use serde_json::Value;
use tracing_subscriber::EnvFilter;

use crate::args::{Arguments, Command, Evaluation, When};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // What the policy logs about each rejection would be most of what is measured.
    let level = if matches!(arguments.command, Command::Bench { .. }) { "warn" } else { "info" };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level)))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match perform(arguments.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn perform(command: Command) -> anyhow::Result<ExitCode> {
    // kube and axum-server each bring rustls, and neither chooses for the other.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().context("no threads can be started")?;
    match command {
        Command::Run { evaluation, request_path, diff } => {
            let settings = evaluation.settings.read()?;
            let text = read(&request_path)?;
            let request = Request::parse_either(&text).with_context(|| format!("{}", request_path.display()))?;
            let policy = load(&evaluation, runtime.handle())?;
            ensure_valid(&policy, &settings)?;
            let review = Review::evaluate(&policy, &request, &settings)?
                .under(&evaluation.terms(), &evaluation.module.to_string_lossy());
            println!("{}", serde_json::to_string_pretty(&review)?);
            if let Some(object) = request.object()
                && diff.applies()
            {
                let colour = std::io::stderr().is_terminal();
                eprint!("{}", diff::unified(object, &review.patched(object)?, colour));
            }
            Ok(if review.allowed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Settings { settings, module } => {
            let settings = settings.read()?;
            let policy = Policy::load(&module, Host::new([], Objects::Nowhere))?;
            let verdict = policy.validate_settings(&settings)?;
            match verdict.message {
                Some(message) => println!("{message}"),
                None => println!("the settings are valid"),
            }
            Ok(if verdict.valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Bench { nothing, policy_server, seconds, json, module } => {
            compare(&nothing, policy_server.as_deref(), seconds, json, &module)
        }
        Command::Load { policy_server, connections, seconds, module } => {
            put_under_load(policy_server.as_deref(), connections, seconds, &module)
        }
        Command::Serve { evaluation, address, tls_cert, tls_key } => {
            let settings = evaluation.settings.read()?;
            let policy = load(&evaluation, runtime.handle())?;
            ensure_valid(&policy, &settings)?;
            let tls = tls_cert.zip(tls_key).map(|(certificate, key)| Tls { certificate, key });
            let webhook = Webhook { policy, settings, terms: evaluation.terms() };
            runtime.block_on(serve(webhook, address, tls))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn compare(
    nothing: &Path,
    policy_server: Option<&Path>,
    seconds: f64,
    json: bool,
    module: &Path,
) -> anyhow::Result<ExitCode> {
    let patience = Duration::try_from_secs_f64(seconds).context("--seconds")?;
    let mut held = true;
    let mut tell = |comparison: &Comparison| {
        held &= comparison.holds();
        println!("{}", if json { serde_json::to_string(comparison)? } else { comparison.to_string() });
        Ok(())
    };
    if !json {
        println!("{}", bench::HEADER);
    }
    bench::in_engine(nothing, module, patience, &mut tell)?;
    if let Some(program) = policy_server {
        bench::in_policy_server(program, nothing, module, patience, &mut tell)?;
    }
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn put_under_load(
    policy_server: Option<&Path>,
    connections: usize,
    seconds: f64,
    module: &Path,
) -> anyhow::Result<ExitCode> {
    const STRETCHES: u32 = 10;
    let server = match policy_server {
        Some(program) => Server::policy_server(program, module)?,
        None => Server::harness(module)?,
    };
    let length = Duration::try_from_secs_f64(seconds).context("--seconds")? / STRETCHES;
    let tell = |stretch: &Stretch| println!("{stretch}");
    let (sent, failed) = load::load(&server, connections, STRETCHES, length, tell)?;
    println!("{sent} requests, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn load(evaluation: &Evaluation, runtime: &tokio::runtime::Handle) -> anyhow::Result<Policy> {
    let granted = match &evaluation.metadata_path {
        Some(path) => context_aware_resources(path)?,
        None => context_aware_resources_of(&evaluation.module)?,
    };
    let objects = match (&evaluation.objects_path, &evaluation.kubeconfig) {
        (Some(path), _) => Objects::Folder(Folder::read(path)?),
        (None, Some(path)) => Objects::Cluster(runtime.block_on(Cluster::connect(path, evaluation.context.clone()))?),
        (None, None) => Objects::Nowhere,
    };
    Ok(Policy::load(&evaluation.module, Host::new(granted, objects))?)
}

/// A policy server does not start with invalid settings, and neither do we.
fn ensure_valid(policy: &Policy, settings: &Value) -> anyhow::Result<()> {
    let verdict = policy.validate_settings(settings)?;
    if !verdict.valid {
        bail!("the settings are invalid: {}", verdict.message.unwrap_or_default());
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text).context("stdin cannot be read")?;
        return Ok(text);
    }
    std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))
}

impl When {
    fn applies(self) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => std::io::stderr().is_terminal(),
        }
    }
}
