//! What was found of the credentials, and done about them, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use local_registry_cluster::credentials::NAME;
use local_registry_core::Quoted;
use local_registry_core::text::{Excerpt, printable};
use serde::Serialize;

/// What happened to the credentials of all namespaces. Nothing secret is in it.
///
/// Prints a line about all of them, and one for each namespace in which something was done, or has to be done by hand.
///
/// ```
/// use local_registry_tenants::credentials::{CredentialReport, CredentialResult, CredentialsReport, CredentialsState};
///
/// let mut report = CredentialsReport::new(CredentialsState::For { host: "kind-registry:5000".to_owned() });
/// report.namespaces.push(CredentialReport { namespace: "team".to_owned(), result: CredentialResult::Made });
/// assert_eq!(
///     report.to_string(),
///     "credentials: for kind-registry:5000 in 1 namespace\ncredential local-registry-push of team: made"
/// );
/// assert!(report.succeeded());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CredentialsReport {
    /// What is true of all of them.
    pub credentials: CredentialsState,
    /// How many were there before, as they should be.
    pub unchanged: usize,
    /// How many namespaces have the label, and no Secret, since there is nothing that it could be for.
    pub missing: usize,
    /// When the first of the tokens ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// What was done in the other namespaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<CredentialReport>,
}

/// What is true of the credentials of all namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum CredentialsState {
    /// They are for this registry.
    For {
        /// The registry, as pods reach it.
        host: String,
    },
    /// There are none, and should be none.
    None {
        /// Why.
        reason: String,
    },
    /// They stay as they were, since the declaration or the certificate authority cannot be used.
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
pub struct CredentialReport {
    /// The namespace.
    pub namespace: String,
    /// What happened.
    #[serde(flatten)]
    pub result: CredentialResult,
}

/// One of the objects that a credential consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum CredentialObject {
    /// Whose token it is.
    ServiceAccount,
    /// What that account may do.
    RoleBinding,
    /// What has the token.
    Secret,
}

/// What was done to the credential of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum CredentialResult {
    /// Its Secret was made.
    Made,
    /// Its Secret has a new token.
    Renewed,
    /// Its ServiceAccount or its RoleBinding was made or changed, and its Secret stays.
    PutRight,
    /// It would be made or changed, without `--dry-run`.
    WouldApply,
    /// Its Secret was deleted, since there is no registry.
    Withdrawn,
    /// All of it was deleted.
    Deleted,
    /// Some of it would be, without `--dry-run`.
    WouldDelete,
    /// Some of it is being deleted, and goes when whoever has set these finalizers has removed them.
    Ending {
        /// What of it.
        object: CredentialObject,
        /// The finalizers.
        finalizers: Vec<String>,
    },
    /// Nothing: somebody else has made an object of that name.
    LeftAlone {
        /// Which.
        object: CredentialObject,
    },
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

impl CredentialsReport {
    /// A report without namespaces.
    #[must_use]
    pub fn new(credentials: CredentialsState) -> Self {
        Self { credentials, unchanged: 0, missing: 0, expires: None, namespaces: Vec::new() }
    }

    /// Whether nothing failed, and nothing has to be done by hand.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        let is_known = matches!(self.credentials, CredentialsState::For { .. } | CredentialsState::None { .. });
        let is_open = |result: &CredentialResult| {
            matches!(result, CredentialResult::LeftAlone { .. } | CredentialResult::Failed { .. })
        };
        is_known && self.count(is_open) == 0
    }

    /// What of it is new after another report: all that was done, and what has changed. `None` if nothing is.
    #[must_use]
    pub fn news_since(&self, last: Option<&Self>) -> Option<Self> {
        let results = |report: &Self| {
            let mut results: BTreeMap<String, Vec<CredentialResult>> = BTreeMap::new();
            for CredentialReport { namespace, result } in &report.namespaces {
                results.entry(namespace.clone()).or_default().push(result.clone());
            }
            results
        };
        let before = last.map(results).unwrap_or_default();
        let is_new = |found: &&CredentialReport| {
            found.result.is_done() || !before.get(&found.namespace).is_some_and(|before| before.contains(&found.result))
        };
        let namespaces: Vec<CredentialReport> = self.namespaces.iter().filter(is_new).cloned().collect();
        let is_same = last.is_some_and(|last| last.credentials == self.credentials);
        (!is_same || !namespaces.is_empty()).then(|| Self { namespaces, ..self.clone() })
    }

    /// How many namespaces have a credential that is as it should be.
    #[must_use]
    pub fn there(&self) -> usize {
        self.unchanged
            + self.count(|result| {
                matches!(result, CredentialResult::Made | CredentialResult::Renewed | CredentialResult::PutRight)
            })
    }

    /// How many results are such.
    #[must_use]
    pub fn count(&self, is_counted: impl Fn(&CredentialResult) -> bool) -> usize {
        self.namespaces.iter().filter(|namespace| is_counted(&namespace.result)).count()
    }

    /// Takes in when a token ends.
    pub(super) fn note_expiry(&mut self, expires: Timestamp) {
        self.expires = Some(self.expires.map_or(expires, |first| first.min(expires)));
    }
}

impl CredentialResult {
    /// Whether something was written.
    fn is_done(&self) -> bool {
        matches!(self, Self::Made | Self::Renewed | Self::PutRight | Self::Withdrawn | Self::Deleted)
    }
}

impl fmt::Display for CredentialsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = match &self.credentials {
            CredentialsState::For { host } => {
                let count = self.there();
                format!("for {host} in {count} namespace{}", if count == 1 { "" } else { "s" })
            }
            CredentialsState::None { reason } => format!("none, since {reason}"),
            CredentialsState::Unusable { error } => format!("unchanged: {error}"),
            CredentialsState::Unknown { error } => format!("unknown: {error}"),
        };
        f.write_str(&printable(&format!("credentials: {all}")))?;
        self.namespaces.iter().try_for_each(|namespace| write!(f, "\n{namespace}"))
    }
}

impl fmt::Display for CredentialReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&format!("credential {NAME} of {}: {}", self.namespace, self.result)))
    }
}

impl fmt::Display for CredentialObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ServiceAccount => "ServiceAccount",
            Self::RoleBinding => "RoleBinding",
            Self::Secret => "Secret",
        })
    }
}

impl fmt::Display for CredentialResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Made => f.write_str("made"),
            Self::Renewed => f.write_str("renewed"),
            Self::PutRight => {
                f.write_str("put right, since its ServiceAccount or its RoleBinding was not as it should be")
            }
            Self::WouldApply => f.write_str("would be made or changed (dry run)"),
            Self::Withdrawn => f.write_str("its Secret was deleted, since there is no registry that it could be for"),
            Self::Deleted => f.write_str("deleted"),
            Self::WouldDelete => f.write_str("would be deleted (dry run)"),
            Self::Ending { object, finalizers } => write!(
                f,
                "its {object} is being deleted; it goes when its finalizers are removed: {}",
                Excerpt(&finalizers.join(", "))
            ),
            Self::LeftAlone { object: CredentialObject::RoleBinding } => write!(
                f,
                "its RoleBinding is left alone, since somebody else has made it, so the credential may be worth nothing; delete that \
                 RoleBinding if nobody needs it"
            ),
            Self::LeftAlone { object } => write!(
                f,
                "left alone, since somebody else has made a {object} of that name; take the label local-registry-hosting/push from \
                 the namespace, or delete that {object} if nobody needs it"
            ),
            Self::Mislabelled { value } => write!(
                f,
                "not made, since the label local-registry-hosting/push has the value {}; write true, or remove the label",
                Quoted(value)
            ),
            Self::Failed { error } => write!(f, "failed: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(results: &[(&str, CredentialResult)]) -> CredentialsReport {
        let mut report = CredentialsReport::new(CredentialsState::For { host: "h".to_owned() });
        let namespaces = results.iter().map(|(name, result)| ((*name).to_owned(), result.clone()));
        report.namespaces = namespaces.map(|(namespace, result)| CredentialReport { namespace, result }).collect();
        report
    }

    #[test]
    fn json_has_a_result_for_each_namespace() {
        let object = CredentialObject::Secret;
        let mut report = report(&[("team", CredentialResult::LeftAlone { object })]);
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"credentials":{"state":"for","host":"h"},"unchanged":0,"missing":0,"namespaces":[{"namespace":"team","result":"left-alone","object":"Secret"}]}"#
        );
        assert!(!report.succeeded());
        report.namespaces.clear();
        report.note_expiry(Timestamp::UNIX_EPOCH);
        report.note_expiry(Timestamp::MAX);
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"credentials":{"state":"for","host":"h"},"unchanged":0,"missing":0,"expires":"1970-01-01T00:00:00Z"}"#
        );
    }

    #[test]
    fn only_what_is_new_is_shown_again() {
        let failed = || CredentialResult::Failed { error: "e".to_owned() };
        let alone = || CredentialResult::LeftAlone { object: CredentialObject::RoleBinding };
        let first = report(&[("a", CredentialResult::Renewed), ("b", failed()), ("c", alone()), ("c", failed())]);
        assert_eq!(first.news_since(None), Some(first.clone()));
        let second = report(&[("b", failed()), ("c", alone()), ("c", failed())]);
        let later = CredentialsReport { expires: Some(Timestamp::MAX), ..second.clone() };
        assert_eq!(later.news_since(Some(&first)), None);
        let third = report(&[("a", CredentialResult::Renewed), ("b", alone()), ("c", alone())]);
        let news = report(&[("a", CredentialResult::Renewed), ("b", alone())]);
        assert_eq!(third.news_since(Some(&first)), Some(news));
    }
}
