//! One repository: its tags, and each manifest and each configuration once.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use local_registry_core::{Digest, Tag};
use local_registry_oci::{Blob, Reference, Registry, Repository};

use super::document::{created, read};
use super::error::SurveyError;
use crate::decision::date::{self, Undated, newest};
use crate::decision::inventory::{Config, Inventory, Manifest};
use crate::decision::ranking::Dates;

/// How many requests are under way at once.
pub(crate) const AT_ONCE: usize = 8;
/// A configuration that is larger is not read.
const LARGEST_CONFIG: u64 = 4 << 20;
/// How many manifests a repository may have below its tags, for each of them.
const MOST_OF_A_TAG: usize = 200;

/// What is read of a repository, and what it is read by.
pub(crate) struct Reader<'a> {
    registry: &'a Registry,
    pub(crate) repository: &'a Repository,
    pub(crate) inventory: Inventory,
    /// Tags that are listed, and that the registry does not know.
    pub(crate) gone: BTreeSet<Tag>,
    /// Digests that the registry does not have.
    absent: BTreeSet<Digest>,
    /// The dates in configurations.
    configs: BTreeMap<Digest, Result<Timestamp, Undated>>,
    now: Timestamp,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(registry: &'a Registry, repository: &'a Repository, now: Timestamp) -> Self {
        let (inventory, gone, absent) = (Inventory::default(), BTreeSet::new(), BTreeSet::new());
        Self { registry, repository, inventory, gone, absent, configs: BTreeMap::new(), now }
    }

    /// The tags that the registry lists.
    pub(crate) async fn tags(&self) -> Result<BTreeSet<Tag>, SurveyError> {
        Ok(self.registry.tags(self.repository).await?.into_iter().flatten().collect())
    }

    /// Reads what tags name, and everything below that.
    pub(crate) async fn read_tags(&mut self, tags: impl IntoIterator<Item = Tag>) -> Result<(), SurveyError> {
        let this = &*self;
        let found: Vec<(Tag, Option<(Digest, Manifest)>)> = stream::iter(tags)
            .map(|tag| async move {
                let found = this.manifest(Reference::Tag(&tag), &this.repository.tagged(&tag)).await?;
                Ok::<_, SurveyError>((tag, found))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        for (tag, named) in found {
            if let Some((digest, manifest)) = named {
                self.inventory.manifests.insert(digest.clone(), manifest);
                self.inventory.tags.insert(tag, digest);
            } else {
                self.inventory.tags.remove(&tag);
                self.gone.insert(tag);
            }
        }
        self.read_children().await
    }

    /// Reads what is named by digest, and everything below that. What the registry does not have is left out.
    pub(crate) async fn read_digests(&mut self, digests: BTreeSet<Digest>) -> Result<(), SurveyError> {
        let is_unknown =
            |digest: &Digest| !self.inventory.manifests.contains_key(digest) && !self.absent.contains(digest);
        let wanted: Vec<Digest> = digests.into_iter().filter(is_unknown).collect();
        self.read_each(wanted).await?;
        self.read_children().await
    }

    /// Reads everything below what is known, a level at a time.
    async fn read_children(&mut self) -> Result<(), SurveyError> {
        loop {
            let (known, absent) = (&self.inventory.manifests, &self.absent);
            let children =
                known.iter().flat_map(|(index, manifest)| manifest.children.iter().map(move |child| (child, index)));
            let unknown: BTreeMap<&Digest, &Digest> =
                children.filter(|(child, _)| !known.contains_key(*child) && !absent.contains(*child)).collect();
            let most = MOST_OF_A_TAG * (self.inventory.tags.len() + 1);
            match unknown.first_key_value() {
                None => return Ok(()),
                Some((_, index)) if known.len() + unknown.len() > most => {
                    return Err(SurveyError::TooMany((*index).clone(), most));
                }
                Some(_) => {}
            }
            let unknown = unknown.into_keys().cloned().collect();
            self.read_each(unknown).await?;
        }
    }

    async fn read_each(&mut self, digests: Vec<Digest>) -> Result<(), SurveyError> {
        let this = &*self;
        let found: Vec<(Digest, Option<Manifest>)> = stream::iter(digests)
            .map(|digest| async move {
                let found = this.manifest(Reference::Digest(&digest), &this.repository.at(&digest)).await?;
                Ok::<_, SurveyError>((digest, found.map(|(_, manifest)| manifest)))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        for (digest, manifest) in found {
            match manifest {
                Some(manifest) => {
                    self.inventory.manifests.insert(digest, manifest);
                }
                None => {
                    self.absent.insert(digest);
                }
            }
        }
        Ok(())
    }

    async fn manifest(&self, reference: Reference<'_>, text: &str) -> Result<Option<(Digest, Manifest)>, SurveyError> {
        let Some(raw) = self.registry.known_manifest(self.repository, reference).await? else { return Ok(None) };
        match read(&raw.digest, &raw.bytes) {
            Ok(manifest) => Ok(Some((raw.digest, manifest))),
            Err(error) => Err(SurveyError::Document { reference: text.to_owned(), error }),
        }
    }

    /// The dates of these images.
    pub(crate) async fn dates(&mut self, images: &BTreeSet<Digest>) -> Result<Dates, SurveyError> {
        let below: BTreeMap<&Digest, Vec<&Manifest>> =
            images.iter().map(|digest| (digest, self.below(digest))).collect();
        let configs = below.values().flatten().filter_map(|manifest| manifest.config.as_ref());
        let wanted: BTreeMap<Digest, Config> = configs
            .filter(|config| config.is_of_an_image && !self.configs.contains_key(&config.digest))
            .map(|config| (config.digest.clone(), config.clone()))
            .collect();
        let this = &*self;
        let found: Vec<(Digest, Result<Timestamp, Undated>)> = stream::iter(wanted.into_values())
            .map(|config| async move { Ok::<_, SurveyError>((config.digest.clone(), this.created(&config).await?)) })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        self.configs.extend(found);
        Ok(images.iter().map(|digest| (digest.clone(), self.date(digest))).collect())
    }

    /// The date in a configuration.
    async fn created(&self, config: &Config) -> Result<Result<Timestamp, Undated>, SurveyError> {
        if config.size > LARGEST_CONFIG {
            return Ok(Err(Undated::Unreadable(format!("its configuration has {} bytes", config.size))));
        }
        let blob = Blob { digest: config.digest.clone(), size: config.size };
        Ok(match self.registry.read_blob(self.repository, &blob).await {
            Ok(bytes) => match created(&bytes) {
                Ok(Some(text)) => date::read(&text, self.now),
                Ok(None) => Err(Undated::Missing),
                Err(error) => Err(Undated::Unreadable(format!("its configuration is not valid: {error}"))),
            },
            // A blob that is lost or broken says no more later, and the image stays.
            Err(error)
                if !error.is_outage() && matches!(error.status().map(|status| status.as_u16()), None | Some(404)) =>
            {
                Err(Undated::Unreadable(error.to_string()))
            }
            Err(error) => return Err(error.into()),
        })
    }

    /// When an image was made: the newest date of the configurations in it, or else that of its annotations.
    fn date(&self, digest: &Digest) -> Result<Timestamp, Undated> {
        let below = self.below(digest);
        let configs = below.iter().filter_map(|manifest| manifest.config.as_ref());
        let of_configs = newest(configs.filter_map(|config| self.configs.get(&config.digest)).cloned());
        let annotations = below.iter().filter_map(|manifest| manifest.annotation.as_deref());
        of_configs.or_else(|reason| {
            let of_annotations = newest(annotations.map(|text| date::read(text, self.now)));
            of_annotations.map_err(|other| if reason == Undated::Missing { other } else { reason })
        })
    }

    /// A manifest and everything below it.
    fn below(&self, digest: &Digest) -> Vec<&Manifest> {
        let (mut open, mut seen, mut found) = (vec![digest], BTreeSet::new(), Vec::new());
        while let Some(digest) = open.pop() {
            let Some(manifest) = self.inventory.manifests.get(digest) else { continue };
            if seen.insert(digest) {
                found.push(manifest);
                open.extend(&manifest.children);
            }
        }
        found
    }

    /// Forgets a manifest that was deleted, with its tags.
    pub(crate) fn forget(&mut self, digest: &Digest) {
        self.inventory.manifests.remove(digest);
        self.inventory.tags.retain(|_, named| named != digest);
        self.absent.insert(digest.clone());
    }

    /// Which of these tags name something else than they did. One that is gone is an error: nobody knows why.
    pub(crate) async fn moved(&self, tags: impl IntoIterator<Item = Tag>) -> Result<BTreeSet<Tag>, SurveyError> {
        let compared: Vec<Option<Tag>> = stream::iter(tags)
            .map(|tag| async move {
                let found = self.registry.manifest_digest(self.repository, Reference::Tag(&tag)).await?;
                match found {
                    None => Err(SurveyError::Gone(tag.to_string())),
                    Some(digest) => Ok((self.inventory.tags.get(&tag) != Some(&digest)).then_some(tag)),
                }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(compared.into_iter().flatten().collect())
    }
}
