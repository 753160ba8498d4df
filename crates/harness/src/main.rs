//! `harness`: evaluates the built policy without a cluster, or serves it as a webhook.

mod commands;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::commands::{Arguments, perform};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let level = if arguments.command.is_measured() { LevelFilter::WARN } else { LevelFilter::INFO };
    let chosen = std::env::var("RUST_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    tracing_subscriber::registry().with(lines).with(chosen.unwrap_or(Targets::new().with_default(level))).init();
    perform(arguments.command).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}
