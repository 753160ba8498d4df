//! The files of a folder.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use local_registry_promotion_tree::TreeFiles;
use local_registry_system::AtomicFile;

/// How large a file may be, in bytes. 100,000 digests fit in.
pub(super) const LARGEST: u64 = 16 << 20;
/// How deep folders are looked into. A file that is deeper than three is in the wrong place anyway.
const DEEPEST: usize = 8;

/// Reads the folders `manifests` and `images` of a folder. Links are followed within that folder, since a volume of Kubernetes
/// consists of them, and each folder is read once.
///
/// # Errors
/// If one of the folders cannot be listed. A file that cannot be read is among the files, with the reason.
pub(crate) fn read_folder(root: &Path) -> io::Result<TreeFiles> {
    let mut reader = FolderReader { root: root.canonicalize()?, folders: HashSet::new(), files: TreeFiles::default() };
    for tree in TreeFiles::FOLDERS {
        let folder = root.join(tree);
        if folder.is_symlink() {
            reader.files.insert_link(tree);
        }
        if folder.is_dir() {
            reader.walk(&folder, tree, 1).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: cannot be listed: {error}", folder.display()))
            })?;
        }
    }
    Ok(reader.files)
}

/// What was read of a folder so far.
struct FolderReader {
    root: PathBuf,
    folders: HashSet<PathBuf>,
    files: TreeFiles,
}

impl FolderReader {
    fn walk(&mut self, folder: &Path, path: &str, depth: usize) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let (path, file) = (format!("{path}/{name}"), entry.path());
            if entry.file_type()?.is_symlink() {
                self.files.insert_link(path.as_str());
            }
            match file.canonicalize() {
                Err(error) => self.files.insert_unreadable(path, error.to_string()),
                Ok(real) if !real.starts_with(&self.root) => {
                    self.files.insert_unreadable(path, "it leads out of the folder");
                }
                Ok(real) if real.is_dir() && depth == DEEPEST => {
                    self.files.insert_unreadable(path, "it is too deep");
                }
                Ok(real) if real.is_dir() && self.folders.contains(&real) => {
                    self.files.insert_unreadable(path, "it is a folder that is read already");
                }
                // Docker makes an empty folder of a file that it is to mount and does not find.
                Ok(real) if real.is_dir() && depth > 0 && TreeFiles::is_yaml(&name) => {
                    self.files.insert_unreadable(path, "it is a folder");
                }
                Ok(real) if real.is_dir() => {
                    self.folders.insert(real);
                    if let Err(error) = self.walk(&file, &path, depth + 1) {
                        self.files.insert_unreadable(path, error.to_string());
                    }
                }
                Ok(real) if !real.is_file() => self.files.insert_unreadable(path, "it is not a file"),
                Ok(_) if TreeFiles::is_yaml(&name) => match read(&file) {
                    Ok(text) => self.files.insert(path, text),
                    Err(reason) => self.files.insert_unreadable(path, reason),
                },
                Ok(_) => self.files.insert_other(path),
            }
        }
        Ok(())
    }
}

/// The text of a file, or why it cannot be read.
fn read(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = fs::File::open(file).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text));
    match read {
        Ok(length) if length as u64 > LARGEST => Err(format!("it has more than {LARGEST} bytes")),
        Ok(_) => Ok(text),
        Err(error) => Err(error.to_string()),
    }
}

/// A project's file with images, to be written.
pub(crate) struct ImagesFile {
    path: PathBuf,
}

impl ImagesFile {
    /// Looks whether the file may be written. No link is followed, since it may lead out of the tree.
    ///
    /// # Errors
    /// If it is a link, or below one.
    pub(crate) fn new(root: &Path, project: &str) -> io::Result<Self> {
        let mut path = root.to_owned();
        for part in TreeFiles::images_path(project).split('/') {
            path.push(part);
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_symlink() => {
                    let message = format!("{} is a link; make it a file or a folder of its own first", path.display());
                    return Err(io::Error::other(message));
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(Self { path })
    }

    /// Writes the file in one step: whoever reads it meanwhile sees the one before, or this one.
    ///
    /// # Errors
    /// If it cannot be written, or has not the text that it had before. Then it is as it was.
    pub(crate) fn write(&self, before: Option<&str>, text: &str) -> io::Result<()> {
        let now = match read(&self.path) {
            Ok(text) => Some(text),
            Err(_) if !self.path.exists() => None,
            Err(reason) => return Err(io::Error::other(reason)),
        };
        if now.as_deref() != before {
            return Err(io::Error::other("somebody else has changed it meanwhile; run it again"));
        }
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let permissions = fs::metadata(&self.path).ok().map(|before| before.permissions());
        let temporary = self.path.with_extension(format!("yaml.{}.new", std::process::id()));
        AtomicFile { path: &self.path, temporary: &temporary, permissions }.write(text)
    }
}
