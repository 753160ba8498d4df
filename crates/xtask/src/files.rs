//! Files of the repository. Errors name them by their paths in it.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::Error;

/// The text of a file.
pub(crate) fn text(root: &Path, path: impl AsRef<Path>) -> Result<String, Error> {
    let path = path.as_ref();
    fs::read_to_string(root.join(path)).map_err(|cause| Error::File { path: path.to_owned(), cause })
}

/// The value of a YAML file.
pub(crate) fn yaml<T: DeserializeOwned>(root: &Path, path: impl AsRef<Path>) -> Result<T, Error> {
    let path = path.as_ref();
    serde_saphyr::from_str(&text(root, path)?).map_err(|error| content(path, error.to_string()))
}

/// Writes a file, and the folders that it is in.
pub(crate) fn write(root: &Path, path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> Result<(), Error> {
    let (path, file) = (path.as_ref(), root.join(path.as_ref()));
    file.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(&file, text))
        .map_err(|cause| Error::File { path: path.to_owned(), cause })
}

/// Copies a folder and everything in it.
pub(crate) fn copy(root: &Path, from: &Path, to: &Path) -> Result<(), Error> {
    let failed = |cause| Error::File { path: from.to_owned(), cause };
    for entry in fs::read_dir(root.join(from)).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (from, to) = (from.join(entry.file_name()), to.join(entry.file_name()));
        if entry.file_type().map_err(failed)?.is_dir() {
            copy(root, &from, &to)?;
        } else {
            write(root, &to, text(root, &from)?)?;
        }
    }
    Ok(())
}

/// Removes a folder that is not there at first, or from an earlier run.
pub(crate) fn remove(root: &Path, path: &Path) -> Result<(), Error> {
    let folder = root.join(path);
    let removed = if folder.exists() { fs::remove_dir_all(folder) } else { Ok(()) };
    removed.map_err(|cause| Error::File { path: path.to_owned(), cause })
}

/// A file that does not say what it should.
pub(crate) fn content(path: impl AsRef<Path>, problem: impl Into<String>) -> Error {
    Error::Content { path: path.as_ref().to_owned(), problem: problem.into() }
}
