//! The rules of projects.

use std::collections::BTreeMap;
use std::sync::Arc;

use local_registry_core::Tag;
use local_registry_signatures::{Pattern, Provenance, Signers};

use super::platform::Platform;

/// The rules of each project that has some, by its name. [`Tree::rules`](crate::Tree::rules) has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectRules(pub(crate) BTreeMap<Arc<str>, Arc<Rules>>);

impl ProjectRules {
    /// The rules of a project, if it has some.
    #[must_use]
    pub fn of(&self, project: &str) -> Option<&Arc<Rules>> {
        self.0.get(project)
    }
}

/// What a project demands: `rules.yaml`. Rules are equal if they are written alike.
///
/// ```
/// use local_registry_promotion_tree::{Tree, TreeFiles};
///
/// let (tree, _) = Tree::read(&TreeFiles::from_iter([
///     ("manifests/team/promoter-manifest.yaml", "registries: [{name: s.example/x, src: true}, {name: p.example}]"),
///     ("manifests/team/rules.yaml", "tags: {deny: [\"dev-*\"]}"),
/// ]));
/// let rules = tree.rules();
/// let rules = rules.of("team").unwrap();
/// assert_eq!(
///     rules.denies(&"dev-1".parse()?),
///     Some("the tag `dev-1` is denied by `dev-*`; use another tag".to_owned())
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Rules {
    /// The file.
    pub(crate) text: String,
    /// Who has to have signed an image.
    pub signatures: Option<SignatureRule>,
    /// What an image has to run on.
    pub platforms: Vec<Platform>,
    /// The tags that nothing is promoted by.
    pub denied_tags: Vec<Pattern>,
}

/// Who has to have signed an image.
#[derive(Debug, Clone)]
pub struct SignatureRule {
    /// The keys and identities of which one is enough.
    pub signers: Arc<Signers>,
    /// Whether an image without a valid signature is refused, or only reported.
    pub required: bool,
    /// Where an image has to come from, as one of them has signed.
    pub provenance: Option<ProvenanceRule>,
}

/// Where an image has to come from, as a signed provenance (SLSA) says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenanceRule {
    /// Who has to have built it; anybody, if `None`.
    pub builder: Option<Pattern>,
    /// From which repository; from any, if `None`.
    pub source: Option<Pattern>,
}

impl PartialEq for Rules {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Rules {}

impl Rules {
    /// Why nothing is promoted by a tag, if so.
    #[must_use]
    pub fn denies(&self, tag: &Tag) -> Option<String> {
        let pattern = self.denied_tags.iter().find(|pattern| pattern.matches(tag.as_str()))?;
        Some(format!("the tag `{tag}` is denied by `{pattern}`; use another tag"))
    }

    /// Whether they ask for more than the files say.
    #[must_use]
    pub fn ask_registries(&self) -> bool {
        self.signatures.is_some() || !self.platforms.is_empty()
    }
}

impl ProvenanceRule {
    /// Why a provenance is not what is asked for, if so.
    #[must_use]
    pub fn refuses(&self, found: &Provenance) -> Option<String> {
        let wrong = |what: &str, found: &str, wanted: &Pattern| {
            format!("a provenance has the {what} `{}`, and the rules ask for `{wanted}`", found.escape_debug())
        };
        if let Some(builder) = self.builder.as_ref().filter(|builder| !builder.matches(&found.builder)) {
            return Some(wrong("builder", &found.builder, builder));
        }
        match (&self.source, &found.source) {
            (Some(source), Some(found)) if !source.matches(found) => Some(wrong("source", found, source)),
            (Some(source), None) => Some(format!("a provenance names no source, and the rules ask for `{source}`")),
            _ => None,
        }
    }
}
