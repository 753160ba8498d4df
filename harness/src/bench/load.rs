//! Many clients at once: what rate a webhook holds, whether any request fails, and whether its memory grows.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use reqwest::blocking::Client;
use serde_json::{Value, json};

use super::policy_server::PolicyServer;
use super::samples::Scenario;

/// How long the requests are that are sent, in bytes.
const BYTES: usize = 1_000;

/// The longest time that is told, in microseconds; whatever takes longer counts as this.
const LONGEST: u64 = 60_000_000;

/// A webhook to be asked, which ends with this value.
pub enum Server {
    /// `harness serve`, of this very program.
    Harness {
        /// The process.
        child: Child,
        /// Where it listens.
        url: String,
    },
    /// Kubewarden's policy server.
    PolicyServer(PolicyServer),
}

/// A stretch of a load test.
#[derive(Debug, Clone)]
pub struct Stretch {
    /// Requests in a second.
    pub rate: f64,
    /// Requests that were not answered as they should have been.
    pub failed: u64,
    /// Half of the requests took no longer, in microseconds.
    pub median: u64,
    /// All but one in a hundred took no longer, in microseconds.
    pub percentile_99: u64,
    /// The resident memory of the webhook at the end, in kB; absent where the system does not tell.
    pub resident: Option<u64>,
}

impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rate, failed, median, percentile_99, resident } = self;
        let resident = resident.map_or_else(|| "unknown".to_owned(), |kilobytes| format!("{kilobytes} kB"));
        write!(
            f,
            "{rate:.0} requests/s, {failed} failed, median {median} µs, 99 % {percentile_99} µs, memory {resident}"
        )
    }
}

impl Server {
    /// Starts `harness serve` with the policy.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn harness(policy: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", "--address", "127.0.0.1:0", "--settings-json", &Scenario::Injected.settings().to_string()])
            .arg(policy)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no stdout")?).read_line(&mut line)?;
        let url = line.trim().strip_prefix("listening on ").context("harness serve has not started")?.to_owned();
        Ok(Self::Harness { child, url })
    }

    /// Starts a policy server with the policy.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn policy_server(program: &Path, policy: &Path) -> anyhow::Result<Self> {
        PolicyServer::start(program, &[("policy".to_owned(), policy.to_owned(), Scenario::Injected.settings())])
            .map(Self::PolicyServer)
    }

    fn url(&self) -> String {
        match self {
            Self::Harness { url, .. } => format!("{url}/validate/policy"),
            Self::PolicyServer(server) => server.url("policy"),
        }
    }

    /// The resident memory in kB, as Linux tells it.
    fn resident(&self) -> Option<u64> {
        let id = match self {
            Self::Harness { child, .. } => child.id(),
            Self::PolicyServer(server) => server.id(),
        };
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?.parse().ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Self::Harness { child, .. } = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Asks a webhook over so many connections at once, one request after the other on each, for `stretches` of
/// this length; `tell` gets each. Gives how many requests were sent, and how many failed.
///
/// # Errors
/// Where no client can be made.
pub fn load(
    server: &Server,
    connections: usize,
    stretches: u32,
    length: Duration,
    mut tell: impl FnMut(&Stretch),
) -> anyhow::Result<(u64, u64)> {
    let request = Scenario::Injected.request(BYTES);
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    let (review, url) = (review.to_string(), server.url());
    // Each keeps a connection of its own.
    let clients: Vec<Client> =
        (0..connections).map(|_| Client::builder().no_proxy().build()).collect::<Result<_, _>>()?;
    let (over, failed, mut sent) = (AtomicBool::new(false), AtomicU64::new(0), 0);
    let times = Mutex::new(Histogram::<u64>::new_with_bounds(1, LONGEST, 3)?);
    std::thread::scope(|scope| {
        for client in &clients {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    if ask(client, &url, &review).is_err() {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                    let taken = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
                    times.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(taken);
                }
            });
        }
        let mut failed_before = 0;
        for _ in 0..stretches {
            std::thread::sleep(length);
            let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
            let failed_now = failed.load(Ordering::Relaxed);
            #[allow(clippy::cast_precision_loss, reason = "there are no so many requests")]
            let rate = times.len() as f64 / length.as_secs_f64();
            tell(&Stretch {
                rate,
                failed: failed_now - failed_before,
                median: times.value_at_quantile(0.5),
                percentile_99: times.value_at_quantile(0.99),
                resident: server.resident(),
            });
            failed_before = failed_now;
            sent += times.len();
            times.reset();
        }
        over.store(true, Ordering::Relaxed);
    });
    Ok((sent, failed.load(Ordering::Relaxed)))
}

fn ask(client: &Client, url: &str, review: &str) -> anyhow::Result<()> {
    let request = client.post(url).header("content-type", "application/json").body(review.to_owned());
    let answer: Value = request.send()?.error_for_status()?.json()?;
    let patched = answer.pointer("/response/patch").is_some_and(Value::is_string);
    ensure!(patched, "the object was not changed: {answer}");
    Ok(())
}
