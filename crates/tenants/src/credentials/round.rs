//! A round: the credentials of every namespace are brought in line with one declaration.

use futures_util::stream::{self, Stream, StreamExt};
use local_registry_declaration::{Data, Declared};
use tokio::time::Instant;

use super::authority::Authority;
use super::clock::Clock;
use super::history::History;
use super::plan::{Terms, plan};
use super::report::{CredentialObject, CredentialReport, CredentialResult, CredentialsReport, CredentialsState};
use super::step::{Job, Step};
use super::survey::Survey;
use super::task::{AT_ONCE, CredentialsTask};
use super::wanted::Wanted;
use super::worker::{Done, Work, Worker};

/// A round: what has come of it so far, and what is to be done.
pub(super) struct Round {
    pub(super) report: CredentialsReport,
    /// What credentials are for, if there is anything.
    pub(super) wanted: Option<Wanted>,
    /// What is to be done, by namespaces. It is taken out to be done.
    pub(super) jobs: Vec<(String, Job)>,
    /// When the next round is due, if nothing else happens.
    pub(super) next: Option<Instant>,
    /// Whether something failed that may succeed soon.
    pub(super) may_succeed_soon: bool,
    clock: Clock,
}

impl Round {
    /// Plans a round by what a ConfigMap declares; `None` if there is no ConfigMap.
    pub(super) fn new(
        task: CredentialsTask<'_>,
        data: Option<&Data>,
        survey: &Survey<'_>,
        history: &mut History,
    ) -> Self {
        let mut round = Self {
            report: CredentialsReport::new(CredentialsState::Unknown { error: String::new() }),
            wanted: None,
            jobs: Vec::new(),
            next: None,
            may_succeed_soon: false,
            clock: task.clock,
        };
        match wanted(task, data) {
            Ok(Ok(wanted)) => {
                round.report.credentials = CredentialsState::For { host: wanted.host().to_string() };
                round.wanted = Some(wanted);
            }
            Ok(Err(reason)) => round.report.credentials = CredentialsState::None { reason },
            Err(error) => {
                round.report.credentials = CredentialsState::Unusable { error };
                return round;
            }
        }
        let terms = Terms {
            wanted: round.wanted.as_ref(),
            lifetime: task.lifetime,
            now: task.clock.now(),
            renewals: history.renewals(),
        };
        let steps = plan(terms, survey);
        history.keep(|namespace| steps.contains_key(namespace));
        for (namespace, holding) in &survey.holdings {
            if let Some(secret) = holding.secret {
                history.see(namespace, secret);
            }
        }
        for (namespace, step) in steps {
            round.add(namespace, step, survey, history);
        }
        // What is taken away comes first.
        round.jobs.sort_by_key(|(_, job)| !job.is_removal());
        for (namespace, value) in &survey.asking.mislabelled {
            round.note(namespace, CredentialResult::Mislabelled { value: (*value).to_owned() });
        }
        round
    }

    /// Takes in the step of a namespace.
    fn add(&mut self, namespace: &str, step: Step, survey: &Survey<'_>, history: &mut History) {
        let holding = survey.holdings.get(namespace).copied().unwrap_or_default();
        let is_there = match &step {
            Step::Keep(_) => true,
            Step::Do(job) => !job.is_removal(),
            _ => false,
        };
        if is_there && holding.binding.is_some_and(|binding| !binding.is_ours()) {
            self.note(namespace, CredentialResult::LeftAlone { object: CredentialObject::RoleBinding });
        }
        match step {
            Step::Keep(record) => {
                self.report.unchanged += 1;
                self.report.note_expiry(record.expires());
                let renewal = history.note_good(namespace, record.renewal(namespace));
                self.wake_at(self.clock.instant(renewal));
            }
            Step::GoWithout => self.report.missing += 1,
            Step::LeaveAlone(object) => self.note(namespace, CredentialResult::LeftAlone { object }),
            Step::Wait(object, finalizers) => self.note(namespace, CredentialResult::Ending { object, finalizers }),
            Step::Do(job) => self.add_job(namespace, *job, history),
        }
    }

    /// Takes in what is to be done in a namespace, if it is to be done now.
    fn add_job(&mut self, namespace: &str, job: Job, history: &History) {
        let wanted = self.wanted.as_ref().map(Wanted::fingerprint).filter(|_| !job.is_removal());
        let fresh_until = wanted.and_then(|wanted| history.fresh_until(namespace, wanted));
        if let Some((until, error)) = history.rests_until(namespace, job.is_removal()) {
            self.note(namespace, CredentialResult::Failed { error: error.to_owned() });
            self.wake_at(until);
        } else if let Some(until) = fresh_until {
            self.report.unchanged += 1;
            self.wake_at(until);
        } else {
            self.jobs.push((namespace.to_owned(), job));
            return;
        }
        if let Some(expires) = job.expires() {
            self.report.note_expiry(expires);
        }
    }

    /// Does these jobs, some at a time.
    pub(super) fn perform(worker: Worker<'_>, jobs: Vec<(String, Job)>) -> impl Stream<Item = Work> + Unpin {
        let work = stream::iter(jobs).map(move |(namespace, job)| worker.perform(namespace, job));
        work.buffer_unordered(AT_ONCE)
    }

    /// Takes in what has come of a namespace, and says whether nothing was heard of the API server: then each of the others would wait as
    /// long.
    pub(super) fn take_in(&mut self, work: Work, history: &mut History) -> bool {
        let Work { namespace, is_removal, expires, result } = work;
        let failure = match result {
            Ok(mut done) => {
                let failure = done.failure.take();
                if failure.is_none() {
                    history.note_succeeded(&namespace);
                    self.note(&namespace, done.result.clone());
                }
                self.take_in_done(&namespace, &done, history);
                let Some(failure) = failure else { return false };
                failure
            }
            Err(failure) => {
                if let Some(expires) = expires {
                    self.report.note_expiry(expires);
                }
                failure
            }
        };
        // What somebody else has changed meanwhile is seen soon. What the API server does not answer is nobody's failure.
        if failure.is_outdated || failure.is_silence {
            self.may_succeed_soon = true;
        } else {
            history.note_failed(&namespace, is_removal, &failure.error);
            if let Some((until, _)) = history.rests_until(&namespace, is_removal) {
                self.wake_at(until);
            }
        }
        self.note(&namespace, CredentialResult::Failed { error: failure.error });
        failure.is_silence
    }

    /// Takes in the token that a namespace has now, if it has one.
    fn take_in_done(&mut self, namespace: &str, done: &Done, history: &mut History) {
        let (Some(record), Some(wanted)) = (done.record, &self.wanted) else { return };
        let (renewal, wanted) = (record.renewal(namespace), wanted.fingerprint());
        self.report.note_expiry(record.expires());
        self.wake_at(self.clock.instant(renewal));
        match &done.secret {
            Some(secret) => history.note_written(namespace, secret, wanted, renewal),
            None => history.note_put_right(namespace, wanted),
        }
    }

    fn note(&mut self, namespace: &str, result: CredentialResult) {
        self.report.namespaces.push(CredentialReport { namespace: namespace.to_owned(), result });
    }

    fn wake_at(&mut self, instant: Instant) {
        self.next = Some(self.next.map_or(instant, |next| next.min(instant)));
    }
}

/// What credentials are for; or why there are none; or why what is declared cannot be used.
fn wanted(task: CredentialsTask<'_>, data: Option<&Data>) -> Result<Result<Wanted, String>, String> {
    let declared = match data {
        Some(data) => Declared::read(data, task.allowed).map_err(|error| error.to_string())?,
        None => Declared::absent(),
    };
    let Some(host) = declared.for_pods() else { return Ok(Err(declared.to_string())) };
    let authority = task.authority.map(Authority::read).transpose()?;
    Ok(Ok(Wanted::new(host.clone(), authority)))
}
