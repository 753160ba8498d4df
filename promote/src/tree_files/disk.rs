//! The files of a folder.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::manifest::{Content, IMAGES, MANIFESTS, TreeFiles, images_file};

/// How large a file may be, in bytes. 100,000 digests fit in.
pub(super) const LARGEST: u64 = 16 << 20;
/// How deep folders are looked into. A file that is deeper than three is in the wrong place anyway.
const DEEPEST: usize = 8;

/// Reads the folders `manifests` and `images` of a folder. Links are followed, since a volume of Kubernetes consists of them.
///
/// # Errors
/// If one of the folders cannot be listed. A file that cannot be read is among the files, with the reason.
pub fn read_folder(root: &Path) -> io::Result<TreeFiles> {
    let mut files = TreeFiles::default();
    for tree in [MANIFESTS, IMAGES] {
        let folder = root.join(tree);
        if folder.is_dir() {
            walk(&folder, tree, 1, &mut files).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: cannot be listed: {error}", folder.display()))
            })?;
        }
    }
    Ok(files)
}

fn walk(folder: &Path, path: &str, depth: usize, files: &mut TreeFiles) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let (path, file) = (format!("{path}/{name}"), entry.path());
        if file.is_dir() {
            if depth < DEEPEST {
                walk(&file, &path, depth + 1, files)?;
            }
            continue;
        }
        let content = if TreeFiles::is_yaml(&name) { read(&file) } else { Content::Other };
        files.insert(path, content);
    }
    Ok(())
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
