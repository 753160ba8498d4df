//! Whether a program has kept what it was given: does it grow, and does it ask more than it has to?

use crate::plan::Phase;

/// The shortest run in which growth can be judged, in seconds: each third has a quiet minute.
pub(crate) const JUDGED_FROM: u64 = 900;

/// What a program may do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// By how much its memory may be larger in the last third than in the first one, in KiB.
    pub(crate) memory: u64,
    /// The same for its open files and connections.
    pub(crate) files: u64,
    /// By how many the calls of a quiet minute may differ between the two.
    pub(crate) difference: u64,
    /// How many calls it may make in a minute, whatever happens.
    pub(crate) calls: u64,
}

/// What was seen of a program at one time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// The second of the run.
    pub(crate) second: u64,
    /// Its resident memory without the pages of its file, in KiB.
    pub(crate) memory: u64,
    /// Its open files and connections.
    pub(crate) files: u64,
}

/// What was seen of a program.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) program: &'static str,
    pub(crate) limits: Limits,
    pub(crate) samples: Vec<Sample>,
    /// What each minute was, and how many calls the program made in it.
    pub(crate) minutes: Vec<(Phase, u64)>,
    /// The most memory that it has had, without the pages of its file, and what its pod has, in KiB.
    pub(crate) peak: u64,
    pub(crate) pod: u64,
}

/// A figure at the beginning and at the end of a run: its medians in the first and in the last third after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Course {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Record {
    pub(crate) fn memory(&self, length: u64) -> Option<Course> {
        course(length, self.samples.iter().map(|sample| (sample.second, sample.memory)))
    }

    pub(crate) fn files(&self, length: u64) -> Option<Course> {
        course(length, self.samples.iter().map(|sample| (sample.second, sample.files)))
    }

    /// The calls of a quiet minute.
    pub(crate) fn quiet_calls(&self, length: u64) -> Option<Course> {
        let quiet = self.minutes.iter().zip(0..).filter(|((phase, _), _)| *phase == Phase::Quiet);
        course(length, quiet.map(|((_, calls), minute)| (minute * 60, *calls)))
    }

    /// The most calls of a minute.
    pub(crate) fn most_calls(&self) -> u64 {
        self.minutes.iter().map(|(_, calls)| *calls).max().unwrap_or_default()
    }

    /// What is wrong with it after a run of this length.
    pub(crate) fn faults(&self, length: u64) -> Vec<String> {
        let (program, limits, mut faults) = (self.program, self.limits, Vec::new());
        let mut grows = |what: &str, unit: &str, course: Option<Course>, limit: u64| {
            match course {
            Some(Course { first, last }) if last > first + limit => faults.push(format!(
                "{program}: {what}: {first}{unit} in the first third and {last}{unit} in the last one; expected at most {limit}{unit} more"
            )),
            Some(_) => {}
            None => faults.push(format!("{program}: {what}: nothing was measured; expected figures of both thirds")),
        }
        };
        if length >= JUDGED_FROM {
            grows("memory", " KiB", self.memory(length), limits.memory);
            grows("open files", "", self.files(length), limits.files);
            match self.quiet_calls(length) {
                Some(Course { first, last }) if first.abs_diff(last) > limits.difference => faults.push(format!(
                    "{program}: calls: {first} in a quiet minute of the first third and {last} in one of the last; expected a difference of at most {}",
                    limits.difference
                )),
                Some(_) => {}
                None => faults.push(format!("{program}: calls: no quiet minute; expected one in each third")),
            }
        }
        if self.peak > self.pod {
            faults.push(format!("{program}: memory: {} KiB at its peak; expected at most {} KiB", self.peak, self.pod));
        }
        for ((phase, calls), minute) in self.minutes.iter().zip(1..) {
            if *calls > limits.calls {
                faults.push(format!(
                    "{program}: calls: {calls} in minute {minute}, which was {}; expected at most {}",
                    phase.name(),
                    limits.calls
                ));
            }
        }
        faults
    }
}

/// The medians of the first and of the last third, of values by their seconds. The first tenth is the warm-up, and does not count.
fn course(length: u64, values: impl Iterator<Item = (u64, u64)>) -> Option<Course> {
    let warm = length / 10;
    let third = (length - warm) / 3;
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for (second, value) in values {
        if (warm..warm + third).contains(&second) {
            first.push(value);
        } else if second >= length - third {
            last.push(value);
        }
    }
    Some(Course { first: median(first)?, last: median(last)? })
}

fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { memory: 500, files: 3, difference: 4, calls: 100 };
    const LENGTH: u64 = 3_600;

    /// An hour with a quiet minute in five, and a program that grows by this a minute.
    fn hour(memory: u64, files: u64, calls: u64) -> Record {
        let minute = |second: u64| second / 60;
        // Noise, which is not growth.
        let noise = |second: u64| second * 7_919 % 400;
        let samples = (0..LENGTH).step_by(5).map(|second| Sample {
            second,
            memory: 9_000 + noise(second) + memory * minute(second),
            files: 12 + second % 3 + files * minute(second) / 10,
        });
        let minutes = (0..60).map(|minute| match minute % 5 {
            4 => (Phase::Quiet, 20 + calls * minute / 10),
            3 => (Phase::Settling, 30),
            _ => (Phase::Rough, 90),
        });
        Record {
            program: "node",
            limits: LIMITS,
            samples: samples.collect(),
            minutes: minutes.collect(),
            peak: 12_000,
            pod: 32 * 1024,
        }
    }

    #[test]
    fn a_program_that_does_not_grow_has_no_faults() {
        assert_eq!(hour(0, 0, 0).faults(LENGTH), [""; 0]);
    }

    #[test]
    fn what_grows_is_named() {
        let faults = hour(20, 2, 2).faults(LENGTH);
        let begins = ["node: memory: ", "node: open files: ", "node: calls: "];
        assert_eq!(faults.len(), begins.len(), "{faults:?}");
        for (fault, begin) in faults.iter().zip(begins) {
            assert!(fault.starts_with(begin), "{fault}");
        }
        assert!(faults[2].ends_with("expected a difference of at most 4"), "{faults:?}");
    }

    #[test]
    fn a_minute_with_too_many_calls_is_named() {
        let mut record = hour(0, 0, 0);
        record.minutes[10] = (Phase::Rough, 435);
        let expected = "node: calls: 435 in minute 11, which was rough; expected at most 100";
        assert_eq!(record.faults(LENGTH), [expected]);
        assert_eq!(record.faults(120), [expected], "a short run has it, too");
    }

    #[test]
    fn a_program_that_its_pod_would_not_hold_is_named() {
        let record = Record { peak: 33_000, ..hour(0, 0, 0) };
        assert_eq!(record.faults(120), ["node: memory: 33000 KiB at its peak; expected at most 32768 KiB"]);
    }

    #[test]
    fn growth_is_not_judged_in_a_short_run_and_nothing_is_no_figure() {
        assert_eq!(hour(20, 2, 2).faults(JUDGED_FROM - 1), [""; 0]);
        let nothing = Record { samples: Vec::new(), minutes: Vec::new(), ..hour(0, 0, 0) };
        assert_eq!(nothing.faults(LENGTH).len(), 3);
    }

    #[test]
    fn a_warm_up_does_not_count() {
        let mut record = hour(0, 0, 0);
        for sample in record.samples.iter_mut().filter(|sample| sample.second < LENGTH / 10) {
            sample.memory = 1;
        }
        assert_eq!(record.faults(LENGTH), [""; 0]);
        let Some(Course { first, .. }) = record.memory(LENGTH) else { panic!("no figures") };
        assert!(first >= 9_000, "{first}");
    }
}
