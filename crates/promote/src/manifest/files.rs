//! The files of a tree, wherever they were read from.

use std::collections::BTreeMap;

/// The folder of the manifests that say which registries there are.
pub(crate) const MANIFESTS: &str = "manifests";
/// The folder of the manifests that say which images are promoted.
pub(crate) const IMAGES: &str = "images";
/// The name of a file with registries.
pub(crate) const PROMOTER_MANIFEST: &str = "promoter-manifest.yaml";
/// The name of a file with images.
pub(crate) const IMAGES_FILE: &str = "images.yaml";

/// The files below `manifests` and `images`, by their paths from the root of the tree on, with `/` between folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreeFiles(BTreeMap<String, Content>);

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
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

    /// Adds a file.
    pub fn insert(&mut self, path: impl Into<String>, content: Content) {
        self.0.insert(path.into(), content);
    }

    /// The text of a YAML file, if there is one of that path.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        match self.0.get(path) {
            Some(Content::Yaml(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Content)> {
        self.0.iter().map(|(path, content)| (path.as_str(), content))
    }
}

impl<P: Into<String>, T: Into<String>> FromIterator<(P, T)> for TreeFiles {
    /// YAML files, by their paths and texts.
    fn from_iter<I: IntoIterator<Item = (P, T)>>(files: I) -> Self {
        Self(files.into_iter().map(|(path, text)| (path.into(), Content::Yaml(text.into()))).collect())
    }
}

/// The path of a project's file with registries.
pub(crate) fn promoter_manifest(project: &str) -> String {
    format!("{MANIFESTS}/{project}/{PROMOTER_MANIFEST}")
}

/// The path of a project's file with images, from the root of the tree on.
#[must_use]
pub fn images_file(project: &str) -> String {
    format!("{IMAGES}/{project}/{IMAGES_FILE}")
}
