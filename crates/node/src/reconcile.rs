//! One pass over the node: every name that is declared, or was, and the file of each.

use std::path::{Path, PathBuf};

use local_registry_cluster::services::{AddressFamily, ServiceError};
use local_registry_core::registry::{Host, RegistryUrl, Scheme};

use super::authority;
use super::containerd::{Version, read_config};
use super::file_system::NodeFiles;
use super::files::{self, FileError};
use super::knowledge::Knowledge;
use super::name::Name;
use super::report::{NameReport, NameResult, Report, State};
use super::route::Route;
use super::runtime::{Runtime, contents};
use super::runtime_config::{RuntimeConfig, RuntimeReads};
use super::target::Target;
use super::task::NodeTask;

/// Brings the node's files in line with what is known.
pub(super) fn reconcile(knowledge: &Knowledge, task: &NodeTask, files: &NodeFiles) -> Report {
    let pass = Pass { knowledge, task, files };
    let mut names: Vec<NameReport> = knowledge.names.iter().map(|name| pass.declared(name)).collect();
    if knowledge.state != State::Unknown {
        let others = undeclared(&knowledge.names, task, files);
        names.extend(others.into_iter().map(|(name, file)| pass.undeclared(&name, file)));
    }
    Report {
        node: task.node.clone(),
        state: knowledge.state,
        message: knowledge.message.clone(),
        runtime: Some(pass.runtime_config()),
        names,
    }
}

/// The names, with the files, that were declared before. Images by these names may still run.
pub(super) fn undeclared(names: &[Name], task: &NodeTask, files: &NodeFiles) -> Vec<(Name, PathBuf)> {
    let found = files::all(files, task.runtime, &task.paths).unwrap_or_default();
    let by_name = found.into_iter().filter_map(|file| Some((file.about()?, file.path)));
    by_name.filter(|(known, _)| names.iter().all(|name| name.host != known.host)).collect()
}

/// What one pass goes by.
struct Pass<'a> {
    knowledge: &'a Knowledge,
    task: &'a NodeTask,
    files: &'a NodeFiles,
}

/// Where a name leads.
enum Destination {
    Registry(RegistryUrl),
    /// Wherever the node's DNS says.
    Dns,
    /// The cluster says that it has no address, and why.
    Nowhere(String),
    /// It is not known now, and why.
    Unknown(String),
}

impl Pass<'_> {
    fn runtime_config(&self) -> RuntimeConfig {
        let (task, runtime) = (self.task, self.knowledge.runtime.as_deref());
        let (scheme, component) = match task.runtime {
            Runtime::Containerd => ("containerd://", "the files of containerd"),
            Runtime::CriO => ("cri-o://", "the files of CRI-O"),
        };
        match (task.runtime, runtime) {
            (_, Ok(other)) if other.contains("://") && !other.starts_with(scheme) => {
                let seen = format!("the agent writes {component}, and the kubelet uses {other}");
                RuntimeConfig::new(RuntimeReads::No, seen)
                    .remedy("set nodes.runtime of the chart to that runtime".to_owned())
            }
            (Runtime::Containerd, _) => {
                let release = self.release();
                read_config(self.files, &task.paths, release.as_ref().map(|release| *release).map_err(String::as_str))
            }
            (Runtime::CriO, _) => RuntimeConfig::new(
                RuntimeReads::Yes,
                format!("CRI-O reads {} when it starts, and on SIGHUP", task.paths.registries.display()),
            ),
        }
    }

    /// Which containerd the node has, or why that is not known.
    fn release(&self) -> Result<Version, String> {
        let runtime = self.knowledge.runtime.as_ref().map_err(Clone::clone)?;
        let release = runtime.strip_prefix("containerd://").and_then(Version::parse);
        release.ok_or_else(|| format!("the kubelet says {runtime}"))
    }

    /// What cannot read an IPv6 address in its file, if the runtime is one of those.
    fn without_ipv6(&self) -> Option<String> {
        match self.task.runtime {
            Runtime::CriO => Some("CRI-O".to_owned()),
            Runtime::Containerd => self
                .release()
                .ok()
                .filter(|release| !release.reads_ipv6())
                .map(|release| format!("containerd {release}")),
        }
    }

    fn declared(&self, name: &Name) -> NameReport {
        let file = self.task.runtime.file(name, &self.task.paths);
        let report = |file: Option<PathBuf>, address: Option<String>, result| NameReport {
            name: name.to_string(),
            file,
            address,
            result,
        };
        match self.destination(name) {
            Destination::Registry(url) => {
                let result = result_of(self.lead_to(name, &url, &file));
                report(Some(file), Some(url.to_string()), result)
            }
            Destination::Dns => self.leave_to_dns(name, file),
            Destination::Unknown(reason) => report(Some(file), None, NameResult::Kept { reason }),
            Destination::Nowhere(reason) => {
                let result = result_of(self.lead_nowhere(name, &file, NameResult::Nowhere { reason }));
                report(Some(file), None, result)
            }
        }
    }

    /// A name that is not declared any more keeps its file while the cluster has a registry by it: images by that name may
    /// still run. Without one, its address may be anybody's.
    fn undeclared(&self, name: &Name, file: PathBuf) -> NameReport {
        let mut address = None;
        let destination = match self.knowledge.state {
            State::Absent => Destination::Nowhere(String::new()),
            _ => self.destination(name),
        };
        let result = match destination {
            Destination::Nowhere(_) => result_of(self.lead_nowhere(name, &file, NameResult::Gone)),
            Destination::Registry(url) => {
                address = Some(url.to_string());
                match result_of(self.lead_to(name, &url, &file)) {
                    // Nobody has to do anything about a name that is not declared.
                    NameResult::Unchanged | NameResult::Foreign { .. } | NameResult::Kept { .. } => {
                        NameResult::Undeclared
                    }
                    other => other,
                }
            }
            Destination::Dns | Destination::Unknown(_) => NameResult::Undeclared,
        };
        NameReport { name: name.to_string(), file: Some(file), address, result }
    }

    /// Removes the file that a name has from the time when `--address` led it somewhere.
    fn leave_to_dns(&self, name: &Name, file: PathBuf) -> NameReport {
        let Self { task, files, .. } = self;
        let (file, result) = match files::ours(files, task.runtime, name, &task.paths) {
            Ok(Some(_)) if task.dry_run => (Some(file), NameResult::WouldRemove),
            Ok(Some(_)) => match files::remove_with_authority(files, &file, &task.paths) {
                Ok(()) => (Some(file), NameResult::Removed),
                Err(error) => (Some(file), NameResult::Failed { error: error.to_string() }),
            },
            // What is there is of others.
            Ok(None) | Err(_) => (None, NameResult::LeftToDns),
        };
        NameReport { name: name.to_string(), file, address: None, result }
    }

    fn destination(&self, name: &Name) -> Destination {
        let without_ipv6 = self.without_ipv6();
        if let (Runtime::CriO, Some(warning)) = (self.task.runtime, name.host.warning()) {
            return Destination::Nowhere(warning.to_string());
        }
        match Route::new(name, &self.task.addresses, &self.task.cluster_domain) {
            Route::Dns => Destination::Dns,
            Route::Url(url) => match without_ipv6.filter(|_| url.host.warning().is_some()) {
                Some(runtime) => Destination::Nowhere(format!(
                    "{runtime} cannot read the IPv6 address {} in its file; give --address an IPv4 address",
                    url.host
                )),
                None => Destination::Registry(url),
            },
            Route::Service { service, port, scheme } => match self.knowledge.services.get(&service) {
                None => Destination::Unknown(format!("Service {service} was not read yet")),
                Some(Err(error)) => Destination::Unknown(error.clone()),
                Some(Ok(None)) => Destination::Nowhere(ServiceError::missing(service).to_string()),
                Some(Ok(Some(spec))) => {
                    let url = |family| spec.url(&service, port, scheme, family);
                    let found = match &without_ipv6 {
                        Some(runtime) => url(AddressFamily::Ipv4).map_err(|error| format!("{runtime}: {error}")),
                        // While the runtime is not known, an address that all can read is better.
                        None if self.release().is_err() => url(AddressFamily::Ipv4)
                            .or_else(|_| url(AddressFamily::Any))
                            .map_err(|error| error.to_string()),
                        None => url(AddressFamily::Any).map_err(|error| error.to_string()),
                    };
                    found.map_or_else(Destination::Nowhere, Destination::Registry)
                }
            },
        }
    }

    /// Leads a name to a registry.
    fn lead_to(&self, name: &Name, url: &RegistryUrl, file: &Path) -> Result<NameResult, WriteError> {
        let Self { task, files, .. } = self;
        let ca = match (&task.ca, url.scheme) {
            (Some(path), Scheme::Https) => Some(authority::read(path).map_err(WriteError::Ca)?),
            _ => None,
        };
        let before = files::current(files, task.runtime, name, &task.paths)?;
        let after = contents(task.runtime, name, Target::Registry { url, has_ca: ca.is_some() });
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

    /// Leads a name to nowhere, if it has a file. `done` is what it is then.
    fn lead_nowhere(&self, name: &Name, file: &Path, done: NameResult) -> Result<NameResult, WriteError> {
        let Self { task, files, .. } = self;
        let after = contents(task.runtime, name, Target::Nowhere);
        let before = files::ours(files, task.runtime, name, &task.paths)?;
        let Some(before) = before.filter(|before| *before != after) else { return Ok(done) };
        if task.dry_run {
            return Ok(NameResult::WouldWrite { before, after });
        }
        files::write(files, file, &after, None)?;
        Ok(done)
    }
}

#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error("{0}")]
    Ca(String),
    #[error(transparent)]
    File(#[from] FileError),
}

fn result_of(written: Result<NameResult, WriteError>) -> NameResult {
    match written {
        Ok(result) => result,
        Err(WriteError::Ca(reason)) => NameResult::Kept { reason },
        Err(WriteError::File(error @ FileError::Foreign { .. })) => NameResult::Foreign { reason: error.to_string() },
        Err(WriteError::File(error)) => NameResult::Failed { error: error.to_string() },
    }
}
