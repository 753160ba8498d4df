//! One repository, from its tags to what became of them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use local_registry_core::{Digest, Tag};
use local_registry_oci::{Registry, Repository};

use crate::decision::attachment::subject;
use crate::decision::decide::{Grounds, dates_wanted, decide};
use crate::decision::fate::{Decision, Fate};
use crate::decision::inventory::Inventory;
use crate::decision::ranking::Dates;
use crate::names::fresh::FreshNames;
use crate::removal::fault::Fault;
use crate::removal::pass::{Pass, Passed, Untagging};
use crate::removal::refusal::with_right;
use crate::report::repository::{Done, RepositoryReport};
use crate::survey::error::SurveyError;
use crate::survey::reader::Reader;
use crate::task::PruneTask;

/// How often one repository may change, or take too long, without a deletion, before the rest of it is left to the next run.
const PASSES: usize = 10;

/// A run, and what it has found out so far.
pub(crate) struct Run<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) task: &'a PruneTask,
    pub(crate) names: FreshNames<'a>,
    pub(crate) untagging: Untagging,
    pub(crate) now: Timestamp,
}

/// What came of a look at a repository.
enum Surveyed {
    /// There are so few images that nothing can go: the tags.
    Few(BTreeSet<Tag>),
    Decided(Decision, Dates),
}

/// What came of the removal.
#[derive(Default)]
struct Removal {
    done: Done,
    /// The last decision, which knows what has changed.
    last: Decision,
    notes: Vec<String>,
    failure: Option<String>,
    fault: Option<Fault>,
}

impl Run<'_> {
    /// Looks at one repository, and deletes what may go if the task says so. Returns why the run ends with it, if it does.
    pub(crate) async fn repository(&mut self, path: &str) -> (RepositoryReport, Option<Fault>) {
        let text = format!("{}/{path}", self.task.host);
        let repository = match Repository::parse(&text) {
            Ok(repository) => repository,
            Err(error) => return (RepositoryReport::passed(text, &format!("its name {error}")), None),
        };
        let mut reader = Reader::new(self.registry, &repository, self.now);
        let (decision, dates) = match self.survey(&mut reader).await {
            Ok(Surveyed::Decided(decision, dates)) => (decision, dates),
            Ok(Surveyed::Few(tags)) => return (RepositoryReport::few(text, tags), None),
            Err(error) => return (RepositoryReport::passed(text, &reason(&error)), None),
        };
        let report = RepositoryReport::new(text).with_missing(reader.gone.clone());
        if !self.task.confirm || !decision.deletes() {
            return (report.decided(&reader.inventory, &decision, &dates, None), None);
        }
        // What was there at the beginning is what is reported about.
        let before = reader.inventory.clone();
        let removal = self.remove(&mut reader, &decision).await;
        let decision = in_retrospect(&before, decision, &removal);
        let failure = removal.failure.or_else(|| removal.fault.as_ref().map(|_| "the run ended here".to_owned()));
        let report = report.decided(&before, &decision, &dates, Some(&removal.done)).with_notes(removal.notes, failure);
        (report, removal.fault)
    }

    async fn survey(&self, reader: &mut Reader<'_>) -> Result<Surveyed, SurveyError> {
        let tags = reader.tags().await?;
        if tags.iter().filter(|tag| subject(tag).is_none()).count() <= self.task.rules.keep.get() {
            return Ok(Surveyed::Few(tags));
        }
        reader.read_tags(tags).await?;
        let (decision, dates) = self.decide(reader, &BTreeSet::new()).await?;
        Ok(Surveyed::Decided(decision, dates))
    }

    async fn decide(&self, reader: &mut Reader<'_>, changed: &BTreeSet<Tag>) -> Result<(Decision, Dates), SurveyError> {
        let named = self.names.names().repository(reader.repository.path());
        // What the cluster names by digest may have no tag, and stays with all of its parts.
        let digests: BTreeSet<Digest> = named.digests().into_keys().cloned().collect();
        reader.read_digests(digests).await?;
        let (rules, now) = (self.task.rules, self.now);
        let wanted = dates_wanted(Grounds { inventory: &reader.inventory, named, rules, now, changed });
        let dates = reader.dates(&wanted).await?;
        let decision = decide(Grounds { inventory: &reader.inventory, named, rules, now, changed }, &dates);
        Ok((decision, dates))
    }

    /// Deletes what a decision says, and takes it anew when something has changed, or when it is old.
    async fn remove(&mut self, reader: &mut Reader<'_>, decision: &Decision) -> Removal {
        let mut removal = Removal { last: decision.clone(), ..Removal::default() };
        let mut changed = BTreeSet::new();
        let mut fruitless = 0;
        while fruitless < PASSES {
            let before = removal.done.deleted.len();
            if let Err(error) = self.names.refresh().await {
                removal.fault = Some(Fault::Names(error));
                return removal;
            }
            let looked = match self.look_again(reader, &removal.last, &mut changed).await {
                Ok(looked) => looked,
                Err(error) => {
                    removal.failure = Some(reason(&error));
                    return removal;
                }
            };
            removal.last = looked;
            let (done, notes) = (&mut removal.done, &mut removal.notes);
            let until = self.names.until();
            let mut pass = Pass { registry: self.registry, until, untagging: &mut self.untagging, done, notes };
            match pass.perform(reader, &removal.last).await {
                Ok(Passed::Done) => return removal,
                Ok(Passed::Late) => {}
                Ok(Passed::Changed(tags)) => changed.extend(tags),
                Ok(Passed::Failed(failure)) => {
                    removal.failure = Some(failure);
                    return removal;
                }
                Err(fault) => {
                    removal.fault = Some(fault);
                    return removal;
                }
            }
            fruitless = if removal.done.deleted.len() > before { 0 } else { fruitless + 1 };
        }
        removal.failure =
            Some("it changes all the time, or takes too long; the rest is left to the next run".to_owned());
        removal
    }

    /// Looks for tags that are new, or that name something else now, and decides again. They stay, with all that they name now.
    async fn look_again(
        &self,
        reader: &mut Reader<'_>,
        decision: &Decision,
        changed: &mut BTreeSet<Tag>,
    ) -> Result<Decision, SurveyError> {
        let listed = reader.tags().await?;
        // What goes is looked at once more just before that.
        let stays = |tag: &&Tag| matches!(decision.fates.get(*tag), Some(Fate::Kept(_)));
        let known: BTreeSet<Tag> = listed.iter().filter(stays).cloned().collect();
        let new = listed.iter().filter(|tag| !reader.inventory.tags.contains_key(*tag) && !reader.gone.contains(*tag));
        let new: BTreeSet<Tag> = new.cloned().collect();
        let moved = reader.moved(known).await?;
        changed.extend(new.into_iter().chain(moved));
        reader.read_tags(changed.clone()).await?;
        Ok(self.decide(reader, changed).await?.0)
    }
}

/// The first decision, with what became of it.
fn in_retrospect(before: &Inventory, first: Decision, removal: &Removal) -> Decision {
    let mut fates = first.fates;
    for (tag, digest) in &before.tags {
        let last = removal.last.fates.get(tag);
        if removal.done.deleted.contains(digest) {
            fates.insert(tag.clone(), Fate::Deleted);
        } else if removal.done.untagged.contains(tag) {
            fates.insert(tag.clone(), Fate::Untagged);
        } else if let Some(last @ Fate::Kept(_)) = last {
            fates.insert(tag.clone(), last.clone());
        }
    }
    Decision { fates, removals: first.removals }
}

/// Why a repository was not read, with the right that is missing if one is.
fn reason(error: &SurveyError) -> String {
    match error {
        SurveyError::Registry(error) => with_right(error, "pull"),
        other => other.to_string(),
    }
}
