//! How much more the policy costs than one that does nothing, with a fresh instance for each request.

mod comparison;
mod contenders;
mod floor;
mod policy_server;
mod scenario;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use self::comparison::comparison;
pub use self::comparison::{Comparison, HEADER, Runner, Spread};
use self::contenders::{Contender, Contenders};
use self::floor::Floor;
use self::policy_server::PolicyServer;
pub use self::scenario::Scenario;
use crate::capabilities::Capabilities;
use crate::engine::Policy;
use crate::metadata::ContextAwareResource;
use crate::objects::Objects;

/// The sizes of the requests, in bytes.
pub const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// Compares the policies in the engine. Sends each request for `duration`, and hands every comparison to `report`.
///
/// # Errors
/// If a module is not a policy, or its answer is not the expected one.
pub fn in_engine(
    nothing: &Path,
    policy: &Path,
    duration: Duration,
    mut report: impl FnMut(Comparison) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (nothing, policy) = (Policy::load(nothing, capabilities())?, Policy::load(policy, capabilities())?);
    for scenario in Scenario::ALL {
        for bytes in SIZES {
            let payload = payload(scenario, bytes);
            let floor = floor(&policy, scenario, bytes)?;
            let floor = floor.map(|floor| Policy::load(&floor.path(), capabilities())).transpose()?;
            let ask = |policy: &Policy| policy.call("validate", payload.as_bytes()).map(drop).map_err(Into::into);
            let mut contenders = Contenders::default();
            contenders.add(Contender::Nothing, || ask(&nothing));
            contenders.add(Contender::Policy, || ask(&policy));
            if let Some(floor) = &floor {
                contenders.add(Contender::Floor, || ask(floor));
            }
            report(comparison(Runner::Engine, scenario, bytes, &contenders.compare(duration)?)?)?;
        }
    }
    Ok(())
}

/// Compares the policies in a policy server. It has no cluster, so no request names a Build.
///
/// # Errors
/// If the policy server does not start, or an answer is not the expected one.
pub fn in_policy_server(
    program: &Path,
    nothing: &Path,
    policy: &Path,
    duration: Duration,
    mut report: impl FnMut(Comparison) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let engine = Policy::load(policy, capabilities())?;
    let mut requests = Vec::new();
    for scenario in Scenario::ALL.into_iter().filter(|scenario| *scenario != Scenario::NamedBuild) {
        for bytes in SIZES {
            let name = format!("floor-{}-{bytes}", scenario.name());
            requests.push((scenario, bytes, floor(&engine, scenario, bytes)?.map(|floor| (name, floor))));
        }
    }
    let mut policies = vec![
        ("nothing".to_owned(), nothing.to_owned(), json!({})),
        ("policy".to_owned(), policy.to_owned(), Scenario::Injected.settings()),
    ];
    let floors = requests.iter().filter_map(|(_, _, floor)| floor.as_ref());
    policies.extend(floors.map(|(name, floor)| (name.clone(), floor.path(), json!({}))));
    let server = PolicyServer::start(program, &policies)?;
    for (scenario, bytes, floor) in &requests {
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": scenario.request(*bytes),
        });
        let review = review.to_string();
        let answer: Value = serde_json::from_slice(&server.ask("policy", &review)?)?;
        let response = answer.get("response").context("no response")?;
        let changed = response.get("patch").is_some_and(|patch| !patch.is_null());
        ensure_answer(*scenario, response.get("allowed") == Some(&json!(true)), changed, &answer)?;
        let ask = |policy: &str| server.ask(policy, &review).map(drop);
        let mut contenders = Contenders::default();
        contenders.add(Contender::Nothing, || ask("nothing"));
        contenders.add(Contender::Policy, || ask("policy"));
        if let Some((name, _)) = floor {
            contenders.add(Contender::Floor, || ask(name));
        }
        report(comparison(Runner::PolicyServer, *scenario, *bytes, &contenders.compare(duration)?)?)?;
    }
    Ok(())
}

/// The capabilities of the measured policies: they can look up the Build that requests name.
fn capabilities() -> Capabilities {
    let builds = ContextAwareResource { api_version: "shipwright.io/v1beta1".to_owned(), kind: "Build".to_owned() };
    Capabilities::new([builds], Objects::Function(Box::new(|_| Ok(Some(scenario::build())))))
}

fn payload(scenario: Scenario, bytes: usize) -> String {
    json!({"request": scenario.request(bytes), "settings": scenario.settings()}).to_string()
}

/// A policy that returns the same answer as a constant, if the policy changes the object.
fn floor(policy: &Policy, scenario: Scenario, bytes: usize) -> anyhow::Result<Option<Floor>> {
    let text = policy.call("validate", payload(scenario, bytes).as_bytes())?;
    let answer: Value = serde_json::from_slice(&text)?;
    let changed = answer.get("mutated_object").is_some();
    ensure_answer(scenario, answer.get("accepted") == Some(&json!(true)), changed, &answer)?;
    changed.then(|| Floor::answering(&text)).transpose()
}

fn ensure_answer(scenario: Scenario, accepted: bool, changed: bool, answer: &Value) -> anyhow::Result<()> {
    let right = scenario.is_answered_by(accepted, changed);
    ensure!(right, "{}: this is not the answer to be measured: {answer}", scenario.name());
    Ok(())
}
