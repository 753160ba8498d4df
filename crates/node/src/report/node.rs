//! The report of a node.

use std::fmt::Write;

use local_registry_core::text::printable;
use serde::{Deserialize, Serialize};

use super::name::NameReport;
use crate::runtime_config::RuntimeConfig;

/// What a cluster declares to its nodes, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The ConfigMap could not be read.
    Unknown,
    /// The ConfigMap cannot be understood, or declares a name that is not allowed.
    Unusable,
    /// There is no ConfigMap, or it declares no name.
    Absent,
    /// The ConfigMap declares names.
    Declared,
    /// The agent removes its files, whatever is declared.
    CleanUp,
    /// Another word: the agent is older or newer than the reader of its report.
    #[serde(other)]
    Unrecognised,
}

impl State {
    /// All that an agent of this version reports.
    pub const ALL: [Self; 5] = [Self::Unknown, Self::Unusable, Self::Absent, Self::Declared, Self::CleanUp];

    /// The word that JSON and metrics have for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unusable => "unusable",
            Self::Absent => "absent",
            Self::Declared => "declared",
            Self::CleanUp => "clean-up",
            Self::Unrecognised => "unrecognised",
        }
    }
}

/// What the agent found and did on its node.
///
/// The agent writes it as JSON, and `check` reads that of agents which may be older or newer. So a word that is not known
/// stands for itself, fields that are not known are ignored, and fields that are missing are empty; only those that every
/// agent writes have to be there.
///
/// ```
/// use local_registry_node::{NameResult, Report, State};
///
/// let report: Report = serde_json::from_str(
///     r#"{"state": "declared", "message": "", "names": [{"name": "reg.io", "result": "postponed"}]}"#,
/// )?;
/// assert_eq!(report.state, State::Declared);
/// assert!(matches!(&report.names[0].result, NameResult::Unrecognised { result, .. } if result == "postponed"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The node's name, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// What the cluster declares.
    pub state: State,
    /// The state in words; if it cannot be used, also why, and how to fix it.
    #[serde(default)]
    pub message: String,
    /// Whether the container runtime reads the files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<RuntimeConfig>,
    /// What happened to the file of each name.
    #[serde(default)]
    pub names: Vec<NameReport>,
}

impl Report {
    /// Whether every name leads to where the registry is, as far as the agent can see to it.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        !matches!(self.state, State::Unknown | State::Unusable | State::Unrecognised)
            && !self.names.iter().any(|name| name.result.is_fault())
    }

    /// The report as one line of JSON.
    ///
    /// # Errors
    /// If a path is not UTF-8.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// The report as text, with a diff of files that change.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = printable(&self.message);
        if let Some(config) = &self.runtime {
            let _ = write!(text, "\n{}", printable(&config.to_string()));
        }
        for name in &self.names {
            let _ = write!(text, "\n{}", printable(&name.to_string()));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::name::NameResult;
    use crate::runtime_config::RuntimeReads;
    use serde_json::Value;

    #[test]
    fn json_names_states_as_metrics_do() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), Value::from(state.name()));
            assert_eq!(serde_json::from_value::<State>(state.name().into()).unwrap(), state);
        }
    }

    fn unchanged() -> NameReport {
        NameReport {
            name: "reg.io".to_owned(),
            file: Some("/f".into()),
            address: Some("http://10.0.0.5:5000".to_owned()),
            result: NameResult::Unchanged,
        }
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let kept = NameReport { result: NameResult::Kept { reason: "away".to_owned() }, file: None, ..unchanged() };
        let seen = "containerd ignores it".to_owned();
        let runtime = RuntimeConfig { reads: RuntimeReads::No, seen, remedy: Some("set it".to_owned()) };
        let report = Report {
            node: Some("n1".to_owned()),
            state: State::CleanUp,
            message: "m".to_owned(),
            runtime: Some(runtime),
            names: vec![unchanged(), kept],
        };
        let json = concat!(
            r#"{"node":"n1","state":"clean-up","message":"m","#,
            r#""runtime":{"reads":"no","seen":"containerd ignores it","remedy":"set it"},"#,
            r#""names":[{"name":"reg.io","file":"/f","address":"http://10.0.0.5:5000","result":"unchanged"},"#,
            r#"{"name":"reg.io","address":"http://10.0.0.5:5000","result":"kept","reason":"away"}]}"#
        );
        assert_eq!(report.to_json().unwrap(), json);
        assert_eq!(serde_json::from_str::<Report>(json).unwrap(), report);
    }

    #[test]
    fn the_report_of_another_version_is_read() {
        let json = r#"{"state": "paused", "since": 7, "runtime": {"reads": "in-part", "seen": "s", "by": []}}"#;
        let report: Report = serde_json::from_str(json).unwrap();
        let runtime = RuntimeConfig { reads: RuntimeReads::Unknown, seen: "s".to_owned(), remedy: None };
        let expected = Report {
            node: None,
            state: State::Unrecognised,
            message: String::new(),
            runtime: Some(runtime),
            names: Vec::new(),
        };
        assert_eq!(report, expected);
        assert!(!report.succeeded());
        let error = serde_json::from_str::<Report>("{}").unwrap_err();
        assert_eq!(error.to_string(), "missing field `state` at line 1 column 2");
    }
}
