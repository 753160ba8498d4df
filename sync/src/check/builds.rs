//! What the stored Builds say: marks without a record, marks that live on in their record alone, and outputs that go
//! to Docker Hub.

use std::collections::BTreeMap;

use local_registry_core::{ImageReference, Mark};
use serde::Deserialize;

use super::selector::Selector;
use super::{Link, Names, Verdict, link};
use crate::cluster::{Cluster, builds};
use crate::run::chain;

/// An object's name and labels.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Labelled {
    pub(super) metadata: Metadata,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Metadata {
    pub(super) name: String,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
}

/// What is looked at of a Build, in `v1beta1`, as it is stored.
///
/// A builder image is not: it is a parameter there, which has no place for the field, so that its mark always is the
/// annotation.
#[derive(Debug, Clone, Deserialize)]
struct Build {
    metadata: BuildMetadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Debug, Clone, Deserialize)]
struct BuildMetadata {
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: Marks,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Marks {
    #[serde(rename = "local-registry-hosting/output")]
    output: Option<String>,
    #[serde(rename = "local-registry-hosting/source")]
    source: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Spec {
    #[serde(default)]
    output: Image,
    source: Option<Source>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    oci_artifact: Option<Image>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Image {
    image: Option<String>,
    local: Option<bool>,
}

/// What was found in the stored Builds.
pub(super) struct Stored {
    listed: Result<(), String>,
    count: usize,
    /// Those that say `local: true`, and have no record of it.
    unrecorded: Names,
    /// Those that have the record alone.
    recorded: Names,
    abroad: Names,
    /// Those whose output is local and names no registry, as it should where BuildRuns are resolved by them.
    portable: Names,
    /// How many Builds each of the selectors matches.
    matched: Vec<(Selector, usize)>,
}

impl Stored {
    pub(super) async fn read(cluster: &Cluster, selectors: Vec<Selector>) -> Self {
        let matched = selectors.into_iter().map(|selector| (selector, 0)).collect();
        let mut stored = Self {
            listed: Ok(()),
            count: 0,
            unrecorded: Names::default(),
            recorded: Names::default(),
            abroad: Names::default(),
            portable: Names::default(),
            matched,
        };
        let listed = cluster.each(&builds(), |build| stored.see(&build)).await;
        stored.listed = listed.map_err(|error| chain(&error));
        stored
    }

    fn see(&mut self, build: &Build) {
        let Build { metadata, spec } = build;
        let name = || format!("{}/{}", metadata.namespace, metadata.name);
        self.count += 1;
        for (selector, matched) in &mut self.matched {
            *matched += usize::from(selector.matches(&metadata.labels));
        }
        let source = spec.source.as_ref().and_then(|source| source.oci_artifact.as_ref());
        let mark = |value: &Option<String>| value.as_deref().and_then(Mark::parse);
        let marks = (mark(&metadata.annotations.output), mark(&metadata.annotations.source));
        let images = [(Some(&spec.output), marks.0), (source, marks.1)];
        let says = |local: Option<bool>, of: &dyn Fn(Option<Mark>) -> bool| {
            images.iter().any(|(image, mark)| image.is_some_and(|image| image.local == local) && of(*mark))
        };
        if says(None, &|mark| mark == Some(Mark::Recorded)) {
            self.recorded.push(name);
        }
        let is_local = |mark: Option<Mark>| mark.is_some_and(Mark::is_local);
        if says(Some(true), &|mark| !is_local(mark)) {
            self.unrecorded.push(name);
        }
        let is_local = spec.output.local.unwrap_or(is_local(marks.0));
        let image = spec.output.image.as_deref().unwrap_or_default();
        if ImageReference::parse(image).is_ok_and(|image| image.registry().is_none()) {
            let found = if is_local { &mut self.portable } else { &mut self.abroad };
            found.push(name);
        }
    }

    /// How many of how many Builds a selector matches, where they could be listed.
    pub(super) fn matched(&self, selector: &Selector) -> Option<(usize, usize)> {
        self.listed.as_ref().ok()?;
        self.matched.iter().find(|(known, _)| known == selector).map(|(_, matched)| (*matched, self.count))
    }

    /// `nobody_looks_up` says that no policy reads the Build that a run names, so that nobody resolves its output.
    pub(super) fn tell(self, nobody_looks_up: bool, links: &mut Vec<Link>) {
        if let Err(error) = self.listed {
            links.push(link("Builds", Verdict::Warning, error, None));
            return;
        }
        let told = links.len();
        let mut tell = |names: &Names, verdict: Verdict, what: &str, remedy: &str| {
            if names.count > 0 {
                links.push(link("Builds", verdict, format!("{} {what}: {names}", names.count), Some(remedy)));
            }
        };
        tell(
            &self.unrecorded,
            Verdict::Warning,
            "say local: true and have no record of it, so the next write that drops the field loses their mark",
            "run: kubectl annotate builds --all --all-namespaces --overwrite recorded-at=\"$(date +%s)\"",
        );
        tell(
            &self.recorded,
            Verdict::Warning,
            "have no field local, and are local by their record alone",
            "those written in v1alpha1 always look so; re-apply the others, and see that the CRDs have the field",
        );
        tell(
            &self.abroad,
            Verdict::Warning,
            "have an output that is not local and names no registry, so it goes to Docker Hub",
            "set local: true, or write the registry that is meant, docker.io included",
        );
        if nobody_looks_up {
            tell(
                &self.portable,
                Verdict::Failed,
                "have a local output without a registry, which goes to Docker Hub while no policy looks Builds up",
                "have them resolved, by: kubectl annotate builds --all --all-namespaces --overwrite resolved-at=\"$(date +%s)\"",
            );
        }
        if links.len() == told {
            let seen = format!("each of {} has its mark, or names a registry", self.count);
            links.push(link("Builds", Verdict::Ok, seen, None));
        }
    }
}
