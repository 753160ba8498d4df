//! containerd's configuration: its file, and those that it imports, as containerd merges them.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::node::file_system::NodeFiles;

/// How many files are read. A node has one or two.
const MOST: usize = 32;

/// A configuration that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub(super) struct ConfigError {
    path: PathBuf,
    reason: String,
}

/// The tables of the CRI plugin in which the settings of image pulls are, by the versions of the configuration: 3 and
/// later, 2, and 1.
const PLUGINS: [&str; 3] = ["io.containerd.cri.v1.images", "io.containerd.grpc.v1.cri", "cri"];

/// The settings of image pulls.
#[derive(Debug, Default)]
pub(super) struct ImageConfig {
    tables: [Table; PLUGINS.len()],
}

impl ImageConfig {
    /// Reads the configuration at that path, and what it imports. Without a file, containerd has its defaults.
    ///
    /// # Errors
    /// A [`ConfigError`] for the first file that cannot be read.
    pub(super) fn read(files: &NodeFiles, path: &Path) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        let (mut pending, mut seen) = (VecDeque::from([path.to_owned()]), BTreeSet::new());
        while let Some(path) = pending.pop_front() {
            if !seen.insert(path.clone()) {
                continue;
            }
            let failed = |reason: String| ConfigError { path: path.clone(), reason };
            if seen.len() > MOST {
                return Err(failed(format!("it is the {}th file that is imported", MOST + 1)));
            }
            let Some(text) = files.read(&path).map_err(|error| failed(error.to_string()))? else { continue };
            let mut table: Table = text.parse().map_err(|error: toml::de::Error| failed(error.message().to_owned()))?;
            pending.extend(imports(&table, files, &path).map_err(&failed)?);
            if let Some(Value::Table(mut plugins)) = table.remove("plugins") {
                for (plugin, merged) in PLUGINS.iter().zip(&mut config.tables) {
                    if let Some(Value::Table(found)) = plugins.remove(*plugin) {
                        merge(merged, found);
                    }
                }
            }
        }
        Ok(config)
    }

    /// The value at a path of keys, in the newest table that has it.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Value> {
        self.tables.iter().find_map(|table| {
            let (first, rest) = path.split_first()?;
            rest.iter().try_fold(table.get(*first)?, |value, key| value.get(*key))
        })
    }
}

/// The files that a file imports. A relative path starts at the file's own folder.
fn imports(table: &Table, files: &NodeFiles, path: &Path) -> Result<Vec<PathBuf>, String> {
    let imports = table.get("imports").and_then(Value::as_array);
    let mut found = Vec::new();
    for import in imports.into_iter().flatten().filter_map(Value::as_str) {
        let import = path.parent().unwrap_or(Path::new("/")).join(import);
        if !import.to_string_lossy().contains('*') {
            found.push(import);
            continue;
        }
        // The pattern is the node's, and what is before it is not a pattern.
        let root = glob::Pattern::escape(&files.here(Path::new("/")).to_string_lossy());
        let pattern = format!("{root}{}", import.to_string_lossy().trim_start_matches('/'));
        let matches = glob::glob(&pattern).map_err(|error| format!("imports {}: {error}", import.display()))?;
        found.extend(matches.filter_map(Result::ok).map(|path| files.there(&path)));
    }
    Ok(found)
}

/// Later files win, but for what they leave empty.
fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(into)), Value::Table(from)) => merge(into, from),
            (Some(Value::String(_)), Value::String(empty)) if empty.is_empty() => {}
            (_, value) => drop(into.insert(key, value)),
        }
    }
}
