//! `harness settings`: asks the policy whether settings are valid.

use std::process::ExitCode;

use local_registry_harness::capabilities::Capabilities;
use local_registry_harness::engine::Policy;
use local_registry_harness::objects::Objects;

use super::arguments::Settings;
use super::exit_code;

pub(super) fn perform(arguments: &Settings) -> anyhow::Result<ExitCode> {
    let settings = arguments.settings.read()?;
    let policy = Policy::load(&arguments.module, Capabilities::new([], Objects::Nowhere))?;
    let response = policy.validate_settings(&settings)?;
    println!("{}", response.message.as_deref().unwrap_or("the settings are valid"));
    Ok(exit_code(response.valid))
}
