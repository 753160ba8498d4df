//! The files of a tree, wherever they were read from.

use std::collections::{BTreeMap, BTreeSet};

/// The folder of the manifests that say which registries there are.
pub(crate) const MANIFESTS: &str = "manifests";
/// The folder of the manifests that say which images are promoted.
pub(crate) const IMAGES: &str = "images";
/// The name of a file with registries.
pub(crate) const PROMOTER_MANIFEST: &str = "promoter-manifest.yaml";
/// The name of a file with images.
pub(crate) const IMAGES_FILE: &str = "images.yaml";
/// The name of a file with rules, beside that with registries.
pub(crate) const RULES: &str = "rules.yaml";

/// The files below `manifests` and `images`, by their paths from the root of the tree on, with `/` between folders.
///
/// ```
/// use local_registry_promotion_tree::TreeFiles;
///
/// let mut files = TreeFiles::default();
/// files.insert(TreeFiles::images_path("team"), "- name: app");
/// files.insert_unreadable("images/other/images.yaml", "permission denied");
/// assert_eq!(files.text("images/team/images.yaml"), Some("- name: app"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreeFiles {
    files: BTreeMap<String, Content>,
    links: BTreeSet<String>,
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// A YAML file, with its text.
    Yaml(String),
    /// A YAML file that cannot be read, and why.
    Unreadable(String),
    /// A file that is not YAML, by its name.
    Other,
}

impl TreeFiles {
    /// Whether a file of that name is YAML, and has to be read.
    #[must_use]
    pub fn is_yaml(name: &str) -> bool {
        let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
        matches!(end.as_deref(), Some("yaml" | "yml"))
    }

    /// The folders that are read: that of the manifests with registries, and that of those with images.
    pub const FOLDERS: [&str; 2] = [MANIFESTS, IMAGES];

    /// The path of a project's file with images, from the root of the tree on.
    #[must_use]
    pub fn images_path(project: &str) -> String {
        format!("{IMAGES}/{project}/{IMAGES_FILE}")
    }

    /// Adds a YAML file with its text.
    pub fn insert(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.files.insert(path.into(), Content::Yaml(text.into()));
    }

    /// Adds a YAML file that cannot be read, and why.
    pub fn insert_unreadable(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        self.files.insert(path.into(), Content::Unreadable(reason.into()));
    }

    /// Adds a file that is not YAML. Only its folder counts.
    pub fn insert_other(&mut self, path: impl Into<String>) {
        self.files.insert(path.into(), Content::Other);
    }

    /// Says that a path is a link. What it leads to is added beside.
    pub fn insert_link(&mut self, path: impl Into<String>) {
        self.links.insert(path.into());
    }

    /// The paths that are links.
    pub(crate) fn links(&self) -> impl Iterator<Item = &str> {
        self.links.iter().map(String::as_str)
    }

    /// Why a file of that path cannot be read, if so.
    #[must_use]
    pub fn unreadable(&self, path: &str) -> Option<&str> {
        match self.files.get(path) {
            Some(Content::Unreadable(reason)) => Some(reason),
            _ => None,
        }
    }

    /// The text of a YAML file, if there is one of that path.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        match self.files.get(path) {
            Some(Content::Yaml(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Content)> {
        self.files.iter().map(|(path, content)| (path.as_str(), content))
    }
}

impl<P: Into<String>, T: Into<String>> FromIterator<(P, T)> for TreeFiles {
    /// YAML files, by their paths and texts.
    fn from_iter<I: IntoIterator<Item = (P, T)>>(files: I) -> Self {
        let files = files.into_iter().map(|(path, text)| (path.into(), Content::Yaml(text.into()))).collect();
        Self { files, links: BTreeSet::new() }
    }
}

/// The path of a project's file with rules.
pub(crate) fn rules(project: &str) -> String {
    format!("{MANIFESTS}/{project}/{RULES}")
}

/// The path of a project's file with registries.
pub(crate) fn promoter_manifest(project: &str) -> String {
    format!("{MANIFESTS}/{project}/{PROMOTER_MANIFEST}")
}
