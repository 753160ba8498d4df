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
    pub(crate) fn of(&self, project: &str) -> Option<&Arc<Rules>> {
        self.0.get(project)
    }
}

/// What a project demands: `rules.yaml`. Rules are equal if they are written alike.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// The file.
    pub(crate) text: String,
    /// Who has to have signed an image.
    pub(crate) signatures: Option<SignatureRule>,
    /// What an image has to run on.
    pub(crate) platforms: Vec<Platform>,
    /// The tags that nothing is promoted by.
    pub(crate) denied_tags: Vec<Pattern>,
    /// Where an image has to come from.
    pub(crate) provenance: Option<ProvenanceRule>,
}

/// Who has to have signed an image.
#[derive(Debug, Clone)]
pub(crate) struct SignatureRule {
    pub(crate) signers: Signers,
    /// Whether an image without a valid signature is refused, or only reported.
    pub(crate) required: bool,
}

/// Where an image has to come from, as a signed provenance (SLSA) says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProvenanceRule {
    pub(crate) builder: Option<Pattern>,
    pub(crate) source: Option<Pattern>,
}

impl PartialEq for Rules {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Rules {}

impl Rules {
    /// Why nothing is promoted by a tag, if so.
    pub(crate) fn denies(&self, tag: &Tag) -> Option<String> {
        let pattern = self.denied_tags.iter().find(|pattern| pattern.matches(tag.as_str()))?;
        Some(format!("the tag `{tag}` is denied by `{pattern}`; use another tag"))
    }

    /// Whether they ask for more than the files say.
    pub(crate) fn ask_registries(&self) -> bool {
        self.signatures.is_some() || !self.platforms.is_empty() || self.provenance.is_some()
    }
}

impl ProvenanceRule {
    /// Why a provenance is not what is asked for, if so.
    pub(crate) fn refuses(&self, found: &Provenance) -> Option<String> {
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
