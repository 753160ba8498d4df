//! Which Jobs there are, and whether they have ended.

use kube::Resource;
use kube::api::{Api, ListParams};
use serde::Deserialize;

use crate::call::Call;
use crate::connection::Cluster;
use crate::error::ClusterError;
use crate::follow::{Content, Slim};
use crate::pods::summaries;

/// What is used of a Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSummary {
    /// Its name.
    pub name: String,
    /// How it has ended; `None` while it may still start a pod.
    pub end: Option<JobEnd>,
}

/// How a Job has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    /// It did what it was to do.
    Complete,
    /// It has failed, for this reason.
    Failed(String),
}

/// What is read of a Job: its `status`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Status {
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: Option<String>,
    message: Option<String>,
}

impl Content for Status {
    const GROUP: &'static str = "batch";
    const KIND: &'static str = "Job";
    const PLURAL: &'static str = "jobs";
    const FIELD: &'static str = "status";
}

impl From<Slim<Status>> for JobSummary {
    fn from(job: Slim<Status>) -> Self {
        let name = job.meta().name.clone().unwrap_or_default();
        let holds = job.into_content().conditions.into_iter().filter(|condition| condition.status == "True");
        let end = holds.fold(None, |end, Condition { kind, reason, message, .. }| match kind.as_str() {
            "Complete" => Some(JobEnd::Complete),
            "Failed" => Some(JobEnd::Failed([reason, message].into_iter().flatten().collect::<Vec<_>>().join(": "))),
            _ => end,
        });
        Self { name, end }
    }
}

impl Cluster {
    /// The Jobs of a namespace that a label selector matches.
    ///
    /// # Errors
    /// A [`ClusterError`] if they cannot be listed.
    pub async fn jobs(&self, namespace: &str, selector: &str) -> Result<Vec<JobSummary>, ClusterError> {
        let api: Api<Slim<Status>> = Api::namespaced(self.client.clone(), namespace);
        let subject = format!("Jobs of {namespace}");
        let call = Call { subject, verb: "list", resource: format!("jobs.batch in {namespace}") };
        summaries(&api, ListParams::default().labels(selector), &call).await
    }
}
