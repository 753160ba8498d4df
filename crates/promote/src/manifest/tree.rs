//! The two trees as a whole: which projects there are, and what they promote where.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use local_registry_core::Quoted;

use super::edge::Edge;
use super::files::{Content, IMAGES, IMAGES_FILE, MANIFESTS, PROMOTER_MANIFEST, TreeFiles, promoter_manifest};
use super::finding::{Finding, Findings, Location, Severity};
use super::images::{self, Image};
use super::overlap;
use super::project::Project;
use super::registries::{self, Registries};
use super::registry_name::RegistryName;

/// What is promoted: projects, in the order of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    projects: Vec<Project>,
}

/// The files of one project.
#[derive(Default)]
struct Twins<'f> {
    manifest: Half<'f>,
    images: Half<'f>,
}

/// What there is of one half of a project.
#[derive(Default)]
struct Half<'f> {
    has_folder: bool,
    content: Option<&'f Content>,
}

impl Tree {
    /// Reads all files. What is valid is in the tree, and what is not is in the findings, in the order of the files.
    ///
    /// ```
    /// use local_registry_promote::{Tree, TreeFiles};
    ///
    /// let registries = "registries: [{name: staging.example/team, src: true}, {name: registry.example/team}]";
    /// let images = "- name: app\n  dmap: {\"sha256:12\": [v1]}";
    /// let files = TreeFiles::from_iter([
    ///     ("manifests/team/promoter-manifest.yaml", registries),
    ///     ("images/team/images.yaml", images),
    /// ]);
    /// let (_, findings) = Tree::read(&files);
    /// assert_eq!(
    ///     findings[0].to_string(),
    ///     "images/team/images.yaml:2:10: `sha256:12` is not a digest; write `sha256:` and 64 hexadecimal digits in lower case"
    /// );
    /// ```
    #[must_use]
    pub fn read(files: &TreeFiles) -> (Self, Vec<Finding>) {
        let mut findings = Vec::new();
        let mut projects = Vec::new();
        for (name, twins) in twins(files, &mut findings) {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if !name.chars().all(is_plain) {
                let folder = if twins.manifest.has_folder { MANIFESTS } else { IMAGES };
                let message = "is no name for a project; use letters, digits, `.`, `_` and `-`".to_owned();
                findings.push(about(&format!("{folder}/{name}"), message));
                continue;
            }
            let registries = twins.registries(name, &mut findings);
            let images = twins.images(name, &mut findings);
            if let Some(Registries { source, targets }) = registries {
                projects.push(Project { name: name.to_owned(), source, targets, images: images.unwrap_or_default() });
            }
        }
        let tree = Self { projects };
        findings.extend(overlap::find(&tree.projects));
        findings.sort();
        (tree, findings)
    }

    /// Every edge of the tree, in the order of the files.
    pub fn edges(&self) -> impl Iterator<Item = Edge> + '_ {
        self.located_edges().map(|(edge, _)| edge)
    }

    /// Every edge, with where the files say so.
    pub(super) fn located_edges(&self) -> impl Iterator<Item = (Edge, &Location)> + '_ {
        self.projects.iter().flat_map(Project::located_edges)
    }
}

impl Tree {
    /// Each project, and the registry that its images come from.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &RegistryName)> {
        self.projects.iter().map(|project| (project.name.as_str(), &project.source))
    }

    /// How much there is in the tree. Prints as `1 project, 2 images, 3 digests, 6 edges`.
    #[must_use]
    pub fn size(&self) -> impl fmt::Display + use<> {
        let images = self.projects.iter().flat_map(|project| &project.images);
        Size {
            projects: self.projects.len(),
            images: images.clone().count(),
            digests: images.map(|image| image.digests.len()).sum(),
            edges: self.edges().count(),
        }
    }
}

/// How much there is in a tree.
#[derive(Clone, Copy)]
struct Size {
    projects: usize,
    images: usize,
    digests: usize,
    edges: usize,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let Self { projects, images, digests, edges } = *self;
        let counts = [(projects, "project"), (images, "image"), (digests, "digest"), (edges, "edge")];
        f.write_str(&counts.map(|(number, what)| count(number, what)).join(", "))
    }
}

/// The files of each project, by its name. Any other YAML file is an error: nothing would ever be promoted by it.
fn twins<'f>(files: &'f TreeFiles, findings: &mut Vec<Finding>) -> BTreeMap<&'f str, Twins<'f>> {
    let mut found: BTreeMap<&str, Twins<'f>> = BTreeMap::new();
    let mut trees = BTreeSet::new();
    for (path, content) in files.iter() {
        let mut parts = path.splitn(3, '/');
        let (Some(tree), Some(project), rest) = (parts.next(), parts.next(), parts.next()) else { continue };
        let expected = if tree == MANIFESTS { PROMOTER_MANIFEST } else { IMAGES_FILE };
        trees.insert(tree);
        let half = rest.map(|_| {
            let twins = found.entry(project).or_default();
            if tree == MANIFESTS { &mut twins.manifest } else { &mut twins.images }
        });
        match (half, rest) {
            (Some(half), Some(rest)) => {
                half.has_folder = true;
                if rest == expected {
                    half.content = Some(content);
                } else if *content != Content::Other {
                    findings.push(stray(path, tree, expected));
                }
            }
            _ if *content != Content::Other => findings.push(stray(path, tree, expected)),
            _ => {}
        }
    }
    for tree in [MANIFESTS, IMAGES] {
        if !trees.contains(tree) {
            findings.push(about(tree, format!("there is no such folder, or nothing is in it; expected a folder with `{MANIFESTS}` and `{IMAGES}` side by side")));
        }
    }
    found
}

fn stray(path: &str, tree: &str, expected: &str) -> Finding {
    about(path, format!("nothing reads this file; expected `{tree}/PROJECT/{expected}`"))
}

fn about(file: &str, message: String) -> Finding {
    Finding { location: Location::whole_file(file), severity: Severity::Error, message }
}

impl Twins<'_> {
    fn registries(&self, project: &str, findings: &mut Vec<Finding>) -> Option<Registries> {
        let path = promoter_manifest(project);
        let hint = "write it, or remove the folder of the same name in `images`";
        self.manifest.read(
            &path,
            &TreeFiles::images_path(project),
            self.images.has_folder,
            hint,
            findings,
            |text, findings| registries::read(project, text, findings),
        )?
    }

    fn images(&self, project: &str, findings: &mut Vec<Finding>) -> Option<Vec<Image>> {
        let path = TreeFiles::images_path(project);
        let hint = "write it with `local-registry-promote add`, or remove the folder of the same name in `manifests`";
        self.images.read(&path, &promoter_manifest(project), self.manifest.has_folder, hint, findings, images::read)
    }
}

impl Half<'_> {
    fn read<T>(
        &self,
        path: &str,
        twin: &str,
        has_twin: bool,
        hint: &str,
        findings: &mut Vec<Finding>,
        read: impl FnOnce(&str, &mut Findings) -> T,
    ) -> Option<T> {
        match self.content {
            Some(Content::Yaml(text)) => {
                let mut found = Findings::new(path);
                let value = read(text, &mut found);
                findings.extend(found.into_vec());
                Some(value)
            }
            Some(Content::Unreadable(reason)) => {
                findings.push(about(path, format!("cannot be read: {}", Quoted(reason))));
                None
            }
            _ => {
                let missing =
                    if has_twin { format!("is missing, the twin of `{twin}`") } else { "is missing".to_owned() };
                findings.push(about(path, format!("{missing}; {hint}")));
                None
            }
        }
    }
}
