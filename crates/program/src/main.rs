//! `local-registry-sync`: keeps policies' settings and nodes' files equal to what the cluster declares.

mod agents;
mod aliases;
mod arguments;
mod check;
mod collection;
mod connection;
mod crds;
mod credentials;
mod metrics;
mod node;
mod prune;
mod repair;
mod running;
mod server;
mod sync;
mod tls;
mod token;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::CommandFactory;
use local_registry_system::Output;
use tracing_subscriber::EnvFilter;

use self::arguments::{Arguments, Command};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::from_command_line();
    start_logging(arguments.log_format);
    match perform(&arguments).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn perform(arguments: &Arguments) -> anyhow::Result<bool> {
    match &arguments.command {
        Some(Command::Completions { shell }) => {
            clap_complete::generate(*shell, &mut Arguments::command(), "local-registry-sync", &mut std::io::stdout());
            Ok(true)
        }
        Some(Command::Agents(agents)) => agents::perform(arguments, agents).await,
        Some(Command::Aliases(aliases)) => aliases::perform(arguments, aliases).await,
        Some(Command::Check(check)) => check::perform(arguments, check).await,
        Some(Command::Collection(collection)) => collection::perform(arguments, collection).await,
        Some(Command::Crds(crds)) => crds::perform(arguments, crds).await,
        Some(Command::Credentials(credentials)) => credentials::perform(arguments, credentials).await,
        Some(Command::Node(node)) => node::perform(arguments, node).await,
        Some(Command::Prune(prune)) => prune::perform(arguments, prune).await,
        Some(Command::Repair(repair)) => repair::perform(arguments, repair),
        Some(Command::Token(token)) => token::perform(arguments, token).await,
        None => sync::perform(arguments).await,
    }
}

/// Logs go to stderr, as `RUST_LOG` filters them.
fn start_logging(format: Output) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        Output::Text => builder.init(),
        Output::Json => builder.json().init(),
    }
}
