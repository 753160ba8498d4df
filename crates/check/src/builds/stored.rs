//! What the stored Builds have in common: marks that are missing, and outputs that go to Docker Hub.

use std::collections::BTreeSet;

use local_registry_cluster::{Cluster, Listed, Selector};
use local_registry_core::shipwright::{OUTPUT_LABEL, OUTPUT_LABEL_LOCAL};
use local_registry_core::text::with_causes;

use super::build::Build;
use crate::link::Link;
use crate::names::Names;

/// What was found in the stored Builds.
pub(crate) struct StoredBuilds {
    /// Whether all could be listed, or why not.
    listed: Result<(), String>,
    count: usize,
    /// The namespaces in which they are.
    namespaces: BTreeSet<String>,
    /// The registries that the policies know as the cluster's.
    hosts: Vec<String>,
    /// Those with `local: true` and without the annotation that records it.
    unrecorded: Names,
    /// Those of them whose image names another registry than the policies', which they do not record.
    elsewhere: Names,
    /// Those that have only the annotation.
    recorded: Names,
    /// Those whose output is not local and names no registry.
    for_docker_hub: Names,
    /// Those whose output is local and names no registry. Their BuildRuns have to be resolved.
    portable: Names,
    /// Those of them that lack the label by which the guard finds them.
    unlabelled: Names,
    /// Those whose output is local, and in a repository that does not begin with their namespace.
    outside: Names,
    /// How many Builds each of the selectors matches.
    matched: Vec<(Selector, usize)>,
}

impl StoredBuilds {
    /// Lists all Builds, and counts how many each of the selectors matches. `hosts`: the registries in the settings of the
    /// policies for Builds.
    pub(crate) async fn read(cluster: &Cluster, selectors: Vec<Selector>, hosts: Vec<String>) -> Self {
        let mut stored = Self {
            listed: Ok(()),
            count: 0,
            namespaces: BTreeSet::new(),
            hosts,
            unrecorded: Names::default(),
            elsewhere: Names::default(),
            recorded: Names::default(),
            for_docker_hub: Names::default(),
            portable: Names::default(),
            unlabelled: Names::default(),
            outside: Names::default(),
            matched: selectors.into_iter().map(|selector| (selector, 0)).collect(),
        };
        let listed = cluster.each(Listed::Builds, |build| stored.add(&build)).await;
        stored.listed = listed.map_err(|error| with_causes(&error));
        stored
    }

    fn add(&mut self, build: &Build) {
        self.count += 1;
        if !self.namespaces.contains(build.namespace()) {
            self.namespaces.insert(build.namespace().to_owned());
        }
        for (selector, matched) in &mut self.matched {
            *matched += usize::from(selector.matches(build.labels()));
        }
        let is_elsewhere =
            |registry: Option<&str>| registry.is_some_and(|registry| !self.hosts.iter().any(|host| host == registry));
        if build.unrecorded().any(|registry| !is_elsewhere(registry)) {
            self.unrecorded.push(|| build.name());
        }
        if build.unrecorded().any(is_elsewhere) {
            self.elsewhere.push(|| build.name());
        }
        if build.lacks_field() {
            self.recorded.push(|| build.name());
        }
        if build.has_output_outside_of_namespace(&self.hosts) {
            self.outside.push(|| build.name());
        }
        if build.has_output_without_registry() {
            let names = if build.has_local_output() { &mut self.portable } else { &mut self.for_docker_hub };
            names.push(|| build.name());
            if build.has_local_output() && !build.is_labelled() {
                self.unlabelled.push(|| build.name());
            }
        }
    }

    /// The namespaces in which Builds are.
    ///
    /// # Errors
    /// Why the Builds could not be listed.
    pub(crate) fn namespaces(&self) -> Result<&BTreeSet<String>, &str> {
        self.listed.as_ref().map(|()| &self.namespaces).map_err(String::as_str)
    }

    /// Whether all Builds could be listed. If not, nothing is known of them.
    pub(crate) fn are_listed(&self) -> bool {
        self.listed.is_ok()
    }

    /// How many Builds have a local output without a registry, and not the label by which the guard finds them; `None` if they
    /// could not be listed.
    pub(crate) fn unlabelled(&self) -> Option<usize> {
        self.listed.as_ref().ok()?;
        Some(self.unlabelled.count())
    }

    /// How many Builds a selector matches, and how many there are; `None` if they could not be listed.
    pub(crate) fn matched(&self, selector: &Selector) -> Option<(usize, usize)> {
        self.listed.as_ref().ok()?;
        self.matched.iter().find(|(known, _)| known == selector).map(|(_, matched)| (*matched, self.count))
    }

    /// The link of Builds that the guard does not find when a run names them, if there are any.
    pub(crate) fn unlabelled_link(&self) -> Option<Link> {
        let count = self.unlabelled().filter(|count| *count > 0)?;
        let seen = format!(
            "{count} have a local output and lack the label {OUTPUT_LABEL}={OUTPUT_LABEL_LOCAL}, so the guard does not see their runs: {}",
            self.unlabelled
        );
        let remedy = "once the policy is asked, run: kubectl annotate builds --all --all-namespaces --overwrite labelled-at=\"$(date +%s)\"";
        Some(Link::warning("Builds", seen).remedy(remedy))
    }

    /// The link of Builds whose runs are rejected by a policy that keeps each namespace to its own repositories, if there are any.
    pub(crate) fn outside_link(&self) -> Option<Link> {
        self.listed.as_ref().ok()?;
        let count = Some(self.outside.count()).filter(|count| *count > 0)?;
        let seen = format!(
            "{count} have a local output that does not begin with their namespace, so their runs are rejected (repositories: namespace): {}",
            self.outside
        );
        let remedy = "have their authors write the namespace in front, as in team/app";
        Some(Link::warning("Builds", seen).remedy(remedy))
    }

    /// The other links of the Builds. `none_looks_up`: whether policies were found, but none reads the Build that a BuildRun
    /// names.
    pub(crate) fn links(self, none_looks_up: bool) -> Vec<Link> {
        if let Err(error) = self.listed {
            return vec![Link::warning("Builds", error)];
        }
        let mut links = Vec::new();
        let mut add = |names: &Names, link: fn(String, String) -> Link, seen: &str, remedy: &str| {
            if names.count() > 0 {
                links.push(link("Builds".to_owned(), format!("{} {seen}: {names}", names.count())).remedy(remedy));
            }
        };
        add(
            &self.unrecorded,
            Link::warning,
            "have local: true and no annotation that records it, so a client that drops the field makes them not local",
            "once the policy is asked, run: kubectl annotate builds --all --all-namespaces --overwrite recorded-at=\"$(date +%s)\"",
        );
        add(
            &self.elsewhere,
            Link::warning,
            "have local: true for an image at another registry than the policy's, which it does not record",
            "re-apply them, with an image that names no registry",
        );
        add(
            &self.recorded,
            Link::warning,
            "have no field local, and are local by their record alone",
            "those written in v1alpha1 always look so; re-apply the others, and see that the CRDs have the field",
        );
        add(
            &self.for_docker_hub,
            Link::warning,
            "have an output that is not local and names no registry, so it goes to Docker Hub",
            "set local: true, or write the registry that is meant, docker.io included",
        );
        if none_looks_up {
            add(
                &self.portable,
                Link::failed,
                "have a local output without a registry, which goes to Docker Hub while no policy looks Builds up",
                "once the policy is asked, have them resolved, by: kubectl annotate builds --all --all-namespaces --overwrite resolved-at=\"$(date +%s)\"",
            );
        }
        if links.is_empty() {
            let seen = format!("none of {} has lost local: true, can lose it, or goes to Docker Hub", self.count);
            links.push(Link::ok("Builds", seen));
        }
        links
    }
}
