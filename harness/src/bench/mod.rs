//! What the policy costs beyond a policy that does nothing, each request in a fresh instance.
//!
//! Both are asked in turn in the same run, so that whatever else the machine does meets both alike.

pub mod load;
mod policy_server;
mod samples;

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::{Value, json};

pub use self::policy_server::PolicyServer;
pub use self::samples::Scenario;
use crate::host::{Host, Objects};
use crate::metadata::ContextAwareResource;
use crate::policy::Policy;

/// How large the requests are, in bytes.
pub const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// Where a policy runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In the engine alone, without HTTP and without reading the answer.
    Engine,
    /// In a policy server, over HTTP on one connection.
    PolicyServer,
}

/// The time of one request, in microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Spread {
    /// A quarter of the requests took no longer.
    pub lower_quartile: f64,
    /// Half of them.
    pub median: f64,
    /// Three quarters.
    pub upper_quartile: f64,
}

/// The policy beside the one that does nothing.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Where both ran.
    pub place: Place,
    /// What was asked.
    pub scenario: &'static str,
    /// How large the request was, in bytes.
    pub bytes: usize,
    /// How often each was asked.
    pub requests: u64,
    /// The policy that does nothing.
    pub nothing: Spread,
    /// The policy.
    pub policy: Spread,
    /// The policy's median by the other's.
    pub ratio: f64,
    /// What the ratio may be at most, where that was agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
}

impl Comparison {
    /// Whether the ratio is within its limit.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.limit.is_none_or(|limit| self.ratio <= limit)
    }
}

impl fmt::Display for Comparison {
    /// A line of a table, under [`HEADER`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.place {
            Place::Engine => "engine",
            Place::PolicyServer => "policy server",
        };
        let spread = |spread: &Spread| {
            format!("{:.1} ({:.1}–{:.1})", spread.median, spread.lower_quartile, spread.upper_quartile)
        };
        let limit = match self.limit {
            Some(limit) if self.holds() => format!("≤ {limit:.2}"),
            Some(limit) => format!("above {limit:.2}!"),
            None => String::new(),
        };
        let (nothing, policy) = (spread(&self.nothing), spread(&self.policy));
        let Self { scenario, bytes, requests, ratio, .. } = self;
        write!(f, "{place:13} {scenario:11} {bytes:>8} {requests:>7} {nothing:>26} {policy:>26} {ratio:>6.2} {limit}")
    }
}

/// The columns of the table.
pub const HEADER: &str =
    "where         request        bytes   times  nothing, µs (quartiles)     policy, µs (quartiles)  ratio limit";

/// What the ratio may be at most; the engine's floor is the lower one, so its ratios are higher.
fn limit(place: Place, scenario: Scenario, bytes: usize) -> Option<f64> {
    let (at_1_kb, at_100_kb) = match (place, scenario) {
        (Place::Engine, Scenario::NonLocal) => (1.12, Some(2.0)),
        (Place::Engine, Scenario::Injected) => (1.25, Some(3.5)),
        (Place::PolicyServer, Scenario::NonLocal) => (1.08, Some(1.20)),
        (Place::PolicyServer, Scenario::Injected) => (1.15, Some(1.70)),
        (Place::PolicyServer, Scenario::Rejected) => (1.10, None),
        _ => return None,
    };
    match bytes {
        1_000 => Some(at_1_kb),
        100_000 => at_100_kb,
        _ => None,
    }
}

/// Compares the policies in the engine, for `patience` with each request; `tell` gets every comparison.
///
/// # Errors
/// Where a module is no policy, or an answer is not the one that is meant to be measured.
pub fn in_engine(
    nothing: &Path,
    policy: &Path,
    patience: Duration,
    mut tell: impl FnMut(&Comparison) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let builds = ContextAwareResource { api_version: "shipwright.io/v1beta1".to_owned(), kind: "Build".to_owned() };
    let host = || Host::new([builds.clone()], Objects::Function(Box::new(|_| Ok(Some(samples::build())))));
    let (nothing, policy) = (Policy::load(nothing, host())?, Policy::load(policy, host())?);
    for scenario in Scenario::ALL {
        for bytes in SIZES {
            let payload = json!({"request": scenario.request(bytes), "settings": scenario.settings()}).to_string();
            let answer: Value = serde_json::from_slice(&policy.call("validate", payload.as_bytes())?)?;
            let changed = answer.get("mutated_object").is_some();
            ensure_answer(scenario, answer.get("accepted") == Some(&json!(true)), changed, &answer)?;
            let ask = |policy: &Policy| policy.call("validate", payload.as_bytes()).map(drop).map_err(Into::into);
            let (requests, nothing, policy) = compare(|| ask(&nothing), || ask(&policy), patience)?;
            tell(&comparison(Place::Engine, scenario, bytes, requests, nothing, policy))?;
        }
    }
    Ok(())
}

/// Compares the policies in a policy server. Without a cluster it looks nothing up, so no Build is named.
///
/// # Errors
/// Where the policy server does not start, or an answer is not the one that is meant to be measured.
pub fn in_policy_server(
    program: &Path,
    nothing: &Path,
    policy: &Path,
    patience: Duration,
    mut tell: impl FnMut(&Comparison) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let server = PolicyServer::start(
        program,
        &[("nothing", nothing, json!({})), ("policy", policy, Scenario::Injected.settings())],
    )?;
    for scenario in Scenario::ALL.into_iter().filter(|scenario| *scenario != Scenario::NamedBuild) {
        for bytes in SIZES {
            let review = json!({
                "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": scenario.request(bytes),
            });
            let review = review.to_string();
            let answer: Value = serde_json::from_slice(&server.ask("policy", &review)?)?;
            let response = answer.get("response").context("no response")?;
            let changed = response.get("patch").is_some_and(|patch| !patch.is_null());
            ensure_answer(scenario, response.get("allowed") == Some(&json!(true)), changed, &answer)?;
            let ask = |policy: &str| server.ask(policy, &review).map(drop);
            let (requests, nothing, policy) = compare(|| ask("nothing"), || ask("policy"), patience)?;
            tell(&comparison(Place::PolicyServer, scenario, bytes, requests, nothing, policy))?;
        }
    }
    Ok(())
}

fn ensure_answer(scenario: Scenario, accepted: bool, changed: bool, answer: &Value) -> anyhow::Result<()> {
    let right = scenario.is_answered_by(accepted, changed);
    ensure!(right, "{}: this is not what was to be measured: {answer}", scenario.name());
    Ok(())
}

/// How often each is asked before anything is measured.
const WARM_UP: usize = 20;

/// Asks both in turn for as long as told; gives how often each was asked, and their times.
fn compare(
    mut nothing: impl FnMut() -> anyhow::Result<()>,
    mut policy: impl FnMut() -> anyhow::Result<()>,
    patience: Duration,
) -> anyhow::Result<(u64, Spread, Spread)> {
    for _ in 0..WARM_UP {
        nothing()?;
        policy()?;
    }
    let (mut without, mut with) = (times()?, times()?);
    let start = Instant::now();
    while start.elapsed() < patience {
        // Whoever comes second finds other caches; so each is second half of the time.
        timed(&mut nothing, &mut without)?;
        timed(&mut policy, &mut with)?;
        timed(&mut policy, &mut with)?;
        timed(&mut nothing, &mut without)?;
    }
    Ok((with.len(), spread(&without), spread(&with)))
}

/// Times in nanoseconds, to three digits.
fn times() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new(3)?)
}

fn timed(ask: &mut impl FnMut() -> anyhow::Result<()>, times: &mut Histogram<u64>) -> anyhow::Result<()> {
    let start = Instant::now();
    ask()?;
    times.record(u64::try_from(start.elapsed().as_nanos())?)?;
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "no request takes so many nanoseconds")]
fn spread(times: &Histogram<u64>) -> Spread {
    let at = |quantile| times.value_at_quantile(quantile) as f64 / 1_000.0;
    Spread { lower_quartile: at(0.25), median: at(0.5), upper_quartile: at(0.75) }
}

fn comparison(
    place: Place,
    scenario: Scenario,
    bytes: usize,
    requests: u64,
    nothing: Spread,
    policy: Spread,
) -> Comparison {
    let limit = limit(place, scenario, bytes);
    let ratio = policy.median / nothing.median;
    Comparison { place, scenario: scenario.name(), bytes, requests, nothing, policy, ratio, limit }
}
