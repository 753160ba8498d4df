//! The policy's cost, compared with that of a policy that does nothing.

use std::fmt;

use anyhow::Context;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::contenders::{Contender, Times};
use super::scenario::Scenario;

/// What runs a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runner {
    /// The engine alone, without HTTP and without reading the answer.
    Engine,
    /// A policy server, over HTTP on one connection.
    PolicyServer,
}

/// The time of one request, in microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Spread {
    /// A quarter of the requests took no longer.
    pub lower_quartile: f64,
    /// Half of the requests took no longer.
    pub median: f64,
    /// Three quarters of the requests took no longer.
    pub upper_quartile: f64,
}

/// The times of the policy and of the one that does nothing, for one request.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// What ran the policies.
    pub runner: Runner,
    /// The request.
    pub scenario: &'static str,
    /// The size of the request, in bytes.
    pub bytes: usize,
    /// How many requests each policy got.
    pub requests: u64,
    /// The time of the policy that does nothing.
    pub nothing: Spread,
    /// The time of a policy that returns the same answer as a constant, if the policy changes the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<Spread>,
    /// The time of the policy.
    pub policy: Spread,
    /// The floor's median divided by that of the policy that does nothing. No mutation costs less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor_ratio: Option<f64>,
    /// The policy's median divided by that of the policy that does nothing.
    pub ratio: f64,
    /// The highest ratio that the project allows, if it has a limit.
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
        let runner = match self.runner {
            Runner::Engine => "engine",
            Runner::PolicyServer => "policy server",
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
            "{runner:13} {scenario:13} {bytes:>8} {requests:>7} {nothing:>26} {policy:>26} {floor:>6} {ratio:>6.2} {limit}"
        )
    }
}

/// The columns of the table.
pub const HEADER: &str = "where         request          bytes   times  nothing, µs (quartiles)     policy, µs (quartiles)  floor  ratio limit";

/// The highest ratio that the project allows: the figure of docs/performance.md and some 15 % more. Since the policies take
/// turns, other work on the machine changes a ratio by at most 6 %. In the engine alone, doing nothing costs less, so the
/// ratios are higher.
fn limit(runner: Runner, scenario: Scenario, bytes: usize) -> Option<f64> {
    let (at_1_kb, at_100_kb) = match (runner, scenario) {
        (Runner::Engine, Scenario::NonLocal | Scenario::Pod) => (1.35, Some(2.50)),
        (Runner::Engine, Scenario::Injected) => (1.45, Some(3.10)),
        (Runner::PolicyServer, Scenario::NonLocal | Scenario::Pod) => (1.20, Some(1.20)),
        (Runner::PolicyServer, Scenario::Injected) => (1.25, Some(1.60)),
        (Runner::PolicyServer, Scenario::Rejected) => (1.25, None),
        _ => return None,
    };
    match bytes {
        1_000 => Some(at_1_kb),
        100_000 => at_100_kb,
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "no request takes 2^52 nanoseconds")]
fn spread(times: &Histogram<u64>) -> Spread {
    let at = |quantile| times.value_at_quantile(quantile) as f64 / 1_000.0;
    Spread { lower_quartile: at(0.25), median: at(0.5), upper_quartile: at(0.75) }
}

pub(super) fn comparison(
    runner: Runner,
    scenario: Scenario,
    bytes: usize,
    times: &Times,
) -> anyhow::Result<Comparison> {
    let of = |contender| times.iter().find(|(known, _)| *known == contender).map(|(_, times)| times);
    let nothing = spread(of(Contender::Nothing).context("the policy that does nothing was not asked")?);
    let times = of(Contender::Policy).context("the policy was not asked")?;
    let (requests, policy) = (times.len(), spread(times));
    let floor = of(Contender::Floor).map(spread);
    let limit = limit(runner, scenario, bytes);
    let ratio = policy.median / nothing.median;
    let floor_ratio = floor.map(|floor| floor.median / nothing.median);
    Ok(Comparison {
        runner,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison_of(ratio: f64, limit: Option<f64>) -> Comparison {
        let spread = Spread { lower_quartile: 1.0, median: 1.0, upper_quartile: 1.0 };
        Comparison {
            runner: Runner::Engine,
            scenario: "injected",
            bytes: 1_000,
            requests: 2,
            nothing: spread,
            floor: None,
            policy: spread,
            floor_ratio: None,
            ratio,
            limit,
        }
    }

    #[test]
    fn a_ratio_above_its_limit_does_not_hold() {
        assert!(comparison_of(1.25, Some(1.25)).holds());
        assert!(!comparison_of(1.26, Some(1.25)).holds());
        assert!(comparison_of(9.0, None).holds());
        assert!(comparison_of(1.26, Some(1.25)).to_string().ends_with("1.26 above 1.25!"));
        assert!(comparison_of(1.24, Some(1.25)).to_string().ends_with("1.24 ≤ 1.25"));
    }

    #[test]
    fn limits_are_those_that_the_project_allows() {
        assert_eq!(limit(Runner::Engine, Scenario::NonLocal, 1_000), Some(1.35));
        assert_eq!(limit(Runner::PolicyServer, Scenario::Injected, 100_000), Some(1.60));
        assert_eq!(limit(Runner::Engine, Scenario::Injected, 10_000), None);
        assert_eq!(limit(Runner::Engine, Scenario::Rejected, 1_000), None);
    }

    #[test]
    fn the_published_figures_are_within_their_limits_and_not_far_below() {
        let page = include_str!("../../../../docs/performance.md");
        let rows = [
            ("| BuildRun in which nothing is local |", Scenario::NonLocal),
            ("| registry put in front |", Scenario::Injected),
            ("| pod without the annotation, if the API server asked about it |", Scenario::Pod),
        ];
        for (row, scenario) in rows {
            let figures = page.lines().find_map(|line| line.strip_prefix(row)).unwrap();
            let figures: Vec<f64> = figures.split('|').filter_map(|cell| cell.trim().parse().ok()).collect();
            for (bytes, figure) in [(1_000, figures[0]), (100_000, figures[2])] {
                let room = limit(Runner::Engine, scenario, bytes).unwrap() / figure;
                assert!((1.10..1.20).contains(&room), "{row} {bytes} bytes: {figure} times {room:.2} is the limit");
            }
        }
    }
}
