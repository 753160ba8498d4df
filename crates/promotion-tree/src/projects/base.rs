//! A tree beside an earlier state of it: which tags move, and what is new.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::edge::Edge;
use super::project::Project;
use super::tree::Tree;
use crate::finding::{Finding, Location};
use crate::format::images::Image;
use local_registry_core::{Digest, Tag};
use local_registry_oci::Repository;

impl Tree {
    /// Every tag that names another digest than in an earlier state, each once, however many targets have it. A tag that
    /// people pull must not move.
    ///
    /// `name` is what the earlier state is called in messages.
    #[must_use]
    pub fn moved_tags(&self, base: &Self, name: &str) -> Vec<Finding> {
        let mut owners: HashMap<String, Vec<usize>> = HashMap::new();
        let before: Vec<&Image> = base.projects.iter().flat_map(|project| &project.images).collect();
        let targets = base.projects.iter().flat_map(|project| {
            project.images.iter().map(|image| project.targets_of(image).map(|target| target.identity()))
        });
        for (index, targets) in targets.enumerate() {
            targets.for_each(|target| owners.entry(target).or_default().push(index));
        }
        let mut findings = Vec::new();
        for project in &self.projects {
            for image in &project.images {
                let mut targets: Vec<(Repository, usize)> = Vec::new();
                for target in project.targets_of(image) {
                    let owners = owners.get(&target.identity()).into_iter().flatten();
                    targets.extend(owners.map(|owner| (target.clone(), *owner)));
                }
                findings.extend(moved(project, image, &targets, &before, name));
            }
        }
        findings
    }

    /// A warning for each project that had rules and has others, or none, and for each that promotes by such to where an earlier
    /// state promoted by rules: whoever reviews its images has to know.
    ///
    /// `name` is what the earlier state is called in messages.
    #[must_use]
    pub fn changed_rules(&self, base: &Self, name: &str) -> Vec<Finding> {
        let mut held: HashMap<String, &Project> = HashMap::new();
        let with_rules: Vec<&Project> = base.projects.iter().filter(|project| project.rules.is_some()).collect();
        if with_rules.is_empty() {
            return Vec::new();
        }
        for project in with_rules.iter().copied() {
            held.extend(project.repositories().map(|target| (target.identity(), project)));
        }
        let changed = |project: &Project| {
            let namesake = with_rules.iter().copied().find(|before| before.name == project.name);
            let targets = project.repositories().filter_map(|target| held.get(&target.identity()).copied());
            let before = namesake.into_iter().chain(targets).find(|before| before.rules != project.rules)?;
            Some(Finding::of_changed_rules(&project.name, &before.name, project.rules.is_some(), name))
        };
        self.projects.iter().filter_map(changed).collect()
    }

    /// The tree without some of its projects.
    #[must_use]
    pub fn without(mut self, is_left_out: impl Fn(&str) -> bool) -> Self {
        self.projects.retain(|project| !is_left_out(&project.name));
        self
    }

    /// The edges that an earlier state does not have.
    #[must_use]
    pub fn new_edges(&self, base: &Self) -> Vec<Edge> {
        let before: HashMap<&str, &Project> = base.projects.iter().map(|project| (&*project.name, project)).collect();
        self.projects.iter().flat_map(|project| new_edges(project, before.get(&*project.name).copied())).collect()
    }
}

/// The tags of an image that move at a target, by the images that this had before.
fn moved(
    project: &Project,
    image: &Image,
    targets: &[(Repository, usize)],
    before: &[&Image],
    name: &str,
) -> Vec<Finding> {
    let earlier: BTreeSet<usize> = targets.iter().map(|(_, index)| *index).collect();
    let tags: Vec<(usize, HashMap<&Tag, &Digest>)> = earlier
        .into_iter()
        .filter_map(|index| Some((index, before.get(index)?.tags().map(|(tag, digest, _)| (tag, digest)).collect())))
        .collect();
    let mut findings = Vec::new();
    for (tag, digest, position) in image.tags() {
        let found = tags.iter().find_map(|(index, tags)| {
            let found = tags.get(tag).filter(|found| **found != digest)?;
            Some((*index, *found))
        });
        let Some((index, found)) = found else { continue };
        let mut moving = targets.iter().filter(|(_, owner)| *owner == index).map(|(target, _)| target);
        let Some(target) = moving.next() else { continue };
        let others = match moving.count() {
            0 => String::new(),
            others => format!(", and so at {others} other target{}", if others == 1 { "" } else { "s" }),
        };
        let message =
            format!("the tag `{tag}` moves: `{}` is {found} in {name}{others}; use another tag", target.tagged(tag));
        findings.push(Finding::error(Location::of_images(&project.name, position), message));
    }
    findings
}

/// The edges that a project did not have.
fn new_edges(project: &Project, before: Option<&Project>) -> Vec<Edge> {
    let Some(before) = before.filter(|before| before.source == project.source) else {
        return project.edges().collect();
    };
    let images: HashMap<&str, &Image> = before.images.iter().map(|image| (image.name.as_str(), image)).collect();
    let mut edges = Vec::new();
    for image in &project.images {
        let Some(earlier) = images.get(image.name.as_str()) else {
            edges.extend(project.edges_of(image));
            continue;
        };
        let targets: HashSet<Repository> = before.targets_of(earlier).collect();
        let mut known: HashSet<(&Digest, Option<&Tag>)> =
            earlier.tags().map(|(tag, digest, _)| (digest, Some(tag))).collect();
        known.extend(earlier.digests.iter().filter(|one| one.tags.is_empty()).map(|one| (&one.digest, None)));
        let is_known =
            |edge: &Edge| targets.contains(&edge.target) && known.contains(&(&edge.digest, edge.tag.as_ref()));
        edges.extend(project.edges_of(image).filter(|edge| !is_known(edge)));
    }
    edges
}
