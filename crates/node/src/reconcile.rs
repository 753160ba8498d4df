//! One pass over the node: every name that is declared, and the file of each.

use std::path::Path;

use local_registry_cluster::services::ServiceError;
use local_registry_core::RuntimeHost;
use local_registry_core::registry::{RegistryUrl, Scheme};

use super::authority;
use super::containerd::read_config;
use super::file_system::NodeFiles;
use super::files::{self, FileError};
use super::knowledge::Knowledge;
use super::report::{NameReport, NameResult, Report, State};
use super::route::Route;
use super::runtime::{Runtime, contents};
use super::runtime_config::{RuntimeConfig, RuntimeReads};
use super::task::NodeTask;

/// Brings the node's files in line with what is known.
pub(super) fn reconcile(knowledge: &Knowledge, task: &NodeTask, files: &NodeFiles) -> Report {
    let mut names: Vec<NameReport> =
        knowledge.names.iter().map(|name| reconcile_name(name, knowledge, task, files)).collect();
    if !matches!(knowledge.state, State::Unknown) {
        names.extend(undeclared(&knowledge.names, task, files));
    }
    Report {
        node: task.node.clone(),
        state: knowledge.state,
        message: knowledge.message.clone(),
        runtime: Some(runtime_config(task, files)),
        names,
    }
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
        Runtime::Containerd => read_config(files, &task.paths),
        Runtime::CriO => RuntimeConfig::new(
            RuntimeReads::Yes,
            format!("CRI-O reads {} when it starts, and on SIGHUP", task.paths.registries.display()),
        ),
    }
}

fn reconcile_name(name: &RuntimeHost, knowledge: &Knowledge, task: &NodeTask, files: &NodeFiles) -> NameReport {
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
    match Route::new(name, &task.addresses, &task.cluster_domain) {
        Route::Dns => Ok(None),
        Route::Url(url) => Ok(Some(url)),
        Route::Service { service, port, scheme } => match knowledge.services.get(&service) {
            None => Err(format!("Service {service} was not read yet")),
            Some(Err(error)) => Err(error.clone()),
            Some(Ok(None)) => Err(ServiceError::missing(service).to_string()),
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
