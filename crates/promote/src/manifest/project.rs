//! A project: its registries and images, and what follows from them.

use local_registry_core::Tag;
use local_registry_oci::Repository;

use super::edge::Edge;
use super::finding::Location;
use super::images::Image;
use super::registry_name::RegistryName;

/// One project: a folder of `manifests`, and its twin of `images`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Project {
    pub(super) name: String,
    pub(super) source: RegistryName,
    pub(super) targets: Vec<(RegistryName, Location)>,
    pub(super) images: Vec<Image>,
}

impl Project {
    /// Every edge, with where the files say so.
    pub(super) fn located_edges(&self) -> impl Iterator<Item = (Edge, &Location)> + '_ {
        self.images.iter().flat_map(move |image| {
            let source = self.source.repository(&image.name);
            let targets = self.targets.iter().map(|(target, _)| target.repository(&image.name));
            // A name that is too long below a registry is a finding of its own.
            let targets: Vec<Repository> = targets.filter_map(Result::ok).collect();
            source.into_iter().flat_map(move |source| {
                let targets = targets.clone();
                image.digests.iter().flat_map(move |promoted| {
                    let edge = |target: &Repository, tag: Option<&Tag>| Edge {
                        project: self.name.clone(),
                        source: source.clone(),
                        digest: promoted.digest.clone(),
                        target: target.clone(),
                        tag: tag.cloned(),
                    };
                    let mut edges = Vec::new();
                    for target in &targets {
                        if promoted.tags.is_empty() {
                            edges.push((edge(target, None), &promoted.location));
                        }
                        edges.extend(promoted.tags.iter().map(|(tag, location)| (edge(target, Some(tag)), location)));
                    }
                    edges
                })
            })
        })
    }
}
