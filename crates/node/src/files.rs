//! The agent's files on a node: which are its own, and how one is brought in line.

use std::io;
use std::path::{Path, PathBuf};

use local_registry_core::RuntimeHost;

use super::containerd::{CA, HOSTS, directory, other_directory};
use super::cri_o::{PREFIX, SUFFIX, file_name, has_entry};
use super::file_system::{NodeFiles, temporary};
use super::marker::{first_line, name_of, stands_for};
use super::name::Name;
use super::paths::Paths;
use super::runtime::Runtime;

/// What the first line of a certificate authority's file says that the file is about.
pub(super) const AUTHORITY: &str = "the certificate authority of hosts.toml";

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

const NOT_OURS: &str = "it is not the agent's: its first line does not say so";
const LINK: &str = "it is a symbolic link, which the agent does not follow";

/// The text of a file of ours that is about this; `None` if there is none.
///
/// # Errors
/// A [`FileError`] if it cannot be read, or is not ours.
fn own(files: &NodeFiles, path: &Path, about: &str) -> Result<Option<String>, FileError> {
    if files.is_link(path) {
        return Err(FileError::foreign(path, LINK));
    }
    match files.read(path) {
        Ok(Some(text)) if text.lines().next() != Some(&first_line(about)) => Err(FileError::foreign(path, NOT_OURS)),
        Ok(text) => Ok(text),
        Err(source) if source.kind() == io::ErrorKind::InvalidData => Err(FileError::foreign(path, NOT_OURS)),
        Err(source) => Err(FileError::Io { path: path.to_owned(), source }),
    }
}

/// The text of our file about a name, whatever others have beside it; `None` if there is none.
///
/// # Errors
/// A [`FileError`] if it cannot be read, or is not ours.
pub(super) fn ours(
    files: &NodeFiles,
    runtime: Runtime,
    name: &Name,
    paths: &Paths,
) -> Result<Option<String>, FileError> {
    let directory = paths.certs.join(directory(name.as_str()));
    if runtime == Runtime::Containerd && files.is_link(&directory) {
        return Err(FileError::foreign(&directory, LINK));
    }
    own(files, &runtime.file(name, paths), name.as_str())
}

/// Removes one file of ours, and its directory if nothing else is in it.
pub(super) fn remove(files: &NodeFiles, path: &Path, paths: &Paths) -> io::Result<()> {
    files.remove(path)?;
    let directory = path.parent().filter(|directory| *directory != paths.registries);
    directory.map_or(Ok(()), |directory| files.remove_empty(directory))
}

/// Removes our file about a name, with the certificate authority beside it.
///
/// # Errors
/// A [`FileError`] if one of them cannot be removed.
pub(super) fn remove_with_authority(files: &NodeFiles, path: &Path, paths: &Paths) -> Result<(), FileError> {
    let remove =
        |path: &Path| remove(files, path, paths).map_err(|source| FileError::Io { path: path.to_owned(), source });
    let authority = path.with_file_name(CA);
    remove(path)?;
    if matches!(own(files, &authority, AUTHORITY), Ok(Some(_))) { remove(&authority) } else { Ok(()) }
}

/// The text of the runtime's file about a name; `None` if there is none and it may be written.
///
/// # Errors
/// A [`FileError`] if it cannot be read, or if others have the say about the name.
pub(super) fn current(
    files: &NodeFiles,
    runtime: Runtime,
    name: &Name,
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
            let text = ours(files, runtime, name, paths)?;
            if text.is_none() {
                let directory = paths.certs.join(directory(name.as_str()));
                for other in names(files, &directory)? {
                    let path = directory.join(&other);
                    if other == CA {
                        own(files, &path, AUTHORITY)?;
                    } else if other != temporary(HOSTS) && other != temporary(CA) {
                        return Err(FileError::foreign(&path, NOT_OURS));
                    }
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
                if has_entry(&text, name.as_str()) {
                    return Err(FileError::foreign(&other, "it has an entry for this name"));
                }
            }
            ours(files, runtime, name, paths)
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
        if own(files, &beside, AUTHORITY)?.as_deref() != Some(ca) {
            files.write(&beside, ca).map_err(|source| FileError::Io { path: beside, source })?;
        }
    }
    files.write(path, text).map_err(|source| FileError::Io { path: path.to_owned(), source })
}

/// Whether the certificate authority beside a file is this one.
pub(super) fn has_ca(files: &NodeFiles, path: &Path, ca: &str) -> bool {
    own(files, &path.with_file_name(CA), AUTHORITY).is_ok_and(|found| found.as_deref() == Some(ca))
}

/// A file of ours on the node.
pub(super) struct OwnFile {
    pub(super) path: PathBuf,
    /// The name that the runtime's file is about; `None` for a certificate authority, and for what was not finished.
    pub(super) name: Option<String>,
    /// The declared name that this one stands for, if the file says so.
    pub(super) stands_for: Option<RuntimeHost>,
}

impl OwnFile {
    /// The name that the file is about, if it still is one.
    pub(super) fn about(&self) -> Option<Name> {
        let host = RuntimeHost::parse(self.name.as_ref()?).ok()?;
        Some(Name { host, stands_for: self.stands_for.clone() })
    }
}

/// Every file of ours on the node, and what is left of one that was not finished.
///
/// What is behind a link, or cannot be read, is of others.
///
/// # Errors
/// A [`FileError`] if the runtime's directory cannot be read.
pub(super) fn all(files: &NodeFiles, runtime: Runtime, paths: &Paths) -> Result<Vec<OwnFile>, FileError> {
    let marked = |path: PathBuf| {
        let text = if files.is_link(&path) { None } else { files.read(&path).ok().flatten() }?;
        Some(OwnFile { name: Some(name_of(&text)?.to_owned()), stands_for: stands_for(&text), path })
    };
    let nameless = |path| OwnFile { path, name: None, stands_for: None };
    let mut found = Vec::new();
    match runtime {
        Runtime::Containerd => {
            for folder in names(files, &paths.certs)? {
                let path = paths.certs.join(&folder);
                if files.is_link(&path) {
                    continue;
                }
                let inside = names(files, &path).unwrap_or_default();
                // The authority goes last, so that no file names one that is not there.
                let (hosts, ca) = (path.join(HOSTS), path.join(CA));
                let is_of_folder = |file: &OwnFile| file.name.as_ref().is_some_and(|name| directory(name) == folder);
                found.extend(marked(hosts).filter(is_of_folder));
                let is_authority = |file: &OwnFile| file.name.as_deref() == Some(AUTHORITY);
                found.extend(marked(ca).filter(is_authority).map(|file| nameless(file.path)));
                let unfinished = [temporary(HOSTS), temporary(CA)].into_iter().filter(|name| inside.contains(name));
                found.extend(unfinished.map(|name| nameless(path.join(name))));
            }
        }
        Runtime::CriO => {
            for file in names(files, &paths.registries)? {
                let path = paths.registries.join(&file);
                let finished = file.strip_suffix(".tmp").and_then(|file| file.split_once(PREFIX)).map(|(_, name)| name);
                let belongs = |found: &OwnFile| found.about().is_some_and(|name| file_name(name.as_str()) == file);
                if finished.is_some_and(|name| file == temporary(&format!("{PREFIX}{name}")) && name.ends_with(SUFFIX))
                {
                    found.push(nameless(path));
                } else {
                    found.extend(marked(path).filter(belongs));
                }
            }
        }
    }
    Ok(found)
}
