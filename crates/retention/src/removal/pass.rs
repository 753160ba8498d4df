//! One pass over what is to go: until all of it is gone, something has changed, or a minute is over.

use std::collections::BTreeSet;

use local_registry_core::{Digest, Tag};
use local_registry_oci::{Reference, Registry};
use tokio::time::Instant;

use super::fault::Fault;
use super::refusal::{is_off, is_unable_to_untag, with_right};
use crate::decision::fate::Decision;
use crate::report::repository::Done;
use crate::survey::reader::Reader;

/// Whether the registry deletes tags without their images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Untagging {
    /// Nobody has tried.
    Unknown,
    Works,
    IsRefused,
}

/// What one pass came to.
pub(crate) enum Passed {
    /// Everything is done that could be.
    Done,
    /// These tags name something else now, so the decision is taken anew.
    Changed(BTreeSet<Tag>),
    /// The minute is over.
    Late,
    /// The registry failed.
    Failed(String),
}

/// What is needed for a pass.
pub(crate) struct Pass<'p> {
    pub(crate) registry: &'p Registry,
    /// Until when what the cluster names counts.
    pub(crate) until: Instant,
    pub(crate) untagging: &'p mut Untagging,
    pub(crate) done: &'p mut Done,
    pub(crate) notes: &'p mut Vec<String>,
}

impl Pass<'_> {
    /// Deletes. `reader` knows afterwards what is left.
    ///
    /// # Errors
    /// If nothing more may be deleted, in no repository.
    pub(crate) async fn perform(&mut self, reader: &mut Reader<'_>, decision: &Decision) -> Result<Passed, Fault> {
        for digest in &decision.removals {
            let tags: BTreeSet<Tag> = reader.inventory.tags_of(digest).cloned().collect();
            // What has no tag is a part of an index that is gone already. Nobody would find it again.
            if !tags.is_empty() {
                if Instant::now() >= self.until {
                    return Ok(Passed::Late);
                }
                let attached_to = tags.iter().filter_map(|tag| reader.inventory.subject(tag));
                let of_subjects =
                    attached_to.flat_map(|subject| reader.inventory.tags_of(&subject).cloned().collect::<Vec<_>>());
                let watched: BTreeSet<Tag> = of_subjects.chain(tags.clone()).collect();
                match reader.moved(watched).await {
                    Ok(moved) if moved.is_empty() => {}
                    Ok(moved) => return Ok(Passed::Changed(moved)),
                    Err(error) => return Ok(Passed::Failed(error.to_string())),
                }
            }
            match self.registry.delete_manifest(reader.repository, Reference::Digest(digest)).await {
                Ok(_) => {
                    self.done.deleted.insert(digest.clone());
                    reader.forget(digest);
                }
                Err(error) if is_off(&error) => return Err(Fault::Off(error.to_string())),
                Err(error) => return Ok(Passed::Failed(with_right(&error, "delete"))),
            }
        }
        for tag in decision.untagged() {
            if *self.untagging == Untagging::IsRefused {
                break;
            }
            let Some(digest) = reader.inventory.tags.get(tag).cloned() else { continue };
            match reader.moved([tag.clone()]).await {
                Ok(moved) if moved.is_empty() => {}
                Ok(moved) => return Ok(Passed::Changed(moved)),
                Err(error) => return Ok(Passed::Failed(error.to_string())),
            }
            if let Some(failure) = self.untag(reader, tag, &digest).await? {
                return Ok(Passed::Failed(failure));
            }
        }
        Ok(Passed::Done)
    }

    /// Deletes a tag without its image. Returns why that failed.
    async fn untag(&mut self, reader: &mut Reader<'_>, tag: &Tag, digest: &Digest) -> Result<Option<String>, Fault> {
        match self.registry.delete_manifest(reader.repository, Reference::Tag(tag)).await {
            Ok(_) => {}
            Err(error) if is_unable_to_untag(&error) => {
                *self.untagging = Untagging::IsRefused;
                self.notes.push(format!("the registry deletes no tag without its image, so such tags stay: {error}"));
                return Ok(None);
            }
            Err(error) => return Ok(Some(with_right(&error, "delete"))),
        }
        self.done.untagged.insert(tag.clone());
        reader.inventory.tags.remove(tag);
        // Some registries may take the image with the tag. That is found out by one, and never by two.
        if *self.untagging == Untagging::Unknown {
            match self.registry.manifest_digest(reader.repository, Reference::Digest(digest)).await {
                Ok(Some(_)) => *self.untagging = Untagging::Works,
                Ok(None) => return Err(Fault::Lost(reader.repository.at(digest), tag.to_string())),
                Err(error) => return Ok(Some(error.to_string())),
            }
        }
        Ok(None)
    }
}
