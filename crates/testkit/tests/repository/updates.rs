//! Dependabot watches every lock file and every Go module.

use std::path::{Path, PathBuf};

use local_registry_testkit::repository::{read, root};

/// The folders that have a file of this name, from the root of the repository. What is built or hidden does not count.
fn folders(folder: &Path, file: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = folder.join(file).is_file().then(|| folder.to_owned()).into_iter().collect();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !path.is_symlink() && name != "target" && !name.starts_with('.') {
            found.extend(folders(&path, file));
        }
    }
    found
}

/// Whether a directory of dependabot's, in which `*` is any one folder, is this one.
fn is_watched(directory: &str, folder: &Path) -> bool {
    let written: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    let found: Vec<&str> = folder.iter().map(|part| part.to_str().unwrap()).collect();
    written.len() == found.len()
        && written.iter().zip(&found).all(|(written, found)| *written == "*" || written == found)
}

#[test]
fn every_lock_file_and_every_go_module_is_watched() {
    let updates = read(".github/dependabot.yml")["updates"].clone();
    for (ecosystem, file, least) in [("cargo", "Cargo.lock", 2), ("gomod", "go.mod", 9)] {
        let update =
            updates.as_array().unwrap().iter().find(|update| update["package-ecosystem"] == ecosystem).unwrap();
        let directories = update["directories"].as_array().unwrap();
        let directories: Vec<&str> = directories.iter().map(|directory| directory.as_str().unwrap()).collect();
        let root = root();
        let folders: Vec<PathBuf> = folders(&root, file);
        let folders: Vec<&Path> = folders.iter().map(|folder| folder.strip_prefix(&root).unwrap()).collect();
        assert!(folders.len() >= least, "only {folders:?} have {file}");
        for folder in &folders {
            let watched = directories.iter().any(|directory| is_watched(directory, folder));
            assert!(watched, "/{}: has {file}; add it to the directories of {ecosystem}", folder.display());
        }
        for directory in directories {
            assert!(folders.iter().any(|folder| is_watched(directory, folder)), "{directory}: no {file} is there");
        }
    }
}
