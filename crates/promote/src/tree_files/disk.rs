//! The files of a folder.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::manifest::{Content, IMAGES, MANIFESTS, TreeFiles, images_file};

/// How large a file may be, in bytes. 100,000 digests fit in.
pub(super) const LARGEST: u64 = 16 << 20;
/// How deep folders are looked into. A file that is deeper than three is in the wrong place anyway.
const DEEPEST: usize = 8;

/// Reads the folders `manifests` and `images` of a folder. Links are followed within that folder, since a volume of Kubernetes
/// consists of them, and each folder is read once.
///
/// # Errors
/// If one of the folders cannot be listed. A file that cannot be read is among the files, with the reason.
pub fn read_folder(root: &Path) -> io::Result<TreeFiles> {
    let mut reading = Reading { root: root.canonicalize()?, folders: HashSet::new(), files: TreeFiles::default() };
    for tree in [MANIFESTS, IMAGES] {
        let folder = root.join(tree);
        if folder.is_dir() {
            reading.walk(&folder, tree, 1).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: cannot be listed: {error}", folder.display()))
            })?;
        }
    }
    Ok(reading.files)
}

/// What was read of a folder so far.
struct Reading {
    root: PathBuf,
    folders: HashSet<PathBuf>,
    files: TreeFiles,
}

impl Reading {
    fn walk(&mut self, folder: &Path, path: &str, depth: usize) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let (path, file) = (format!("{path}/{name}"), entry.path());
            let content = match file.canonicalize() {
                Err(error) => Content::Unreadable(error.to_string()),
                Ok(real) if !real.starts_with(&self.root) => {
                    Content::Unreadable("it leads out of the folder".to_owned())
                }
                Ok(real) if real.is_dir() && depth == DEEPEST => Content::Unreadable("it is too deep".to_owned()),
                Ok(real) if real.is_dir() && self.folders.contains(&real) => {
                    Content::Unreadable("it is a folder that is read already".to_owned())
                }
                Ok(real) if real.is_dir() => {
                    self.folders.insert(real);
                    self.walk(&file, &path, depth + 1)?;
                    continue;
                }
                Ok(real) if !real.is_file() => Content::Unreadable("it is not a file".to_owned()),
                Ok(_) if TreeFiles::is_yaml(&name) => read(&file),
                Ok(_) => Content::Other,
            };
            self.files.insert(path, content);
        }
        Ok(())
    }
}

fn read(file: &Path) -> Content {
    let text = fs::File::open(file).and_then(|file| {
        let mut text = String::new();
        file.take(LARGEST + 1).read_to_string(&mut text)?;
        Ok(text)
    });
    match text {
        Ok(text) if text.len() as u64 > LARGEST => Content::Unreadable(format!("it has more than {LARGEST} bytes")),
        Ok(text) => Content::Yaml(text),
        Err(error) => Content::Unreadable(error.to_string()),
    }
}

/// Writes the file with a project's images in one step: whoever reads it meanwhile sees the one before, or this one.
///
/// # Errors
/// If the file cannot be written. Then the one before is still there.
pub fn write_images(root: &Path, project: &str, text: &str) -> io::Result<()> {
    let path = root.join(images_file(project));
    // A link stays one.
    let path = path.canonicalize().unwrap_or(path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let temporary = path.with_extension("yaml.new");
    let written = fs::File::create(&temporary).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        if let Ok(before) = fs::metadata(&path) {
            fs::set_permissions(&temporary, before.permissions())?;
        }
        fs::rename(&temporary, &path)
    });
    if written.is_err() {
        // What is wrong is said by the first error.
        let _ = fs::remove_file(&temporary);
    }
    written
}
