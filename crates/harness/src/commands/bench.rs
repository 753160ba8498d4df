//! `harness bench`: compares the policy's cost with that of a policy that does nothing.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use local_registry_harness::bench::{self, Comparison};

use super::arguments::Bench;
use super::exit_code;

pub(super) fn perform(arguments: &Bench) -> anyhow::Result<ExitCode> {
    let Bench { nothing, policy_server, seconds, scale_limits, json, module } = arguments;
    let duration = Duration::try_from_secs_f64(*seconds).context("--seconds")?;
    let mut all_hold = true;
    let mut report = |mut comparison: Comparison| {
        comparison.limit = comparison.limit.map(|limit| limit * scale_limits);
        all_hold &= comparison.holds();
        println!("{}", if *json { serde_json::to_string(&comparison)? } else { comparison.to_string() });
        Ok(())
    };
    if !json {
        println!("{}", bench::HEADER);
    }
    bench::in_engine(nothing, module, duration, &mut report)?;
    if let Some(program) = policy_server {
        bench::in_policy_server(program, nothing, module, duration, &mut report)?;
    }
    Ok(exit_code(all_hold))
}
