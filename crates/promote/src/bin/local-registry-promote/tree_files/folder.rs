//! The files of a folder.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use local_registry_promote::TreeFiles;
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
                Ok(real) if real.is_dir() => {
                    self.folders.insert(real);
                    self.walk(&file, &path, depth + 1)?;
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

/// Writes the file with a project's images in one step: whoever reads it meanwhile sees the one before, or this one.
///
/// # Errors
/// If the file cannot be written. Then the one before is still there.
pub(crate) fn write_images(root: &Path, project: &str, text: &str) -> io::Result<()> {
    let path = root.join(TreeFiles::images_path(project));
    // A link stays one.
    let path = path.canonicalize().unwrap_or(path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let permissions = fs::metadata(&path).ok().map(|before| before.permissions());
    AtomicFile { path: &path, temporary: &path.with_extension("yaml.new"), permissions }.write(text)
}
