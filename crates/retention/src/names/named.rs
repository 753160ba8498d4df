//! What was found of a repository, and who names it first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use local_registry_core::{Digest, Tag};

use super::finder::Mention;

/// An object, in the words of people: its kind, its namespace and its name.
pub(crate) type Object = Arc<str>;

/// The digests that an object writes without a repository. All repositories that it names share them.
pub(crate) type Alone = Arc<BTreeSet<Digest>>;

/// What the cluster names of one repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct Named {
    tags: BTreeMap<Tag, Object>,
    digests: BTreeMap<Digest, Object>,
    alone: Vec<(Alone, Object)>,
}

impl Named {
    /// Who names a tag.
    pub(crate) fn tag(&self, tag: &Tag) -> Option<&Object> {
        self.tags.get(tag)
    }

    /// Every digest that is named, and by whom.
    pub(crate) fn digests(&self) -> BTreeMap<&Digest, &Object> {
        let alone = self.alone.iter().flat_map(|(digests, object)| digests.iter().map(move |digest| (digest, object)));
        let mut all: BTreeMap<&Digest, &Object> = alone.collect();
        all.extend(&self.digests);
        all
    }

    #[cfg(test)]
    pub(crate) fn name_tag(&mut self, tag: &Tag, object: &str) {
        self.tags.insert(tag.clone(), object.into());
    }

    #[cfg(test)]
    pub(crate) fn name_digest(&mut self, digest: &Digest, object: &str) {
        self.digests.insert(digest.clone(), object.into());
    }
}

/// What the cluster names of all repositories that count.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    repositories: BTreeMap<String, Named>,
    nothing: Named,
}

impl Names {
    /// Nothing yet, of these repositories. What is said of others is not kept.
    pub(crate) fn of<'r>(repositories: impl IntoIterator<Item = &'r str>) -> Self {
        let repositories = repositories.into_iter().map(|path| (path.to_owned(), Named::default())).collect();
        Self { repositories, nothing: Named::default() }
    }

    /// What is named of a repository.
    pub(crate) fn repository(&self, path: &str) -> &Named {
        self.repositories.get(path).unwrap_or(&self.nothing)
    }

    /// Whether a mention may be kept.
    pub(crate) fn counts(&self, mention: &Mention) -> bool {
        match mention {
            Mention::Image { path, .. } => self.repositories.contains_key(path),
            Mention::Digest(_) => true,
        }
    }

    /// Adds what an object names. The first object that names something stays the one that is said to.
    pub(crate) fn add(&mut self, mentions: BTreeSet<Mention>, object: &Object) {
        let (mut paths, mut alone) = (BTreeSet::new(), BTreeSet::new());
        for mention in mentions {
            match mention {
                Mention::Digest(digest) => {
                    alone.insert(digest);
                }
                Mention::Image { path, tag, digest } => {
                    let Some(named) = self.repositories.get_mut(&path) else { continue };
                    if let Some(tag) = tag {
                        named.tags.entry(tag).or_insert_with(|| Arc::clone(object));
                    }
                    if let Some(digest) = digest {
                        named.digests.entry(digest).or_insert_with(|| Arc::clone(object));
                    }
                    paths.insert(path);
                }
            }
        }
        if alone.is_empty() {
            return;
        }
        let alone = Arc::new(alone);
        for path in paths {
            if let Some(named) = self.repositories.get_mut(&path) {
                named.alone.push((Arc::clone(&alone), Arc::clone(object)));
            }
        }
    }
}
