//! Targets that two parts of a tree want to write: which one would win is nobody's choice, so it is an error.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::project::Project;
use crate::files::RULES;
use crate::finding::{Finding, Location, Note, Position, Severity};
use crate::format::images::Image;
use local_registry_core::{Digest, Tag};
use local_registry_oci::Repository;

/// An image of a project, by the places of both.
type Place = (usize, usize);

/// The findings about names that are no repository below a registry, and about targets that overlap.
pub(crate) fn find(projects: &[Project]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = projects.iter().flat_map(names).collect();
    for places in shared(projects) {
        findings.extend(other_rules(projects, &places));
        let mut owners: HashMap<&Tag, Owner<'_>> = HashMap::new();
        for (project, image) in places.iter().filter_map(|place| at(projects, *place)) {
            for (tag, digest, position) in image.tags() {
                let owner = Owner { project, image, digest, position };
                match owners.get(tag) {
                    Some(other) => findings.extend(owner.beside(other, tag)),
                    None => drop(owners.insert(tag, owner)),
                }
            }
        }
    }
    // Two images that share several targets are one mistake.
    findings.sort();
    findings.dedup();
    findings
}

/// The findings about the source among the targets, and about names that are too long.
fn names(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    let source = project.source.identity();
    for (target, location) in project.targets.iter().filter(|(target, _)| target.identity() == source) {
        findings.push(Finding::error(location.clone(), format!("the registry `{target}` is the source, too")));
    }
    for image in &project.images {
        let registries = std::iter::once(&project.source).chain(project.targets.iter().map(|(target, _)| target));
        let mut errors = registries.filter_map(|registry| Some((registry, registry.repository(&image.name).err()?)));
        let Some((registry, error)) = errors.next() else { continue };
        let others = match errors.count() {
            0 => String::new(),
            others => format!(" (and so below {others} other registries)"),
        };
        let location = Location::of_images(&project.name, image.position);
        findings.push(Finding::error(location, format!("`{registry}/{}` {error}{others}", image.name)));
    }
    findings
}

/// The images that share a target, each group once.
fn shared(projects: &[Project]) -> BTreeSet<Vec<Place>> {
    let mut places: HashMap<String, Vec<Place>> = HashMap::new();
    for (number, project) in projects.iter().enumerate() {
        for (index, image) in project.images.iter().enumerate() {
            for target in project.targets_of(image) {
                let found = places.entry(target.identity()).or_default();
                if found.last() != Some(&(number, index)) {
                    found.push((number, index));
                }
            }
        }
    }
    places.into_values().filter(|places| places.len() > 1).collect()
}

/// The findings about projects that promote to the same repository by other rules, one for each of them: an image would come by the
/// weaker ones.
fn other_rules(projects: &[Project], places: &[Place]) -> Vec<Finding> {
    let owners: Vec<(&Project, &Image)> = places.iter().filter_map(|place| at(projects, *place)).collect();
    let Some((first, _)) = owners.first() else { return Vec::new() };
    // The same project may be there twice, with one set of rules.
    if owners.iter().all(|(other, _)| other.name == first.name || other.has_rules_of(first)) {
        return Vec::new();
    }
    let has = |project: &Project| match (&project.rules, project.has_bad_rules) {
        (_, true) => format!("`{}` has rules with faults", project.name),
        (Some(_), false) => format!("`{}` has rules of its own", project.name),
        (None, false) => format!("`{}` has no rules", project.name),
    };
    let mut names: Vec<String> = owners.iter().map(|(project, _)| has(project)).collect();
    names.dedup();
    let message = format!(
        "is promoted to the same repository by several projects: {}; write the same `{RULES}` for all of them",
        names.join(", ")
    );
    let finding = |(project, image): &(&Project, &Image)| {
        Finding::error(Location::of_images(&project.name, image.position), message.clone())
    };
    owners.iter().map(finding).collect()
}

fn at(projects: &[Project], (project, image): Place) -> Option<(&Project, &Image)> {
    let project = projects.get(project)?;
    Some((project, project.images.get(image)?))
}

/// Who says what a tag names.
struct Owner<'t> {
    project: &'t Project,
    image: &'t Image,
    digest: &'t Digest,
    position: Position,
}

impl Owner<'_> {
    /// The finding about a tag that another one names, too.
    fn beside(&self, other: &Self, tag: &Tag) -> Option<Finding> {
        let location = Location::of_images(&self.project.name, self.position);
        let other_location = Location::of_images(&other.project.name, other.position);
        let theirs: Vec<String> = other.project.targets_of(other.image).map(|target| target.identity()).collect();
        let target = self.project.targets_of(self.image).find(|target| theirs.contains(&target.identity()))?;
        let target = target.tagged(tag);
        let source = |owner: &Self| owner.project.source.repository(&owner.image.name).ok();
        let (own, others): (Repository, Repository) = (source(self)?, source(other)?);
        if self.digest == other.digest {
            let message = format!("`{target}` comes from `{others}` by {other_location} already; name it once");
            return Some(Finding { location, severity: Severity::Warning, message, note: Note::None });
        }
        let message = format!(
            "`{target}` would be {}, and by {other_location} it is {}; name it once",
            own.at(self.digest),
            others.at(other.digest)
        );
        let note = Note::AlsoStops(Arc::clone(&other.project.name));
        Some(Finding { note, ..Finding::error(location, message) })
    }
}
