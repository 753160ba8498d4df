//! What happens when, all of it from one seed.
//!
//! A run has rounds of five minutes. In the first half of each, everything happens that can: so whatever grows once has grown after
//! the first round. Then nothing happens, and the programs may catch up. The last minute is quiet, and is compared with other quiet
//! ones.

use std::ops::Range;

use e2e::Trouble;

use crate::dice::Dice;

/// How long a round takes, and its rough and its settling part, in seconds.
const ROUND: u64 = 300;
const ROUGH: u64 = 150;
const SETTLING: u64 = 90;
/// The shortest and the longest trouble, in seconds.
const SHORTEST: u64 = 3;
const LONGEST: u64 = 20;

/// Every trouble that a run makes.
const TROUBLES: [Trouble; 6] =
    [Trouble::Away, Trouble::TooManyRequests, Trouble::Unavailable, Trouble::Hangs, Trouble::WatchesEnd, Trouble::Cuts];

/// What somebody changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// Another host is declared.
    Host,
    /// Nothing is declared any more.
    Withdrawn,
    /// The declaration is not YAML.
    BrokenYaml,
    /// The ConfigMap is as large as the API server takes it.
    Megabyte,
    /// The declaration is bytes.
    BinaryData,
    /// The Services of the registry are deleted, and made anew at other addresses.
    Services,
    /// The token server gets another certificate.
    Certificate,
    /// The file of the certificate is half written.
    BrokenCertificate,
    /// A namespace gets or loses the label of credentials.
    PushLabel,
    /// A namespace gets or loses the label of aliases.
    AliasLabel,
    /// Somebody takes the host out of the policy.
    PolicyHost,
    /// Somebody changes another setting of the policy.
    PolicySetting,
    /// Shipwright is upgraded: its CRDs have lost the field.
    Crds,
    /// Somebody clears the folder of the node's files.
    NodeFiles,
}

const CHANGES: [Change; 14] = [
    Change::Host,
    Change::Withdrawn,
    Change::BrokenYaml,
    Change::Megabyte,
    Change::BinaryData,
    Change::Services,
    Change::Certificate,
    Change::BrokenCertificate,
    Change::PushLabel,
    Change::AliasLabel,
    Change::PolicyHost,
    Change::PolicySetting,
    Change::Crds,
    Change::NodeFiles,
];

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// Somebody changes something.
    Change(Change),
    /// Something does not work until this second.
    Trouble(Trouble, u64),
    /// Everything becomes as it should be, for this round, and before this second.
    Settle(u64, u64),
}

/// What a minute is worth for the judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Something happens.
    Rough,
    /// The programs catch up.
    Settling,
    /// Nothing happens, and nothing is to be caught up with.
    Quiet,
}

impl Phase {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rough => "rough",
            Self::Settling => "settling",
            Self::Quiet => "quiet",
        }
    }
}

/// A run.
pub(crate) struct Plan {
    /// How long it takes, in seconds.
    pub(crate) length: u64,
    /// What happens, by the second.
    pub(crate) events: Vec<(u64, Event)>,
    rounds: Vec<Round>,
}

/// A round, by the seconds at which its parts begin, and at which it ends.
struct Round {
    rough: u64,
    settling: u64,
    quiet: u64,
    end: u64,
}

impl Plan {
    pub(crate) fn new(length: u64, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let rounds = rounds(length);
        let events = rounds.iter().zip(0..).flat_map(|(round, number)| round.events(number, &mut dice));
        Self { length, events: events.collect(), rounds }
    }

    /// What this span of seconds is: rough if any part of it is.
    pub(crate) fn phase(&self, seconds: &Range<u64>) -> Phase {
        let meets = |part: Range<u64>| part.start < seconds.end && seconds.start < part.end;
        if self.rounds.iter().any(|round| meets(round.rough..round.settling)) {
            Phase::Rough
        } else if self.rounds.iter().any(|round| meets(round.settling..round.quiet)) {
            Phase::Settling
        } else {
            Phase::Quiet
        }
    }

    /// The troubles of these seconds, with how long each takes.
    pub(crate) fn troubles(&self, seconds: &Range<u64>) -> Vec<(Trouble, u64)> {
        let began = self.events.iter().filter(|(at, _)| seconds.contains(at));
        let troubles = began.filter_map(|(at, event)| match event {
            Event::Trouble(trouble, until) => Some((*trouble, until - at)),
            Event::Change(_) | Event::Settle(..) => None,
        });
        troubles.collect()
    }
}

/// The rounds of a run. One that is shorter than two rounds is one round, which is half rough.
fn rounds(length: u64) -> Vec<Round> {
    if length < 2 * ROUND {
        let rough = (length / 2).min(ROUGH);
        let settling = (length / 4).min(SETTLING);
        return vec![Round { rough: 0, settling: rough, quiet: rough + settling, end: length }];
    }
    let starts = (0..length / ROUND).map(|round| round * ROUND);
    let mut rounds: Vec<Round> = starts
        .map(|at| Round { rough: at, settling: at + ROUGH, quiet: at + ROUGH + SETTLING, end: at + ROUND })
        .collect();
    if let Some(last) = rounds.last_mut() {
        last.end = length;
    }
    rounds
}

impl Round {
    /// What happens in it: each trouble once, and each change once in a minute and a half.
    fn events(&self, number: u64, dice: &mut Dice) -> Vec<(u64, Event)> {
        let rough = self.settling - self.rough;
        let slot = rough / TROUBLES.len() as u64;
        let mut events = Vec::new();
        for (trouble, index) in dice.shuffled(TROUBLES.to_vec()).into_iter().zip(0..) {
            let longest = (slot * 2 / 3).clamp(SHORTEST, LONGEST);
            let lasts = SHORTEST + dice.below(longest + 1 - SHORTEST);
            // A second before the next one may begin.
            let at = self.rough + index * slot + dice.below(slot.saturating_sub(lasts + 1));
            events.push((at, Event::Trouble(trouble, at + lasts)));
        }
        for _ in 0..(rough / 90).max(1) {
            events.extend(CHANGES.map(|change| (self.rough + dice.below(rough), Event::Change(change))));
        }
        events.sort_by_key(|(at, _)| *at);
        events.push((self.settling, Event::Settle(number, self.settling.midpoint(self.quiet))));
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_run_and_another_one_another() {
        assert_eq!(Plan::new(3_600, 7).events, Plan::new(3_600, 7).events);
        assert_ne!(Plan::new(3_600, 7).events, Plan::new(3_600, 8).events);
    }

    #[test]
    fn everything_happens_in_each_round_and_no_two_troubles_at_once() {
        for length in [60, 120, 300, 900, 3_600] {
            let plan = Plan::new(length, 1);
            for round in &plan.rounds {
                let events: Vec<_> =
                    plan.events.iter().filter(|(at, _)| (round.rough..round.end).contains(at)).collect();
                let has = |wanted: &dyn Fn(Event) -> bool| events.iter().any(|(_, event)| wanted(*event));
                assert!(CHANGES.iter().all(|change| has(&|event| event == Event::Change(*change))), "{length}");
                let is = |trouble| move |event| matches!(event, Event::Trouble(found, _) if found == trouble);
                assert!(TROUBLES.iter().all(|trouble| has(&is(*trouble))), "{length}");
                assert_eq!(events.last().map(|(at, _)| *at), Some(round.settling));
            }
            let mut free = 0;
            for (at, event) in &plan.events {
                if let Event::Trouble(_, until) = event {
                    assert!(*at >= free && until > at, "{length}");
                    free = *until;
                }
            }
        }
    }

    #[test]
    fn a_round_ends_with_a_quiet_minute() {
        let plan = Plan::new(1_000, 1);
        let phases: Vec<_> = (0..10).map(|minute| plan.phase(&(minute * 60..(minute + 1) * 60)).name()).collect();
        let round = ["rough", "rough", "rough", "settling", "quiet"];
        assert_eq!(phases, [round, round].concat());
        assert_eq!(plan.phase(&(840..1_000)), Phase::Quiet);
        assert_eq!(plan.phase(&(100..700)), Phase::Rough);
        let short = Plan::new(120, 1);
        assert_eq!([0..60, 60..90, 90..120].map(|span| short.phase(&span).name()), ["rough", "settling", "quiet"]);
    }
}
