//! What a control plane has stored, so that others begin with it.

use std::fs::File;
use std::path::{Path, PathBuf};

/// The folder of an etcd that has ended, in memory.
pub(crate) struct Snapshot {
    files: Vec<StoredFile>,
}

/// A file without the zeros at its end: etcd makes its files larger than it needs.
struct StoredFile {
    /// Its path in the folder.
    path: PathBuf,
    bytes: Vec<u8>,
    size: u64,
}

impl Snapshot {
    /// Reads what is in this folder.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut snapshot = Self { files: Vec::new() };
        snapshot.add(folder, Path::new(""));
        snapshot
    }

    fn add(&mut self, root: &Path, folder: &Path) {
        for entry in std::fs::read_dir(root.join(folder)).unwrap().map(Result::unwrap) {
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                self.add(root, &path);
                continue;
            }
            let mut bytes = std::fs::read(entry.path()).unwrap();
            let size = bytes.len() as u64;
            bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            self.files.push(StoredFile { path, bytes, size });
        }
    }

    /// Writes it into this folder, which need not be there.
    pub(crate) fn write(&self, folder: &Path) {
        for StoredFile { path, bytes, size } in &self.files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, bytes).unwrap();
            File::options().write(true).open(&path).unwrap().set_len(*size).unwrap();
        }
    }
}
