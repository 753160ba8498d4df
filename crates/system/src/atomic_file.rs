//! Files that are written in one step.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// A file that is written in one step: whoever reads it meanwhile sees the text before, or the new one, also after a crash.
///
/// The crate's documentation has an example. The folder's own entry may still be lost in a crash; the text before is there
/// then.
#[derive(Debug, Clone)]
pub struct AtomicFile<'a> {
    /// The file. If it is a link, a file takes its place.
    pub path: &'a Path,
    /// Where the text is written to first: on the same file system. A file or a link that is there is removed, and not
    /// followed.
    pub temporary: &'a Path,
    /// What others may do with the file; `None` for what is usual for a new file.
    pub permissions: Option<Permissions>,
}

impl AtomicFile<'_> {
    /// Writes a text.
    ///
    /// # Errors
    /// If it cannot be written. Then the text before is still there, and the temporary file is not.
    pub fn write(&self, text: &str) -> io::Result<()> {
        // What a former run left, or a link that would lead elsewhere.
        remove_if_present(self.temporary)?;
        let written = self.write_temporary(text).and_then(|()| fs::rename(self.temporary, self.path));
        if written.is_err() {
            // What is wrong is said by the first error.
            let _ = remove_if_present(self.temporary);
        }
        written
    }

    fn write_temporary(&self, text: &str) -> io::Result<()> {
        let mut file = File::options().write(true).create_new(true).open(self.temporary)?;
        if let Some(permissions) = &self.permissions {
            file.set_permissions(permissions.clone())?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }
}

fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_link_in_the_way_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let [path, temporary, other] = ["file", "file.tmp", "other"].map(|name| folder.path().join(name));
        fs::write(&other, "somebody's").unwrap();
        symlink(&other, &temporary).unwrap();
        let permissions = Some(Permissions::from_mode(0o640));
        AtomicFile { path: &path, temporary: &temporary, permissions }.write("new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_to_string(&other).unwrap(), "somebody's");
        assert!(fs::symlink_metadata(&temporary).is_err());
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let [path, temporary] = ["file", "file.tmp"].map(|name| folder.path().join(name));
        fs::create_dir(&path).unwrap();
        let file = AtomicFile { path: &path, temporary: &temporary, permissions: None };
        assert_eq!(file.write("new").unwrap_err().kind(), ErrorKind::IsADirectory);
        assert!(!temporary.exists() && path.is_dir());
    }
}
