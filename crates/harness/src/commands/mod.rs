//! The commands of the program, one in each file.

mod arguments;
#[cfg(feature = "bench")]
mod bench;
mod evaluation;
mod run;
#[cfg(feature = "serve")]
mod serve;
mod settings;

use std::process::ExitCode;

pub(crate) use self::arguments::{Arguments, Command};

/// Performs a command, and returns the exit code.
pub(crate) fn perform(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(arguments) => run::perform(&arguments),
        Command::Settings(arguments) => settings::perform(&arguments),
        #[cfg(feature = "bench")]
        Command::Bench(arguments) => bench::perform(&arguments),
        #[cfg(feature = "serve")]
        Command::Serve(arguments) => serve::perform(arguments),
    }
}

/// The exit code for an answer: 0 for accepted or valid, 1 for rejected or invalid.
fn exit_code(is_accepted: bool) -> ExitCode {
    if is_accepted { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
