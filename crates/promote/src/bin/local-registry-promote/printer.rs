//! What the user sees of a promotion: lines on stdout, and on a terminal how far it is.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use local_registry_promote::{Progress, Report, State};
use local_registry_system::{Output, print_line};

use crate::summary::Summary;

/// Prints a report for each edge, and counts.
pub(crate) struct Printer {
    output: Output,
    /// Whether edges that are in line are printed.
    all: bool,
    bar: ProgressBar,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    summary: Summary,
    has_faults: bool,
    error: Option<io::Error>,
    bytes: u64,
}

impl Printer {
    /// For this many edges.
    pub(crate) fn new(output: Output, all: bool, edges: usize) -> Self {
        // Without a terminal, lines are enough.
        let bar = if io::stderr().is_terminal() { ProgressBar::new(edges as u64) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} edges, {msg}, {elapsed}") {
            bar.set_style(style);
        }
        Self { output, all, bar, seen: Mutex::default() }
    }

    /// Ends the output. Returns whether no edge has a fault.
    pub(crate) fn end(&self) -> io::Result<bool> {
        self.bar.finish_and_clear();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = seen.error.take() {
            return Err(error);
        }
        if self.output == Output::Text {
            print_line(&seen.summary.to_string())?;
        }
        Ok(!seen.has_faults)
    }
}

impl Progress for Printer {
    fn edge(&self, report: &Report) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.summary.add(&report.state);
        seen.has_faults |= report.state.is_fault();
        self.bar.inc(1);
        if report.state == State::There && report.left_out.is_empty() && !self.all {
            return;
        }
        let printed = self.bar.suspend(|| print_line(&self.output.line(report)?));
        if let Err(error) = printed {
            seen.error.get_or_insert(error);
        }
    }

    fn bytes(&self, count: u64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.bytes += count;
        if !self.bar.is_hidden() {
            self.bar.set_message(format!("{}", indicatif::HumanBytes(seen.bytes)));
        }
    }
}
