//! The agent's files on a node: which are its own, and how one is brought in line.

use std::io;
use std::path::{Path, PathBuf};

use local_registry_core::RuntimeHost;

use super::containerd::{CA, HOSTS, directory, other_directory};
use super::cri_o::{PREFIX, SUFFIX, has_entry};
use super::file_system::{NodeFiles, TEMPORARY};
use super::runtime::{MARKER, Runtime};
use super::task::Paths;

/// Why a file is left alone, or cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    /// Others have the say about this name.
    #[error("{}: {reason}; remove it, and the agent takes over", path.display())]
    Foreign { path: PathBuf, reason: &'static str },
    /// The file system says no.
    #[error("{}: {source}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl FileError {
    fn foreign(path: &Path, reason: &'static str) -> Self {
        Self::Foreign { path: path.to_owned(), reason }
    }
}

/// The text of a file of ours; `None` if there is none.
///
/// # Errors
/// A [`FileError`] if it cannot be read, or is not ours.
fn own(files: &NodeFiles, path: &Path) -> Result<Option<String>, FileError> {
    if files.is_link(path) {
        return Err(FileError::foreign(path, "it is a symbolic link, which the agent does not follow"));
    }
    let text = files.read(path).map_err(|source| FileError::Io { path: path.to_owned(), source })?;
    match text {
        Some(text) if !text.starts_with(MARKER) => {
            Err(FileError::foreign(path, "it is not the agent's: its first line does not say so"))
        }
        text => Ok(text),
    }
}

/// The text of the runtime's file about a name; `None` if there is none and it may be written.
///
/// # Errors
/// A [`FileError`] if it cannot be read, or if others have the say about the name.
pub(super) fn current(
    files: &NodeFiles,
    runtime: Runtime,
    name: &RuntimeHost,
    paths: &Paths,
) -> Result<Option<String>, FileError> {
    let path = runtime.file(name, paths);
    match runtime {
        Runtime::Containerd => {
            if let Some(other) = other_directory(name.as_str()) {
                let other = paths.certs.join(other);
                if !names(files, &other)?.is_empty() {
                    return Err(FileError::foreign(&other, "others have a directory for this name"));
                }
            }
            let text = own(files, &path)?;
            let directory = paths.certs.join(directory(name.as_str()));
            if text.is_none() {
                let others = names(files, &directory)?;
                let others = others.iter().filter(|name| !name.starts_with(TEMPORARY));
                for other in others {
                    own(files, &directory.join(other))?;
                }
            }
            Ok(text)
        }
        Runtime::CriO => {
            for other in names(files, &paths.registries)? {
                let other = paths.registries.join(other);
                if other == path || other.extension().is_none_or(|extension| extension != "conf") {
                    continue;
                }
                // A file that cannot be read has no entry that CRI-O could read.
                let text = files.read(&other).ok().flatten().unwrap_or_default();
                if has_entry(&text, name) {
                    return Err(FileError::foreign(&other, "it has an entry for this name"));
                }
            }
            own(files, &path)
        }
    }
}

fn names(files: &NodeFiles, directory: &Path) -> Result<Vec<String>, FileError> {
    files.names(directory).map_err(|source| FileError::Io { path: directory.to_owned(), source })
}

/// Writes a file of ours, after the certificate authority beside it, so that it never names one that is not there.
///
/// # Errors
/// A [`FileError`]; nothing is half written.
pub(super) fn write(files: &NodeFiles, path: &Path, text: &str, ca: Option<&str>) -> Result<(), FileError> {
    if let Some(ca) = ca {
        let beside = path.with_file_name(CA);
        if own(files, &beside)?.as_deref() != Some(ca) {
            files.write(&beside, ca).map_err(|source| FileError::Io { path: beside, source })?;
        }
    }
    files.write(path, text).map_err(|source| FileError::Io { path: path.to_owned(), source })
}

/// Whether the certificate authority beside a file is this one.
pub(super) fn has_ca(files: &NodeFiles, path: &Path, ca: &str) -> bool {
    own(files, &path.with_file_name(CA)).is_ok_and(|found| found.as_deref() == Some(ca))
}

/// Every file of ours on the node, and what is left of one that was not finished.
///
/// # Errors
/// A [`FileError`] if a directory cannot be read.
pub(super) fn all(files: &NodeFiles, runtime: Runtime, paths: &Paths) -> Result<Vec<PathBuf>, FileError> {
    let mut found = Vec::new();
    let mut keep = |path: PathBuf| {
        let is_temporary = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(TEMPORARY));
        if is_temporary || own(files, &path).is_ok_and(|text| text.is_some()) {
            found.push(path);
        }
    };
    match runtime {
        Runtime::Containerd => {
            for directory in names(files, &paths.certs)? {
                let directory = paths.certs.join(directory);
                // What is not a directory has no names in it.
                let mut inside = names(files, &directory)?;
                // The authority goes last, so that no file names one that is not there.
                inside.sort_by_key(|name| name != HOSTS);
                for name in inside {
                    keep(directory.join(name));
                }
            }
        }
        Runtime::CriO => {
            let drop_ins = names(files, &paths.registries)?;
            let ours =
                |name: &String| name.starts_with(TEMPORARY) || (name.starts_with(PREFIX) && name.ends_with(SUFFIX));
            drop_ins.into_iter().filter(ours).for_each(|name| keep(paths.registries.join(name)));
        }
    }
    Ok(found)
}
