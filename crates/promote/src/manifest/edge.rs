//! One promotion: an image of a source, by digest, to one target, under one tag or none.

use serde::Serialize;

use super::finding::Place;
use super::tree::Project;
use local_registry_core::{Digest, Tag};
use local_registry_oci::Repository;

/// An image to promote, from where, and to where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Edge {
    /// The project that says so.
    pub project: String,
    /// The repository that has the image.
    pub source: Repository,
    /// The image.
    pub digest: Digest,
    /// The repository that gets it.
    pub target: Repository,
    /// The tag there; `None` if the image is only known by its digest.
    pub tag: Option<Tag>,
}

impl Edge {
    /// The image at the target: by tag if there is one, else by digest.
    #[must_use]
    pub fn target_image(&self) -> String {
        self.tag.as_ref().map_or_else(|| self.target.at(&self.digest), |tag| self.target.tagged(tag))
    }
}

impl Project {
    /// Every edge, with the place that says so.
    pub(super) fn placed_edges(&self) -> impl Iterator<Item = (Edge, &Place)> + '_ {
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
                            edges.push((edge(target, None), &promoted.place));
                        }
                        edges.extend(promoted.tags.iter().map(|(tag, place)| (edge(target, Some(tag)), place)));
                    }
                    edges
                })
            })
        })
    }
}
