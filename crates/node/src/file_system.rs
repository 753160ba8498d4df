//! The node's file system, as this program sees it.

use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use local_registry_system::AtomicFile;

/// The longest file that is read, in bytes. containerd's own configuration has some 20 KB, and a parsed one takes a hundred
/// times its length in memory.
const LONGEST: u64 = 128 * 1024;

/// The name under which a file is written before it is renamed. A runtime reads every file that ends in `.conf`, `.crt`
/// or the like, whatever its name begins with.
pub(super) fn temporary(name: &str) -> String {
    format!(".local-registry-sync.{name}.tmp")
}

/// The file system of a node, mounted at a directory.
///
/// All paths are those that the node sees.
#[derive(Debug, Clone)]
pub(super) struct NodeFiles {
    root: PathBuf,
}

impl NodeFiles {
    /// The file system that is mounted at `root`.
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Where this program sees a path of the node.
    pub(super) fn mounted(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The path of the node that this program sees here.
    pub(super) fn on_node(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).map_or_else(|_| path.to_owned(), |path| Path::new("/").join(path))
    }

    /// The text of a file; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read, is not a plain file, is longer than 128 KiB, or is not UTF-8.
    pub(super) fn read(&self, path: &Path) -> io::Result<Option<String>> {
        let path = self.mounted(path);
        // Opening a named pipe would wait for a writer.
        match fs::metadata(&path) {
            Ok(found) if found.is_file() => {}
            Ok(_) => return Err(io::Error::other("it is not a plain file")),
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
        let mut text = String::new();
        if File::open(&path)?.take(LONGEST + 1).read_to_string(&mut text)? as u64 > LONGEST {
            return Err(io::Error::other("it is longer than 128 KiB"));
        }
        Ok(Some(text))
    }

    /// Whether there is a symbolic link at a path.
    pub(super) fn is_link(&self, path: &Path) -> bool {
        fs::symlink_metadata(self.mounted(path)).is_ok_and(|found| found.is_symlink())
    }

    /// The names in a directory, sorted; none if there is no directory.
    pub(super) fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.mounted(directory)) {
            Ok(entries) => entries,
            Err(error) if is_absence(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
        let mut names: Vec<String> = names.collect::<io::Result<_>>()?;
        names.sort();
        Ok(names)
    }

    /// Writes a file in one step: readers see the old text or the new one, also after a crash.
    ///
    /// Creates the directory that the file is in, and the one above it: k3s removes all of its registries' directory when
    /// it starts. None above these is created.
    pub(super) fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        let path = self.mounted(path);
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::Error::other("it is not the path of a file"));
        };
        if let Some(above) = directory.parent() {
            create_directory(above)?;
        }
        create_directory(directory)?;
        let temporary = directory.join(temporary(&name.to_string_lossy()));
        let permissions = Some(Permissions::from_mode(0o644));
        AtomicFile { path: &path, temporary: &temporary, permissions }.write(text)?;
        File::open(directory)?.sync_all()
    }

    /// Removes a file, if there is one.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        remove_if_there(&self.mounted(path))
    }

    /// Removes a directory if it is empty.
    pub(super) fn remove_empty(&self, directory: &Path) -> io::Result<()> {
        match fs::remove_dir(self.mounted(directory)) {
            Err(error) if !is_absence(&error) && error.kind() != io::ErrorKind::DirectoryNotEmpty => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether a directory that is mounted here was removed on the node, so that nobody there sees what is written to it.
    ///
    /// The mount of a removed directory is a directory without a name. Or it is gone itself: the kernel detaches it where
    /// the directory above is mounted, too. If that may be written to, it is not a mount, and the directory is created.
    pub(super) fn is_removed(&self, directory: &Path) -> bool {
        let mounted = self.mounted(directory);
        match fs::metadata(&mounted) {
            Ok(found) => found.nlink() == 0,
            Err(error) => is_absence(&error) && create_directory(&mounted).is_err(),
        }
    }
}

fn create_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if !is_absence(&error) => Err(error),
        _ => Ok(()),
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
