//! What is seen of the programs while they run: every few seconds their memory and their open files, and every minute their calls.

use std::ops::Range;

use e2e::{ApiProxy, Trouble};

use crate::clock::Clock;
use crate::plan::Plan;
use crate::programs::{KINDS, Program};
use crate::verdict::{Record, Sample};

/// How often memory and open files are looked at, in seconds. It is a part of a minute.
const GAP: u64 = 5;

/// Looks at the programs until the run ends, and prints a line of a table every minute. Ends the run if a program has ended.
pub(crate) fn observe(programs: &mut [Program], proxies: &[ApiProxy], plan: &Plan, clock: &Clock) -> Vec<Record> {
    let mut records: Vec<Record> = KINDS
        .iter()
        .zip(&*programs)
        .map(|(kind, program)| Record {
            program: kind.name,
            limits: kind.limits,
            samples: Vec::new(),
            minutes: Vec::new(),
            peak: 0,
            pod: program.memory,
        })
        .collect();
    let mut calls: Vec<u64> = proxies.iter().map(ApiProxy::calls).collect();
    println!("{}", heading());
    for second in (0..=plan.length).step_by(usize::try_from(GAP).unwrap()) {
        if !clock.wait_until(second) {
            break;
        }
        if programs.iter_mut().any(|program| !program.process.runs()) {
            clock.end();
            break;
        }
        for (program, record) in programs.iter().zip(&mut records) {
            // The kernel may take the pages of the file from a pod at any time. They do not count.
            let [now, peak, file] = ["VmRSS", "VmHWM", "RssFile"].map(|name| program.process.memory(name));
            record.peak = record.peak.max(peak.saturating_sub(file));
            let memory = now.saturating_sub(file);
            record.samples.push(Sample { second, memory, files: program.process.open_files() as u64 });
        }
        if second > 0 && second % 60 == 0 {
            let minute = second - 60..second;
            for ((record, proxy), before) in records.iter_mut().zip(proxies).zip(&mut calls) {
                let now = proxy.calls();
                record.minutes.push((plan.phase(&minute), now - *before));
                *before = now;
            }
            println!("{}", line(&minute, plan, &records));
        }
    }
    records
}

fn heading() -> String {
    let programs = KINDS.map(|kind| format!(" | {:^22}", kind.name)).concat();
    let columns = format!(" | {:>10} {:>5} {:>5}", "memory", "files", "calls").repeat(KINDS.len());
    format!("{:6} {:8}{programs}\n{:6} {:8}{columns} | troubles", "", "", "minute", "")
}

/// A minute, with the last figures of memory and open files in it.
fn line(minute: &Range<u64>, plan: &Plan, records: &[Record]) -> String {
    let figures = records.iter().filter_map(|record| {
        let (sample, (_, calls)) = (record.samples.last()?, record.minutes.last()?);
        Some(format!(" | {:>6} KiB {:>5} {calls:>5}", sample.memory, sample.files))
    });
    let figures = figures.collect::<Vec<_>>().concat();
    let troubles = plan.troubles(minute);
    let troubles: Vec<String> =
        troubles.iter().map(|(trouble, lasts)| format!("{} {lasts} s", name(*trouble))).collect();
    format!("{:>6} {:8}{figures} | {}", minute.end / 60, plan.phase(minute).name(), troubles.join(", "))
}

fn name(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::None => "none",
        Trouble::Away => "away",
        Trouble::TooManyRequests => "429",
        Trouble::Unavailable => "503",
        Trouble::Hangs => "hangs",
        Trouble::WatchesEnd => "watches end",
        Trouble::Cuts => "cuts",
    }
}
