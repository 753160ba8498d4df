//! `promoter-manifest.yaml`: where a project's images come from, and where they go.

use std::collections::HashMap;

use local_registry_core::Quoted;

use super::fields::{boolean, fields, list, string};
use super::registry_name::RegistryName;
use super::yaml::{self, Node};
use crate::files::{IMAGES, IMAGES_FILE, MANIFESTS, TreeFiles};
use crate::finding::{Findings, Location, Position};

/// The registries of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Registries {
    pub(crate) source: RegistryName,
    pub(crate) targets: Vec<(RegistryName, Location)>,
}

const ACCOUNT: &str =
    "`service-account` is ignored; credentials are taken from the files of Docker, Podman or Kubernetes";

/// One registry, as it is written.
struct Written {
    name: RegistryName,
    start: Position,
    is_source: bool,
}

/// Reads the file of a project. `None` if it has no source, or no target.
pub(crate) fn read(project: &str, text: &str, findings: &mut Findings) -> Option<Registries> {
    let Some(root) = yaml::read(text, findings) else {
        if findings.is_empty() {
            findings.about_file("is empty; expected a mapping with `registries`");
        }
        return None;
    };
    let fields = fields(&root, &["registries", "imagesPath"], findings)?;
    if let Some(path) = fields.optional("imagesPath") {
        check_images_path(project, path, findings);
    }
    let registries = fields.required("registries", findings)?;
    let elements = list(registries, "a list of registries", findings)?;
    let mut written: Vec<Written> = Vec::new();
    let mut known: HashMap<String, (RegistryName, u32)> = HashMap::new();
    for element in elements {
        let Some(found) = read_one(element, findings) else { continue };
        let identity = found.name.identity();
        if let Some((first, line)) = known.get(&identity) {
            let spelling = if *first == found.name { String::new() } else { format!(" as `{first}`") };
            let message =
                format!("the registry `{}` is there already{spelling}, on line {line}; write it once", found.name);
            findings.error(found.start, message);
            continue;
        }
        known.insert(identity, (found.name.clone(), found.start.line));
        written.push(found);
    }
    let is_complete = written.len() == elements.len();
    let (sources, targets): (Vec<Written>, Vec<Written>) = written.into_iter().partition(|found| found.is_source);
    let mut sources = sources.into_iter();
    match (sources.next(), sources.next()) {
        // What could not be read may be the source, or a target.
        (None, _) if is_complete => {
            findings.error(registries.start, "no registry is the source; set `src: true` on one");
        }
        (Some(first), Some(second)) => {
            let message = format!(
                "is a second source, after `{}` on line {}; exactly one registry has `src: true`",
                first.name, first.start.line
            );
            findings.error(second.start, message);
        }
        (Some(_), None) if targets.is_empty() && is_complete => {
            findings.error(registries.start, "no registry is a target; add one without `src: true`");
        }
        (Some(source), None) if !targets.is_empty() => {
            let targets = targets.into_iter().map(|target| (target.name, findings.location(target.start))).collect();
            return Some(Registries { source: source.name, targets });
        }
        _ => {}
    }
    None
}

fn read_one(element: &Node, findings: &mut Findings) -> Option<Written> {
    let fields = fields(element, &["name", "src", "service-account"], findings)?;
    if let Some(account) = fields.optional("service-account")
        && string(account, "a string", findings).is_some()
    {
        findings.ignored(account.start, ACCOUNT);
    }
    let is_source = fields.optional("src").map_or(Some(false), |node| boolean(node, findings));
    let name = fields.required("name", findings)?;
    let text = string(name, "the name of a registry", findings)?;
    match RegistryName::parse(text) {
        Ok(parsed) => Some(Written { name: parsed, start: name.start, is_source: is_source? }),
        Err(error) => {
            findings.error(name.start, format!("the registry {} {error}", Quoted(text)));
            None
        }
    }
}

/// The path leads to the file of the same project: what is promoted would not be what was reviewed, if it led elsewhere.
fn check_images_path(project: &str, node: &Node, findings: &mut Findings) {
    let Some(path) = string(node, "the path of a file", findings) else { return };
    let expected = TreeFiles::images_path(project);
    let mut folders = vec![MANIFESTS, project];
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                folders.pop();
            }
            name => folders.push(name),
        }
    }
    if path.starts_with('/') || folders.join("/") != expected {
        let message = format!(
            "the path {} does not lead to `{expected}`; write `../../{IMAGES}/{project}/{IMAGES_FILE}`, or leave it out",
            Quoted(path)
        );
        findings.error(node.start, message);
    }
}
