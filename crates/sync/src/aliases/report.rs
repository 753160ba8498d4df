//! What was found of the aliases, and done about them, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use local_registry_core::Quoted;
use local_registry_core::text::{Excerpt, printable};
use serde::Serialize;

/// What happened to the aliases of all namespaces.
///
/// Prints a line about all of them, and one for each namespace in which something was done, or has to be done by hand.
///
/// ```
/// use local_registry_sync::aliases::{AliasReport, AliasResult, AliasesReport, AliasesState};
///
/// let mut report = AliasesReport::new(AliasesState::Lead { to: "registry.infra.svc.cluster.local".to_owned() });
/// report.namespaces.push(AliasReport { namespace: "team".to_owned(), result: AliasResult::Applied });
/// assert_eq!(
///     report.to_string(),
///     "aliases: lead to registry.infra.svc.cluster.local in 1 namespace\nalias local-registry in team: made"
/// );
/// assert!(report.succeeded());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AliasesReport {
    /// What is true of all of them.
    pub aliases: AliasesState,
    /// How many were there before, as they should be.
    pub unchanged: usize,
    /// How many namespaces have the label, and no alias, since there is nothing that it could lead to.
    pub missing: usize,
    /// What was done in the other namespaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<AliasReport>,
}

/// What is true of the aliases of all namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum AliasesState {
    /// They lead to this name.
    Lead {
        /// The whole name of a Service.
        to: String,
    },
    /// There are none, and should be none.
    None {
        /// Why.
        reason: String,
    },
    /// There are none, since the declared registry can have none.
    Impossible {
        /// Why, and how to fix it.
        error: String,
    },
    /// They stay as they were, since the declaration cannot be used.
    Unusable {
        /// Why, and how to fix it.
        error: String,
    },
    /// They stay as they were, since something could not be read.
    Unknown {
        /// Why, and how to fix it.
        error: String,
    },
}

/// What happened in one namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AliasReport {
    /// The namespace.
    pub namespace: String,
    /// What happened.
    #[serde(flatten)]
    pub result: AliasResult,
}

/// What was done to the alias of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum AliasResult {
    /// It was made, or leads to another name now.
    Applied,
    /// It would be, without `--dry-run`.
    WouldApply,
    /// It was deleted.
    Deleted,
    /// It would be, without `--dry-run`.
    WouldDelete,
    /// It is being deleted, and goes when whoever has set these finalizers has removed them.
    Ending {
        /// The finalizers.
        finalizers: Vec<String>,
    },
    /// Nothing: somebody else has made a Service of that name.
    LeftAlone,
    /// Nothing: the label has another value than `true`.
    Mislabelled {
        /// That value.
        value: String,
    },
    /// It could not be changed.
    Failed {
        /// Why, and how to fix it.
        error: String,
    },
}

impl AliasesReport {
    /// A report without namespaces.
    #[must_use]
    pub fn new(aliases: AliasesState) -> Self {
        Self { aliases, unchanged: 0, missing: 0, namespaces: Vec::new() }
    }

    /// Whether nothing failed, and nothing has to be done by hand.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        let is_known = match self.aliases {
            AliasesState::Lead { .. } | AliasesState::None { .. } => true,
            AliasesState::Impossible { .. } => self.missing == 0,
            AliasesState::Unusable { .. } | AliasesState::Unknown { .. } => false,
        };
        is_known && self.count(|result| matches!(result, AliasResult::LeftAlone | AliasResult::Failed { .. })) == 0
    }

    /// What of it is new after another report: all that was done, and what has changed. `None` if nothing is.
    #[must_use]
    pub fn news_since(&self, last: Option<&Self>) -> Option<Self> {
        let before: BTreeMap<&str, &AliasResult> = last
            .into_iter()
            .flat_map(|last| &last.namespaces)
            .map(|namespace| (namespace.namespace.as_str(), &namespace.result))
            .collect();
        let is_new = |found: &&AliasReport| {
            matches!(found.result, AliasResult::Applied | AliasResult::Deleted)
                || before.get(found.namespace.as_str()) != Some(&&found.result)
        };
        let namespaces: Vec<AliasReport> = self.namespaces.iter().filter(is_new).cloned().collect();
        let is_same = last.is_some_and(|last| last.aliases == self.aliases);
        (!is_same || !namespaces.is_empty()).then(|| Self { namespaces, ..self.clone() })
    }

    /// Whether it may succeed without anybody's help.
    pub(super) fn may_succeed_soon(&self) -> bool {
        self.count(|result| matches!(result, AliasResult::Failed { .. })) > 0
    }

    /// How many namespaces have an alias that leads to the registry.
    #[must_use]
    pub fn there(&self) -> usize {
        self.unchanged + self.count(|result| matches!(result, AliasResult::Applied))
    }

    /// How many namespaces have this result.
    #[must_use]
    pub fn count(&self, is_counted: impl Fn(&AliasResult) -> bool) -> usize {
        self.namespaces.iter().filter(|namespace| is_counted(&namespace.result)).count()
    }
}

impl fmt::Display for AliasesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = match &self.aliases {
            AliasesState::Lead { to } => {
                let count = self.there();
                format!("lead to {to} in {count} namespace{}", if count == 1 { "" } else { "s" })
            }
            AliasesState::None { reason } => format!("none, since {reason}"),
            AliasesState::Impossible { error } => format!("none, and {} asked for: {error}", self.missing),
            AliasesState::Unusable { error } => format!("unchanged: {error}"),
            AliasesState::Unknown { error } => format!("unknown: {error}"),
        };
        f.write_str(&printable(&format!("aliases: {all}")))?;
        self.namespaces.iter().try_for_each(|namespace| write!(f, "\n{namespace}"))
    }
}

impl fmt::Display for AliasReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&format!("alias local-registry in {}: {}", self.namespace, self.result)))
    }
}

impl fmt::Display for AliasResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applied => f.write_str("made"),
            Self::WouldApply => f.write_str("would be made (dry run)"),
            Self::Deleted => f.write_str("deleted"),
            Self::WouldDelete => f.write_str("would be deleted (dry run)"),
            Self::Ending { finalizers } => write!(
                f,
                "being deleted; it goes when its finalizers are removed: {}",
                Excerpt(&finalizers.join(", "))
            ),
            Self::LeftAlone => f.write_str(
                "left alone, since somebody else has made a Service of that name, which leads elsewhere; take the label \
                 local-registry-hosting/alias from the namespace, or delete that Service if nobody needs it",
            ),
            Self::Mislabelled { value } => write!(
                f,
                "not made, since the label local-registry-hosting/alias has the value {}; write true, or remove the label",
                Quoted(value)
            ),
            Self::Failed { error } => write!(f, "failed: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_a_result_for_each_namespace() {
        let mut report = AliasesReport::new(AliasesState::Lead { to: "h".to_owned() });
        let failed = AliasResult::Failed { error: "e".to_owned() };
        report.namespaces.push(AliasReport { namespace: "team".to_owned(), result: failed });
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"aliases":{"state":"lead","to":"h"},"unchanged":0,"missing":0,"namespaces":[{"namespace":"team","result":"failed","error":"e"}]}"#
        );
        assert!(!report.succeeded());
    }

    #[test]
    fn only_what_is_new_is_shown_again() {
        let report = |results: &[(&str, AliasResult)]| {
            let mut report = AliasesReport::new(AliasesState::Lead { to: "h".to_owned() });
            let namespaces = results.iter().map(|(name, result)| (name.to_string(), result.clone()));
            report.namespaces = namespaces.map(|(namespace, result)| AliasReport { namespace, result }).collect();
            report
        };
        let failed = || AliasResult::Failed { error: "e".to_owned() };
        let first = report(&[("a", AliasResult::Applied), ("b", failed()), ("c", AliasResult::LeftAlone)]);
        assert_eq!(first.news_since(None), Some(first.clone()));
        let second = report(&[("b", failed()), ("c", AliasResult::LeftAlone)]);
        assert_eq!(second.news_since(Some(&first)), None);
        let third =
            report(&[("a", AliasResult::Applied), ("b", AliasResult::LeftAlone), ("c", AliasResult::LeftAlone)]);
        let news = report(&[("a", AliasResult::Applied), ("b", AliasResult::LeftAlone)]);
        assert_eq!(third.news_since(Some(&first)), Some(news));
    }
}
