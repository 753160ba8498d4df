//! The two trees as a whole: which projects there are, and what they promote where.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use local_registry_core::{Quoted, Tag};

use super::edge::Edge;
use super::overlap;
use super::project::Project;
use super::snapshot::ImageTags;
use crate::files::{
    Content, IMAGES, IMAGES_FILE, MANIFESTS, PROMOTER_MANIFEST, RULES, TreeFiles, promoter_manifest,
    rules as rules_path,
};
use crate::finding::{Finding, Findings, Location, Note, Severity};
use crate::format::images::{self, Image};
use crate::format::registries::{self, Registries};
use crate::format::registry_name::RegistryName;
use crate::format::rules;
use crate::rules::{ProjectRules, Rules};

/// What is promoted: projects, in the order of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    pub(crate) projects: Vec<Project>,
}

/// The files of one project.
#[derive(Default)]
struct Twins<'f> {
    manifest: Half<'f>,
    images: Half<'f>,
    rules: Option<&'f Content>,
    /// Files that are not YAML, and have a name as rules have.
    like_rules: Vec<&'f str>,
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
    /// use local_registry_promotion_tree::{Tree, TreeFiles};
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
            if let Some(folder) = twins.folder_without_files() {
                let message = "promotes nothing; put the project's file in it, or remove the folder".to_owned();
                findings.push(promotes_nothing(&format!("{folder}/{name}"), message));
                continue;
            }
            let registries = twins.registries(name, &mut findings);
            let images = twins.images(name, &mut findings).unwrap_or_default();
            let rules = twins.rules(name, &mut findings);
            if let Some(rules) = &rules {
                findings.extend(denied_tags(name, &images, rules));
            }
            if let Some(Registries { source, targets }) = registries {
                let has_bad_rules = twins.rules.is_some() && rules.is_none();
                let (name, rules) = (name.into(), rules.map(Arc::new));
                projects.push(Project { name, source, targets, images, rules, has_bad_rules });
            }
        }
        let tree = Self { projects };
        findings.extend(overlap::find(&tree.projects));
        findings.sort();
        (tree, once(findings))
    }

    /// Every edge of the tree, in the order of the files.
    pub fn edges(&self) -> impl Iterator<Item = Edge> + '_ {
        self.projects.iter().flat_map(Project::edges)
    }
}

impl Tree {
    /// Each project, and the registry that its images come from.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &RegistryName)> {
        self.projects.iter().map(|project| (&*project.name, &project.source))
    }

    /// The images of a project: their names below each registry, with everything that is promoted of them.
    pub fn images(&self, project: &str) -> impl Iterator<Item = (&str, ImageTags)> {
        self.project(project).into_iter().flat_map(|project| &project.images).map(|image| {
            let tags = image.tags().map(|(tag, digest, _)| (tag.clone(), digest.clone()));
            (image.name.as_str(), tags.collect())
        })
    }

    /// What each project demands of its images.
    #[must_use]
    pub fn rules(&self) -> ProjectRules {
        let rules = |project: &Project| Some((Arc::clone(&project.name), Arc::clone(project.rules.as_ref()?)));
        ProjectRules(self.projects.iter().filter_map(rules).collect())
    }

    /// Why nothing of a project is promoted by a tag, if its rules say so.
    #[must_use]
    pub fn denies(&self, project: &str, tag: &Tag) -> Option<String> {
        denied(project, tag, self.project(project)?.rules.as_deref()?)
    }

    /// The registries that a project promotes to.
    pub fn targets(&self, project: &str) -> impl Iterator<Item = &RegistryName> {
        self.project(project).into_iter().flat_map(|project| &project.targets).map(|(target, _)| target)
    }

    fn project(&self, name: &str) -> Option<&Project> {
        self.projects.iter().find(|project| &*project.name == name)
    }

    /// How much there is in the tree. Prints as `1 project, 2 images, 3 digests, 6 edges`.
    #[must_use]
    pub fn size(&self) -> impl fmt::Display + use<> {
        let images = self.projects.iter().flat_map(|project| &project.images);
        Size {
            projects: self.projects.len(),
            images: images.clone().count(),
            digests: images.map(|image| image.digests.len()).sum(),
            edges: self.projects.iter().map(Project::size).sum(),
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

/// The findings with one line for all fields that are ignored.
fn once(mut findings: Vec<Finding>) -> Vec<Finding> {
    let others = findings.iter().filter(|finding| finding.note == Note::Ignored).count().saturating_sub(1);
    let mut is_first = true;
    findings.retain_mut(|finding| {
        if finding.note != Note::Ignored {
            return true;
        }
        let was_first = std::mem::take(&mut is_first);
        if was_first && others > 0 {
            finding.message = finding.message.replacen(" is ignored", &format!(" is ignored (and {others} more)"), 1);
        }
        was_first
    });
    findings
}

/// The files of each project, by its name. By any other YAML file, nothing is ever promoted.
fn twins<'f>(files: &'f TreeFiles, findings: &mut Vec<Finding>) -> BTreeMap<&'f str, Twins<'f>> {
    let mut found: BTreeMap<&str, Twins<'f>> = BTreeMap::new();
    let mut trees = BTreeSet::new();
    for (path, content) in files.iter() {
        let mut parts = path.splitn(3, '/');
        let (Some(tree), Some(project), rest) = (parts.next(), parts.next(), parts.next()) else { continue };
        let expected = if tree == MANIFESTS { PROMOTER_MANIFEST } else { IMAGES_FILE };
        trees.insert(tree);
        if (tree, rest) == (MANIFESTS, Some(RULES)) {
            let twins = found.entry(project).or_default();
            twins.manifest.has_folder = true;
            twins.rules = Some(content);
            continue;
        }
        let half = rest.map(|_| {
            let twins = found.entry(project).or_default();
            if tree == MANIFESTS { &mut twins.manifest } else { &mut twins.images }
        });
        match (half, rest) {
            (Some(half), Some(rest)) => {
                half.has_folder = true;
                if rest == expected {
                    half.content = Some(content);
                } else if *content == Content::Other && rules::resembles(path) {
                    found.entry(project).or_default().like_rules.push(path);
                } else {
                    findings.extend(stray(path, content, tree, expected));
                }
            }
            _ => findings.extend(stray(path, content, tree, expected)),
        }
    }
    for tree in [MANIFESTS, IMAGES] {
        if !trees.contains(tree) {
            findings.push(about(tree, format!("there is no such folder, or nothing is in it; expected a folder with `{MANIFESTS}` and `{IMAGES}` side by side")));
        }
    }
    found
}

fn stray(path: &str, content: &Content, tree: &str, expected: &str) -> Option<Finding> {
    match content {
        Content::Other if !rules::resembles(path) => None,
        // A file beside the projects belongs to none of them.
        Content::Unreadable(reason) if path.split('/').count() > 2 || !TreeFiles::is_yaml(path) => {
            Some(unreadable(path, reason))
        }
        // Rules that nobody reads would be taken for rules that hold.
        _ if rules::resembles(path) => {
            let message = rules::unread();
            // Beside the projects, they may be meant for all of them.
            let is_beside = path.split('/').count() == 2;
            Some(if is_beside { about(tree, format!("{}: {message}", Quoted(path))) } else { about(path, message) })
        }
        _ => Some(promotes_nothing(path, format!("nothing reads this file; expected `{tree}/PROJECT/{expected}`"))),
    }
}

/// The tags of images that the rules deny. Each stops its own edges alone.
fn denied_tags<'a>(project: &'a str, images: &'a [Image], rules: &'a Rules) -> impl Iterator<Item = Finding> + 'a {
    images.iter().flat_map(Image::tags).filter_map(move |(tag, _, position)| {
        let finding = Finding::error(Location::of_images(project, position), denied(project, tag, rules)?);
        Some(Finding { note: Note::Refused, ..finding })
    })
}

fn denied(project: &str, tag: &Tag, rules: &Rules) -> Option<String> {
    rules.denies(tag).map(|reason| format!("{reason} ({})", rules_path(project)))
}

fn unreadable(path: &str, reason: &str) -> Finding {
    about(path, format!("cannot be read: {}", Quoted(reason)))
}

fn about(file: &str, message: String) -> Finding {
    Finding::error(Location::whole_file(file), message)
}

fn promotes_nothing(file: &str, message: String) -> Finding {
    Finding { severity: Severity::Warning, note: Note::PromotesNothing, ..about(file, message) }
}

impl Twins<'_> {
    /// The first of both folders, if none of both has its file.
    fn folder_without_files(&self) -> Option<&'static str> {
        let has_none = self.manifest.content.is_none() && self.images.content.is_none() && self.rules.is_none();
        has_none.then_some(if self.manifest.has_folder { MANIFESTS } else { IMAGES })
    }

    fn registries(&self, project: &str, findings: &mut Vec<Finding>) -> Option<Registries> {
        let (path, twin) = (promoter_manifest(project), TreeFiles::images_path(project));
        let hint = "write it, or remove the folder of the same name in `images`";
        let read = |text: &str, findings: &mut Findings| registries::read(project, text, findings);
        self.manifest.read(&path, &twin, hint, findings, read)?
    }

    fn images(&self, project: &str, findings: &mut Vec<Finding>) -> Option<Vec<Image>> {
        let (path, twin) = (TreeFiles::images_path(project), promoter_manifest(project));
        let hint = "write it with `local-registry-promote add`, or remove the folder of the same name in `manifests`";
        self.images.read(&path, &twin, hint, findings, images::read)
    }

    /// The rules; `None` if there are none, or if something is wrong with them, which is an error.
    fn rules(&self, project: &str, findings: &mut Vec<Finding>) -> Option<Rules> {
        let path = rules_path(project);
        if self.rules.is_some() && self.manifest.content.is_none() {
            let expected = promoter_manifest(project);
            findings.push(about(&path, format!("holds for nothing: `{expected}` is missing; put both in one folder")));
        }
        if self.rules.is_none() {
            // Beside the rules, they are somebody's copies.
            findings.extend(self.like_rules.iter().map(|path| about(path, rules::unread())));
        }
        let is_there = self.rules?.read(&path, findings, rules::read);
        is_there.flatten()
    }
}

impl Half<'_> {
    fn read<T>(
        &self,
        path: &str,
        twin: &str,
        hint: &str,
        findings: &mut Vec<Finding>,
        read: impl FnOnce(&str, &mut Findings) -> T,
    ) -> Option<T> {
        let Some(content) = self.content else {
            findings.push(promotes_nothing(path, format!("is missing, the twin of `{twin}`; {hint}")));
            return None;
        };
        content.read(path, findings, read)
    }
}

impl Content {
    /// Reads a file, if that can be read.
    fn read<T>(
        &self,
        path: &str,
        findings: &mut Vec<Finding>,
        read: impl FnOnce(&str, &mut Findings) -> T,
    ) -> Option<T> {
        match self {
            Self::Yaml(text) => {
                let mut found = Findings::new(path);
                let value = read(text, &mut found);
                findings.extend(found.into_vec());
                Some(value)
            }
            Self::Unreadable(reason) => {
                findings.push(unreadable(path, reason));
                None
            }
            // By its name, it would have been read.
            Self::Other => None,
        }
    }
}
