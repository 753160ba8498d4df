//! `harness bench` measures every scenario, and only answers that it expects. How fast they are is not tested.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use local_registry_testkit::repository::{nothing_module, policy_module};
use serde_json::Value;

fn harness(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.args(arguments).arg(policy_module()).env_remove("POLICY_SERVER").output().unwrap()
}

fn nothing() -> String {
    let path = nothing_module();
    path.to_str().unwrap().to_owned()
}

#[test]
fn bench_compares_every_scenario_at_every_size() {
    let output = harness(&["bench", "--nothing", &nothing(), "--seconds", "0.01", "--json", "--scale-limits", "1000"]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    let comparisons: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let asked: BTreeSet<(&str, u64)> = comparisons
        .iter()
        .map(|comparison| (comparison["scenario"].as_str().unwrap(), comparison["bytes"].as_u64().unwrap()))
        .collect();
    assert_eq!((comparisons.len(), asked.len()), (28, 28), "{stdout}");
    for comparison in &comparisons {
        let median = |of: &str| comparison[of]["median"].as_f64().unwrap();
        let ratio = comparison["ratio"].as_f64().unwrap();
        assert!((ratio - median("policy") / median("nothing")).abs() < 1e-9, "{comparison}");
        assert!(comparison["requests"].as_u64().unwrap() >= 2, "{comparison}");
        // Only a scenario that changes the object has a floor.
        let changes =
            ["injected", "named-build", "embedded", "annotated-pod"].iter().any(|name| comparison["scenario"] == *name);
        assert_eq!(comparison.get("floor").is_some(), changes, "{comparison}");
        if changes {
            let floor_ratio = comparison["floor_ratio"].as_f64().unwrap();
            assert!((floor_ratio - median("floor") / median("nothing")).abs() < 1e-9, "{comparison}");
        }
    }
    assert_eq!(output.status.code(), Some(0), "no ratio is above a thousand times its limit");
}

#[test]
fn a_ratio_above_its_limit_fails() {
    let output = harness(&["bench", "--nothing", &nothing(), "--seconds", "0.001", "--scale-limits", "0.001"]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains(" above 0.00!"), "{stdout}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn an_unexpected_answer_is_not_measured() {
    let output = Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(["bench", "--seconds", "0.01", "--nothing", &nothing(), &nothing()])
        .env_remove("POLICY_SERVER")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("error: injected: this is not the answer to be measured: {\"accepted\":true}"), "{stderr}");
    assert_eq!(output.status.code(), Some(2));
}
