//! What the policy costs beyond a policy that does nothing, each request in a fresh instance.
//!
//! Both are asked in turn in the same run, so that whatever else the machine does meets both alike.

mod floor;
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

use self::floor::Floor;
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
    /// A policy that answers as the policy does, but with a constant; where the policy changes the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<Spread>,
    /// The policy.
    pub policy: Spread,
    /// The floor's median by that of the policy that does nothing: no mutation costs less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor_ratio: Option<f64>,
    /// The policy's median by that of the policy that does nothing.
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
        let floor = self.floor_ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let Self { scenario, bytes, requests, ratio, .. } = self;
        write!(
            f,
            "{place:13} {scenario:11} {bytes:>8} {requests:>7} {nothing:>26} {policy:>26} {floor:>6} {ratio:>6.2} {limit}"
        )
    }
}

/// The columns of the table.
pub const HEADER: &str = "where         request        bytes   times  nothing, µs (quartiles)     policy, µs (quartiles)  floor  ratio limit";

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
    let (nothing, policy) = (Policy::load(nothing, host())?, Policy::load(policy, host())?);
    for scenario in Scenario::ALL {
        for bytes in SIZES {
            let payload = payload(scenario, bytes);
            let floor = floor(&policy, scenario, bytes)?;
            let floor = floor.map(|floor| Policy::load(&floor.path(), host())).transpose()?;
            let ask = |policy: &Policy| policy.call("validate", payload.as_bytes()).map(drop).map_err(Into::into);
            let mut contenders = Contenders::default();
            contenders.add(Contender::Nothing, || ask(&nothing));
            contenders.add(Contender::Policy, || ask(&policy));
            if let Some(floor) = &floor {
                contenders.add(Contender::Floor, || ask(floor));
            }
            tell(&comparison(Place::Engine, scenario, bytes, &contenders.compare(patience)?)?)?;
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
    let engine = Policy::load(policy, host())?;
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
        tell(&comparison(Place::PolicyServer, *scenario, *bytes, &contenders.compare(patience)?)?)?;
    }
    Ok(())
}

/// A host whose cluster has the Build that is named.
fn host() -> Host {
    let builds = ContextAwareResource { api_version: "shipwright.io/v1beta1".to_owned(), kind: "Build".to_owned() };
    Host::new([builds], Objects::Function(Box::new(|_| Ok(Some(samples::build())))))
}

fn payload(scenario: Scenario, bytes: usize) -> String {
    json!({"request": scenario.request(bytes), "settings": scenario.settings()}).to_string()
}

/// The policy that answers as the policy does, where that changes the object.
fn floor(policy: &Policy, scenario: Scenario, bytes: usize) -> anyhow::Result<Option<Floor>> {
    let text = policy.call("validate", payload(scenario, bytes).as_bytes())?;
    let answer: Value = serde_json::from_slice(&text)?;
    let changed = answer.get("mutated_object").is_some();
    ensure_answer(scenario, answer.get("accepted") == Some(&json!(true)), changed, &answer)?;
    changed.then(|| Floor::of(&text)).transpose()
}

fn ensure_answer(scenario: Scenario, accepted: bool, changed: bool, answer: &Value) -> anyhow::Result<()> {
    let right = scenario.is_answered_by(accepted, changed);
    ensure!(right, "{}: this is not what was to be measured: {answer}", scenario.name());
    Ok(())
}

/// How often each is asked before anything is measured.
const WARM_UP: usize = 20;

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contender {
    Nothing,
    Policy,
    Floor,
}

/// A request of one contender.
type Ask<'a> = Box<dyn FnMut() -> anyhow::Result<()> + 'a>;

/// Whoever is asked, and how.
#[derive(Default)]
struct Contenders<'a>(Vec<(Contender, Ask<'a>)>);

/// The times of all that were asked, in nanoseconds, to three digits.
type Times = Vec<(Contender, Histogram<u64>)>;

impl<'a> Contenders<'a> {
    fn add(&mut self, contender: Contender, ask: impl FnMut() -> anyhow::Result<()> + 'a) {
        self.0.push((contender, Box::new(ask)));
    }

    /// Asks all of them in turn for as long as told.
    fn compare(mut self, patience: Duration) -> anyhow::Result<Times> {
        let mut times = Times::new();
        for (contender, ask) in &mut self.0 {
            for _ in 0..WARM_UP {
                ask()?;
            }
            times.push((*contender, Histogram::new(3)?));
        }
        let start = Instant::now();
        while start.elapsed() < patience {
            // Whoever comes later finds other caches; so the order turns round each time.
            for ((_, ask), (_, times)) in self.0.iter_mut().zip(&mut times) {
                timed(ask, times)?;
            }
            for ((_, ask), (_, times)) in self.0.iter_mut().zip(&mut times).rev() {
                timed(ask, times)?;
            }
        }
        Ok(times)
    }
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

fn comparison(place: Place, scenario: Scenario, bytes: usize, times: &Times) -> anyhow::Result<Comparison> {
    let of = |contender| times.iter().find(|(known, _)| *known == contender).map(|(_, times)| times);
    let nothing = spread(of(Contender::Nothing).context("the policy that does nothing was not asked")?);
    let times = of(Contender::Policy).context("the policy was not asked")?;
    let (requests, policy) = (times.len(), spread(times));
    let floor = of(Contender::Floor).map(spread);
    let limit = limit(place, scenario, bytes);
    let ratio = policy.median / nothing.median;
    let floor_ratio = floor.map(|floor| floor.median / nothing.median);
    Ok(Comparison {
        place,
        scenario: scenario.name(),
        bytes,
        requests,
        nothing,
        floor,
        policy,
        floor_ratio,
        ratio,
        limit,
    })
}
