//! The harness as a measuring instrument: what it measures is what it says, whatever the figures.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]

mod module;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

fn harness(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.args(arguments).arg(module::path()).env_remove("POLICY_SERVER").output().unwrap()
}

fn nothing() -> String {
    let built = || module::root().join("target/wasm32-wasip1/policy/nothing.wasm");
    let path = std::env::var_os("NOTHING_WASM").map_or_else(built, PathBuf::from);
    assert!(path.is_file(), "{}: not there; build it with `make nothing.wasm`", path.display());
    path.to_str().unwrap().to_owned()
}

#[test]
fn bench_compares_every_scenario_at_every_size() {
    let output = harness(&["bench", "--nothing", &nothing(), "--seconds", "0.01", "--json"]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    let comparisons: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let asked: BTreeSet<(&str, u64)> = comparisons
        .iter()
        .map(|comparison| (comparison["scenario"].as_str().unwrap(), comparison["bytes"].as_u64().unwrap()))
        .collect();
    assert_eq!((comparisons.len(), asked.len()), (20, 20), "{stdout}");
    for comparison in &comparisons {
        let median = |of: &str| comparison[of]["median"].as_f64().unwrap();
        let ratio = comparison["ratio"].as_f64().unwrap();
        assert!((ratio - median("policy") / median("nothing")).abs() < 1e-9, "{comparison}");
        assert!(comparison["requests"].as_u64().unwrap() >= 2, "{comparison}");
        // Only what changes the object has a floor.
        let changes = ["injected", "named-build", "embedded"].iter().any(|name| comparison["scenario"] == *name);
        assert_eq!(comparison.get("floor").is_some(), changes, "{comparison}");
        if changes {
            let floor_ratio = comparison["floor_ratio"].as_f64().unwrap();
            assert!((floor_ratio - median("floor") / median("nothing")).abs() < 1e-9, "{comparison}");
        }
    }
    // The exit code tells whether the limits hold, which no test may want.
    let above = comparisons.iter().any(|comparison| {
        comparison["limit"].as_f64().is_some_and(|limit| comparison["ratio"].as_f64().unwrap() > limit)
    });
    assert_eq!(output.status.code(), Some(i32::from(above)));
}

#[test]
fn what_answers_otherwise_is_not_measured() {
    let output = Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(["bench", "--seconds", "0.01", "--nothing", &nothing(), &nothing()])
        .env_remove("POLICY_SERVER")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("error: injected: this is not what was to be measured: {\"accepted\":true}"), "{stderr}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn load_tells_each_tenth_and_fails_no_request() {
    let output = harness(&["load", "--connections", "4", "--seconds", "1"]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 11, "{stdout}");
    assert!(lines[..10].iter().all(|line| line.contains(" requests/s, 0 failed, median ")), "{stdout}");
    // As many requests are under way as there are connections: that is what rate and time have to agree about.
    let number = |text: &str| -> f64 { text.trim().parse().unwrap() };
    let rate = number(lines[5].split(" requests/s").next().unwrap());
    let median = number(lines[5].split("median ").nth(1).unwrap().split(" µs").next().unwrap());
    let under_way = rate * median / 1e6;
    assert!((0.5..=8.0).contains(&under_way), "{under_way} of 4 connections by {}", lines[5]);
    let sent: u64 = lines[10].strip_suffix(" requests, 0 failed").unwrap().parse().unwrap();
    assert!(sent > 0);
    assert_eq!(output.status.code(), Some(0));
}
