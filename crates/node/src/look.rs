//! One look at the node: every name that is declared, and the file of each.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use local_registry_core::RuntimeHost;

use super::authority;
use super::containerd::reading;
use super::file_system::NodeFiles;
use super::files::{self, FileError};
use super::place::Place;
use super::reading::{Reading, RuntimeConfig};
use super::report::{NameReport, NameResult, NodeReport, NodeState};
use super::runtime::{Runtime, contents};
use super::task::NodeTask;
use local_registry_cluster::ServiceError;
use local_registry_cluster::{ServiceName, ServiceSpec};
use local_registry_core::registry::{RegistryUrl, Scheme};
use local_registry_declaration::{Data, NAME, NAMESPACE, runtime_names};

/// What is known of an object: what is used of it, or `None` if there is no such object; or why it is not known.
pub(super) type Known<C> = Result<Option<C>, String>;

/// What the agent knows of its cluster.
#[derive(Debug, Clone, Default)]
pub(super) struct Knowledge {
    /// The ConfigMap; `None` before it was asked for.
    pub(super) declaration: Option<Known<Data>>,
    /// The names that the last usable declaration had. They still count while there is none.
    pub(super) names: Vec<RuntimeHost>,
    /// The Services that names lead to.
    pub(super) services: BTreeMap<ServiceName, Known<ServiceSpec>>,
}

impl Knowledge {
    /// The names that are declared.
    ///
    /// # Errors
    /// The state and the message of a report, if there are none.
    pub(super) fn declared(&self, task: &NodeTask) -> Result<Vec<RuntimeHost>, (NodeState, String)> {
        let data = match &self.declaration {
            None => return Err((NodeState::Unknown, "the ConfigMap was not read yet".to_owned())),
            Some(Err(error)) => return Err((NodeState::Unknown, error.clone())),
            Some(Ok(None)) => {
                let message = format!("no local registry is declared: there is no ConfigMap {NAMESPACE}/{NAME}");
                return Err((NodeState::Absent, format!("{message}; what was declared before still counts")));
            }
            Some(Ok(Some(data))) => data,
        };
        let names = runtime_names(data).map_err(|error| (NodeState::Unusable, error.to_string()))?;
        for name in &names {
            task.allowed.check_name(name).map_err(|error| (NodeState::Unusable, error.to_string()))?;
        }
        if names.is_empty() {
            let message = format!("no local registry is declared for nodes: {NAMESPACE}/{NAME} names no host");
            return Err((NodeState::Absent, message));
        }
        Ok(names)
    }
}

/// The Services that the names lead to.
pub(super) fn services(names: &[RuntimeHost], task: &NodeTask) -> Vec<ServiceName> {
    let mut services: Vec<ServiceName> = names
        .iter()
        .filter_map(|name| match Place::of(name, &task.addresses, &task.cluster_domain) {
            Place::Service { service, .. } => Some(service),
            Place::Url(_) | Place::Dns => None,
        })
        .collect();
    services.sort();
    services.dedup();
    services
}

/// Brings the node's files in line with what is known.
pub(super) fn look(knowledge: &Knowledge, task: &NodeTask, files: &NodeFiles) -> NodeReport {
    let mut report = NodeReport {
        node: task.node.clone(),
        state: NodeState::Declared,
        message: String::new(),
        runtime: Some(runtime_config(task, files)),
        names: Vec::new(),
    };
    match knowledge.declared(task) {
        Ok(names) => {
            let listed: Vec<&str> = names.iter().map(RuntimeHost::as_str).collect();
            report.message = format!("nodes pull from {}", listed.join(" and "));
            for rule in task.addresses.iter().filter(|rule| !names.contains(rule.name())) {
                let _ = write!(report.message, "; --address {rule} is about a name that is not declared");
            }
        }
        Err((state, message)) => (report.state, report.message) = (state, message),
    }
    report.names = knowledge.names.iter().map(|name| bring_in_line(name, knowledge, task, files)).collect();
    if !matches!(report.state, NodeState::Unknown) {
        report.names.extend(undeclared(&knowledge.names, task, files));
    }
    report
}

/// The files of names that were declared before. Images by these names may still run.
fn undeclared(names: &[RuntimeHost], task: &NodeTask, files: &NodeFiles) -> Vec<NameReport> {
    let found = files::all(files, task.runtime, &task.paths).unwrap_or_default();
    let by_name = found.into_iter().filter_map(|file| Some((file.name?, file.path)));
    let others = by_name.filter(|(known, _)| !names.iter().any(|name| name.as_str() == known));
    others
        .map(|(name, file)| NameReport { name, file: Some(file), address: None, result: NameResult::Undeclared })
        .collect()
}

fn runtime_config(task: &NodeTask, files: &NodeFiles) -> RuntimeConfig {
    match task.runtime {
        Runtime::Containerd => reading(files, &task.paths),
        Runtime::CriO => RuntimeConfig::new(
            Reading::Yes,
            format!("CRI-O reads {} when it starts, and on SIGHUP", task.paths.registries.display()),
        ),
    }
}

fn bring_in_line(name: &RuntimeHost, knowledge: &Knowledge, task: &NodeTask, files: &NodeFiles) -> NameReport {
    let file = task.runtime.file(name, &task.paths);
    let mut report =
        NameReport { name: name.to_string(), file: Some(file.clone()), address: None, result: NameResult::Unchanged };
    let url = match url(name, knowledge, task) {
        Ok(Some(url)) => url,
        Ok(None) => return NameReport { file: None, result: NameResult::LeftToDns, ..report },
        Err(reason) => return NameReport { result: NameResult::Kept { reason }, ..report },
    };
    report.address = Some(url.to_string());
    report.result = match write(name, &url, &file, task, files) {
        Ok(result) => result,
        Err(WriteError::Ca(reason)) => NameResult::Kept { reason },
        Err(WriteError::File(error @ FileError::Foreign { .. })) => NameResult::Foreign { reason: error.to_string() },
        Err(WriteError::File(error)) => NameResult::Failed { error: error.to_string() },
    };
    report
}

/// Where a name leads; `None` if the node's DNS says so.
fn url(name: &RuntimeHost, knowledge: &Knowledge, task: &NodeTask) -> Result<Option<RegistryUrl>, String> {
    match Place::of(name, &task.addresses, &task.cluster_domain) {
        Place::Dns => Ok(None),
        Place::Url(url) => Ok(Some(url)),
        Place::Service { service, port, scheme } => match knowledge.services.get(&service) {
            None => Err(format!("Service {service} was not read yet")),
            Some(Err(error)) => Err(error.clone()),
            Some(Ok(None)) => Err(ServiceError::Missing(service).to_string()),
            Some(Ok(Some(spec))) => spec.url(&service, port, scheme).map(Some).map_err(|error| error.to_string()),
        },
    }
}

#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error("{0}")]
    Ca(String),
    #[error(transparent)]
    File(#[from] FileError),
}

fn write(
    name: &RuntimeHost,
    url: &RegistryUrl,
    file: &Path,
    task: &NodeTask,
    files: &NodeFiles,
) -> Result<NameResult, WriteError> {
    let ca = match (&task.ca, url.scheme) {
        (Some(path), Scheme::Https) => Some(authority::read(path).map_err(WriteError::Ca)?),
        _ => None,
    };
    let before = files::current(files, task.runtime, name, &task.paths)?;
    let after = contents(task.runtime, name, url, ca.is_some());
    let has_ca = ca.as_deref().is_none_or(|ca| files::has_ca(files, file, ca));
    if has_ca && before.as_deref() == Some(&after) {
        return Ok(NameResult::Unchanged);
    }
    let before = before.unwrap_or_default();
    if task.dry_run {
        return Ok(NameResult::WouldWrite { before, after });
    }
    files::write(files, file, &after, ca.as_deref())?;
    Ok(NameResult::Written { before, after })
}
