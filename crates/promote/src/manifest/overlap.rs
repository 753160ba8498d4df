//! Targets that two parts of a tree want to write: which one would win is nobody's choice, so it is an error.

use std::collections::HashMap;

use super::edge::Edge;
use super::finding::{Finding, Location, Severity};
use super::project::Project;
use local_registry_core::Tag;

/// The findings about names that are no repository below a registry, and about targets that overlap.
pub(super) fn find(projects: &[Project]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for project in projects {
        for (target, location) in project.targets.iter().filter(|(target, _)| *target == project.source) {
            findings.push(error(location, format!("the registry `{target}` is the source, too")));
        }
        for image in &project.images {
            let registries = std::iter::once(&project.source).chain(project.targets.iter().map(|(target, _)| target));
            let errors = registries.filter_map(|registry| Some((registry, registry.repository(&image.name).err()?)));
            findings.extend(
                errors.map(|(registry, found)| error(&image.location, format!("`{registry}/{}` {found}", image.name))),
            );
        }
    }
    let mut owners: HashMap<(String, Tag), (Edge, &Location)> = HashMap::new();
    for (edge, location) in projects.iter().flat_map(Project::located_edges) {
        let Some(tag) = edge.tag.clone() else { continue };
        let key = (edge.target.identity(), tag);
        if let Some((other, other_location)) = owners.get(&key) {
            let message = format!(
                "`{}` would be {}, and by {other_location} it is {}; name it once",
                edge.target_image(),
                edge.source.at(&edge.digest),
                other.source.at(&other.digest)
            );
            findings.push(error(location, message));
            continue;
        }
        owners.insert(key, (edge, location));
    }
    findings
}

fn error(location: &Location, message: String) -> Finding {
    Finding { location: location.clone(), severity: Severity::Error, message }
}
