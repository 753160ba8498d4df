//! A project: its registries and images, and what follows from them.

use std::sync::Arc;

use local_registry_core::Tag;
use local_registry_oci::Repository;

use super::edge::Edge;
use crate::finding::Location;
use crate::format::images::Image;
use crate::format::registry_name::RegistryName;
use crate::rules::Rules;

/// One project: a folder of `manifests`, and its twin of `images`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Project {
    pub(crate) name: Arc<str>,
    pub(crate) source: RegistryName,
    pub(crate) targets: Vec<(RegistryName, Location)>,
    pub(crate) images: Vec<Image>,
    /// What it demands of its images; `None` if it has no rules.
    pub(crate) rules: Option<Arc<Rules>>,
    /// Whether there is a file with rules, and something is wrong with it.
    pub(crate) has_bad_rules: bool,
}

impl Project {
    /// The repositories that get an image. A name that is too long below a registry is a finding of its own.
    pub(crate) fn targets_of(&self, image: &Image) -> impl Iterator<Item = Repository> {
        self.targets.iter().filter_map(|(target, _)| target.repository(&image.name).ok())
    }

    /// Whether it demands the same as another one. Nobody knows what bad rules demand.
    pub(crate) fn has_rules_of(&self, other: &Self) -> bool {
        !self.has_bad_rules && !other.has_bad_rules && self.rules == other.rules
    }

    /// Every repository that gets an image.
    pub(crate) fn repositories(&self) -> impl Iterator<Item = Repository> {
        self.images.iter().flat_map(|image| self.targets_of(image))
    }

    /// How many edges there are.
    pub(crate) fn size(&self) -> usize {
        let edges = |image: &Image| match self.source.repository(&image.name) {
            Ok(_) => self.targets_of(image).count() * image.edges(),
            Err(_) => 0,
        };
        self.images.iter().map(edges).sum()
    }

    /// Every edge.
    pub(crate) fn edges(&self) -> impl Iterator<Item = Edge> + '_ {
        self.images.iter().flat_map(|image| self.edges_of(image))
    }

    /// The edges of one image.
    pub(crate) fn edges_of<'p>(&'p self, image: &'p Image) -> impl Iterator<Item = Edge> + 'p {
        let targets: Vec<Repository> = self.targets_of(image).collect();
        self.source.repository(&image.name).into_iter().flat_map(move |source| {
            let targets = targets.clone();
            image.digests.iter().flat_map(move |promoted| {
                let edge = |target: &Repository, tag: Option<&Tag>| Edge {
                    project: Arc::clone(&self.name),
                    source: source.clone(),
                    digest: promoted.digest.clone(),
                    target: target.clone(),
                    tag: tag.cloned(),
                };
                let mut edges = Vec::new();
                for target in &targets {
                    if promoted.tags.is_empty() {
                        edges.push(edge(target, None));
                    }
                    edges.extend(promoted.tags.iter().map(|(tag, _)| edge(target, Some(tag))));
                }
                edges
            })
        })
    }
}
