//! What is done next, from what is seen of the cluster. No I/O.

use std::time::Duration;

use local_registry_cluster::Replicas;

/// How long a garbage collection may take to begin: a `CronJob` makes its Job, and another one starts this program.
pub(crate) const LONGEST_START: Duration = Duration::from_mins(5);
/// How long pulls wait for a registry that takes no writes, before the other one goes without it. A volume that one pod alone may mount
/// is free for it only then.
pub(crate) const LONGEST_OVERLAP: Duration = Duration::from_mins(1);
/// How long the registry may take to start before the other one goes without it: a volume that is mounted on another node is free for it
/// only then.
pub(crate) const LONGEST_RETURN: Duration = Duration::from_mins(5);

/// What is seen of the cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Whether a Job collects, or waits to.
    pub(crate) collects: bool,
    /// Whether one has been seen before.
    pub(crate) has_collected: bool,
    /// The registry that takes writes.
    pub(crate) writing: Replicas,
    /// The one that takes none.
    pub(crate) reading: Replicas,
    /// How long the step before has been waited for.
    pub(crate) waited: Duration,
}

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The registry that takes no writes gets its pods.
    StartReading,
    /// The one that takes writes loses them. What collects can be scheduled then.
    StopWriting,
    /// It gets them back.
    StartWriting,
    /// The other one loses them.
    StopReading,
    /// Nothing, for now.
    Wait,
    /// Nothing any more.
    End,
}

impl Seen {
    /// The next step on the way to a registry of so many pods. Whoever is killed after any of them, goes on where it was.
    pub(crate) fn next(&self, replicas: u32) -> Step {
        let Self { collects, has_collected, writing, reading, waited } = *self;
        if collects {
            return match () {
                () if reading.desired < replicas => Step::StartReading,
                () if writing.desired == 0 => Step::Wait,
                () if reading.ready >= replicas || waited >= LONGEST_OVERLAP => Step::StopWriting,
                () => Step::Wait,
            };
        }
        match () {
            // Nothing was begun, so there is nothing to undo.
            () if reading.desired == 0 && !has_collected && waited < LONGEST_START => Step::Wait,
            () if reading.desired == 0 && self.is_coming_back() && waited < LONGEST_RETURN => Step::Wait,
            () if reading.desired == 0 => Step::End,
            () if writing.desired < replicas => Step::StartWriting,
            () if writing.ready > 0 || waited >= LONGEST_RETURN => Step::StopReading,
            () => Step::Wait,
        }
    }

    /// Whether the registry was away for a garbage collection, and is not ready yet.
    pub(crate) fn is_coming_back(&self) -> bool {
        self.has_collected && self.writing.desired > 0 && self.writing.ready == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Replicas = Replicas { desired: 0, ready: 0 };
    const STARTING: Replicas = Replicas { desired: 2, ready: 0 };
    const ALL: Replicas = Replicas { desired: 2, ready: 2 };

    #[track_caller]
    fn check(collects: bool, writing: Replicas, reading: Replicas, seconds: u64, expected: Step) {
        let waited = Duration::from_secs(seconds);
        let seen = Seen { collects, has_collected: collects, writing, reading, waited };
        assert_eq!(seen.next(2), expected, "{seen:?}");
    }

    #[test]
    fn pulls_are_served_while_one_takes_the_place_of_the_other() {
        check(true, ALL, NONE, 0, Step::StartReading);
        check(true, ALL, Replicas { desired: 1, ready: 1 }, 0, Step::StartReading);
        check(true, ALL, STARTING, 59, Step::Wait);
        check(true, ALL, STARTING, 60, Step::StopWriting);
        check(true, ALL, ALL, 0, Step::StopWriting);
        check(true, NONE, ALL, 10_000, Step::Wait);
        check(false, NONE, ALL, 0, Step::StartWriting);
        check(false, STARTING, ALL, 299, Step::Wait);
        check(false, STARTING, ALL, 300, Step::StopReading);
        check(false, Replicas { desired: 2, ready: 1 }, ALL, 0, Step::StopReading);
        check(false, ALL, NONE, 300, Step::End);
    }

    #[test]
    fn an_upgrade_in_the_middle_is_undone() {
        check(true, STARTING, ALL, 0, Step::StopWriting);
        check(true, STARTING, NONE, 0, Step::StartReading);
    }

    #[test]
    fn a_registry_that_somebody_has_stopped_stays_so() {
        check(false, NONE, NONE, 299, Step::Wait);
        check(false, NONE, NONE, 300, Step::End);
    }

    #[test]
    fn whoever_is_killed_goes_on() {
        // What every step leaves is what the next one begins with, and each of them comes to an end.
        for (collects, end) in [(true, (NONE, ALL)), (false, (ALL, NONE))] {
            for writing in [NONE, STARTING, ALL] {
                for reading in [NONE, STARTING, ALL] {
                    let (mut writing, mut reading) = (writing, reading);
                    // A registry that somebody has stopped stays so.
                    if !collects && reading == NONE {
                        continue;
                    }
                    for _ in 0..6 {
                        let waited = LONGEST_OVERLAP;
                        match (Seen { collects, has_collected: true, writing, reading, waited }).next(2) {
                            Step::StartReading => reading = ALL,
                            Step::StopWriting => writing = NONE,
                            Step::StartWriting => writing = ALL,
                            Step::StopReading => reading = NONE,
                            Step::Wait if reading == STARTING => reading = ALL,
                            Step::Wait if writing == STARTING => writing = ALL,
                            Step::Wait | Step::End => {}
                        }
                        assert!(writing != NONE || reading != NONE, "nobody serves pulls");
                    }
                    assert_eq!((writing, Replicas { ready: reading.desired, ..reading }), end);
                }
            }
        }
    }
}
