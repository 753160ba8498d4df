//! Whether a registry is worth asking. One that is away is given up, so that nobody waits for it once for each image.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::exchange::error::{Kind, RegistryError};
use crate::exchange::request::RequestLine;

/// How many requests in a row may fail, each after all of its attempts. More than one image needs at once at a registry that
/// fails for a moment, and few enough that a registry that is away costs seconds.
const IN_A_ROW: usize = 8;
/// How many answers in all may be too slow. Each takes minutes, and a registry that drips answers other requests in between.
const TOO_SLOW: usize = 32;

/// How a registry did so far.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    in_a_row: usize,
    too_slow: usize,
    last: String,
}

impl Health {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// If the registry is given up.
    pub(crate) fn check(&self, line: &RequestLine) -> Result<(), RegistryError> {
        let state = self.state();
        let times = if state.in_a_row >= IN_A_ROW {
            format!("{IN_A_ROW} requests in a row failed")
        } else if state.too_slow >= TOO_SLOW {
            format!("{TOO_SLOW} answers were too slow")
        } else {
            return Ok(());
        };
        Err(line.failed(Kind::GivenUp { times, last: state.last.clone() }))
    }

    /// Keeps in mind that the registry answered, whatever it said.
    pub(crate) fn answered(&self) {
        self.state().in_a_row = 0;
    }

    /// Keeps in mind that a request failed, and is not sent again.
    pub(crate) fn failed(&self, error: &RegistryError) {
        let mut state = self.state();
        if error.is_too_slow() {
            state.too_slow += 1;
        }
        if error.is_given_up() {
            return;
        }
        // One repository's password says nothing about the others.
        if error.is_about_the_registry() {
            state.in_a_row += 1;
            state.last = error.reason();
        } else {
            state.in_a_row = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn line() -> RequestLine {
        RequestLine::new(Method::GET, "https://registry.example/v2/".parse().unwrap())
    }

    fn fail(health: &Health, times: usize, kind: fn() -> Kind) {
        (0..times).for_each(|_| health.failed(&line().failed(kind())));
    }

    #[track_caller]
    fn check(health: &Health, expected: &str) {
        let found = health.check(&line()).err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(found, expected);
    }

    const REFUSED: fn() -> Kind = || Kind::NoAnswer("Connection refused".to_owned());
    const SLOW: fn() -> Kind = || Kind::TooSlow("too slow".to_owned());
    const DIGEST: fn() -> Kind = || Kind::Body("no digest".to_owned());

    #[test]
    fn a_registry_that_does_not_answer_is_given_up() {
        let health = Health::default();
        fail(&health, 7, REFUSED);
        check(&health, "");
        health.answered();
        fail(&health, 7, REFUSED);
        fail(&health, 1, DIGEST);
        fail(&health, 7, REFUSED);
        check(&health, "");
        fail(&health, 1, REFUSED);
        let expected = "GET https://registry.example/v2/: not asked any more, since 8 requests in a row failed; the last \
time: Connection refused";
        check(&health, expected);
        // What failed for that reason is no news.
        let given_up = health.check(&line()).unwrap_err();
        health.failed(&given_up);
        check(&health, expected);
    }

    #[test]
    fn a_registry_that_drips_is_given_up_although_it_answers() {
        let health = Health::default();
        for _ in 0..31 {
            fail(&health, 1, SLOW);
            health.answered();
        }
        check(&health, "");
        fail(&health, 1, SLOW);
        health.answered();
        let expected = "GET https://registry.example/v2/: not asked any more, since 32 answers were too slow; the last \
time: too slow";
        check(&health, expected);
    }
}
