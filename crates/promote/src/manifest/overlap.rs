//! Targets that two parts of a tree want to write: which one would win is nobody's choice, so it is an error.

use std::collections::HashMap;

use super::Edge;
use super::finding::{Finding, Place, Severity};
use super::tree::Tree;
use local_registry_core::Tag;

/// The findings about names that are no repository below a registry, and about targets that overlap.
pub(super) fn find(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for project in &tree.projects {
        for (target, place) in project.targets.iter().filter(|(target, _)| *target == project.source) {
            findings.push(error(place, format!("the registry `{target}` is the source, too")));
        }
        for image in &project.images {
            let registries = std::iter::once(&project.source).chain(project.targets.iter().map(|(target, _)| target));
            let errors = registries.filter_map(|registry| Some((registry, registry.repository(&image.name).err()?)));
            findings.extend(
                errors.map(|(registry, found)| error(&image.place, format!("`{registry}/{}` {found}", image.name))),
            );
        }
    }
    let mut owners: HashMap<(String, Tag), (Edge, &Place)> = HashMap::new();
    for (edge, place) in tree.placed_edges() {
        let Some(tag) = edge.tag.clone() else { continue };
        let key = (edge.target.identity(), tag);
        if let Some((other, there)) = owners.get(&key) {
            let message = format!(
                "`{}` would be {}, and by {there} it is {}; name it once",
                edge.target_image(),
                edge.source.at(&edge.digest),
                other.source.at(&other.digest)
            );
            findings.push(error(place, message));
            continue;
        }
        owners.insert(key, (edge, place));
    }
    findings
}

fn error(place: &Place, message: String) -> Finding {
    Finding { place: place.clone(), severity: Severity::Error, message }
}
