//! Policies that get the same request in turn, so that other work on the machine slows all of them alike.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// How many requests each policy gets before anything is measured.
const WARM_UP: usize = 20;

/// A policy that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contender {
    Nothing,
    Policy,
    Floor,
}

/// Sends the request to a contender, and waits for the answer.
type Ask<'a> = Box<dyn FnMut() -> anyhow::Result<()> + 'a>;

/// The policies that are measured together.
#[derive(Default)]
pub(super) struct Contenders<'a>(Vec<(Contender, Ask<'a>)>);

/// The times of each contender in nanoseconds, with three significant digits.
pub(super) type Times = Vec<(Contender, Histogram<u64>)>;

impl<'a> Contenders<'a> {
    pub(super) fn add(&mut self, contender: Contender, ask: impl FnMut() -> anyhow::Result<()> + 'a) {
        self.0.push((contender, Box::new(ask)));
    }

    /// Sends requests to all of them in turn, for this long.
    pub(super) fn compare(mut self, duration: Duration) -> anyhow::Result<Times> {
        let mut times = Times::new();
        for (contender, ask) in &mut self.0 {
            for _ in 0..WARM_UP {
                ask()?;
            }
            times.push((*contender, Histogram::new(3)?));
        }
        let start = Instant::now();
        while start.elapsed() < duration {
            // The first contender warms the caches for the next, so the order is reversed each time.
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
