//! containerd's configuration: its file, and those that it imports, as containerd merges them.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::version::Version;
use crate::file_system::NodeFiles;

/// How many files are read. A node has one or two.
const MOST: usize = 32;

/// A configuration that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub(super) struct ConfigError {
    path: PathBuf,
    reason: String,
}

/// The files of a configuration, in the order in which containerd merges them.
#[derive(Debug, Default)]
pub(super) struct ConfigFiles(Vec<ConfigFile>);

#[derive(Debug)]
struct ConfigFile {
    path: PathBuf,
    version: i64,
    plugins: Table,
}

/// A file whose `version` is newer than a containerd reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TooNew {
    pub(super) path: PathBuf,
    pub(super) version: i64,
}

impl ConfigFiles {
    /// Reads the configuration at that path, and what it imports. Without a file, containerd has its defaults.
    ///
    /// # Errors
    /// A [`ConfigError`] for the first file that cannot be read. The node may have it where this program does not see it.
    pub(super) fn read(files: &NodeFiles, path: &Path) -> Result<Self, ConfigError> {
        let mut found = Vec::new();
        let (mut pending, mut seen) = (VecDeque::from([path.to_owned()]), BTreeSet::new());
        while let Some(path) = pending.pop_front() {
            if !seen.insert(path.clone()) {
                continue;
            }
            let failed = |reason: String| ConfigError { path: path.clone(), reason };
            if seen.len() > MOST {
                return Err(failed(format!("it is the {}th file that is imported", MOST + 1)));
            }
            let Some(text) = files.read(&path).map_err(|error| failed(error.to_string()))? else {
                if seen.len() > 1 || files.is_link(&path) {
                    return Err(failed("it is not there, as far as the agent sees".to_owned()));
                }
                continue;
            };
            let mut table: Table = text.parse().map_err(|error: toml::de::Error| failed(error.message().to_owned()))?;
            pending.extend(imports(&table, files, &path).map_err(&failed)?);
            let version = table.get("version").and_then(Value::as_integer).unwrap_or(1);
            let plugins = match table.remove("plugins") {
                Some(Value::Table(plugins)) => plugins,
                _ => Table::new(),
            };
            found.push(ConfigFile { path, version, plugins });
        }
        Ok(Self(found))
    }

    /// The settings of image pulls, as a release of containerd understands them.
    ///
    /// # Errors
    /// The first file that is [`TooNew`] for it: it does not start with that.
    pub(super) fn settings(&self, release: Version) -> Result<ImageSettings, TooNew> {
        let mut settings = Table::new();
        for file in &self.0 {
            if file.version > release.newest_config() {
                return Err(TooNew { path: file.path.clone(), version: file.version });
            }
            merge(&mut settings, image_settings(file.plugins.clone(), file.version, release));
        }
        Ok(ImageSettings(settings))
    }
}

/// The settings of image pulls.
#[derive(Debug)]
pub(super) struct ImageSettings(Table);

impl ImageSettings {
    /// The value at a path of keys.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(*first)?, |value, key| value.get(*key))
    }
}

/// The settings of image pulls in the tables of the plugins. They were a part of the CRI plugin's before containerd 2, which
/// moves them from there in files of a version before the newest that it reads, and in no others.
fn image_settings(mut plugins: Table, version: i64, release: Version) -> Table {
    const MOVED: [&str; 3] = ["registry", "max_concurrent_downloads", "image_pull_with_sync_fs"];
    const MOVED_FROM_CONTAINERD: [&str; 2] = ["discard_unpacked_layers", "disable_snapshot_annotations"];
    let table = |value: Option<Value>| match value {
        Some(Value::Table(table)) => table,
        _ => Table::new(),
    };
    let images = table(plugins.remove("io.containerd.cri.v1.images"));
    let mut settings = if release.has_images_plugin() { images } else { Table::new() };
    if release.has_images_plugin() && version >= release.newest_config() {
        return settings;
    }
    let mut old = table(plugins.remove(if version < 2 { "cri" } else { "io.containerd.grpc.v1.cri" }));
    let mut containerd = table(old.remove("containerd"));
    let moved = MOVED.into_iter().filter_map(|key| Some((key, old.remove(key)?)));
    let from_containerd = MOVED_FROM_CONTAINERD.into_iter().filter_map(|key| Some((key, containerd.remove(key)?)));
    settings.extend(moved.chain(from_containerd).map(|(key, value)| (key.to_owned(), value)));
    if let Some(Value::Table(registry)) = settings.get_mut("registry")
        && registry.get("config_path").and_then(Value::as_str) == Some("")
    {
        registry.remove("config_path");
    }
    settings
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
        let root = glob::Pattern::escape(&files.mounted(Path::new("/")).to_string_lossy());
        // To containerd, `**` is no more than `*`.
        let import_pattern = import.to_string_lossy().replace("**", "*");
        let pattern = format!("{root}{}", import_pattern.trim_start_matches('/'));
        let matches = glob::glob(&pattern).map_err(|error| format!("imports {}: {error}", import.display()))?;
        found.extend(matches.filter_map(Result::ok).map(|path| files.on_node(&path)));
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
