//! containerd's configuration: its file, and those that it imports, as containerd merges them.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::version::{Merging, Version};
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

/// Why a containerd does not start with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RefusedConfig {
    #[error("`version = {version}` in {}, and {newest} is the newest that it reads", path.display())]
    TooNew { path: PathBuf, version: i64, newest: i64 },
    #[error("`version = {version}` in {}, which is newer than the {root} of the file that imports it", path.display())]
    NewerThanRoot { path: PathBuf, version: i64, root: i64 },
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
            let version = table.get("version").and_then(Value::as_integer).unwrap_or(0);
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
    /// Why it does not start with them.
    pub(super) fn settings(&self, release: Version) -> Result<ImageSettings, RefusedConfig> {
        let mut plugins = match release.merging() {
            Merging::Replace => self.replaced()?,
            Merging::ThenMigrate => self.merged_then_migrated(release)?,
            Merging::AfterMigration => self.merged_after_migration(release)?,
        };
        Ok(ImageSettings(table(plugins.remove(IMAGES))))
    }

    /// As containerd 1 does: a plugin in a later file replaces that of an earlier one. The last version counts for all.
    fn replaced(&self) -> Result<Table, RefusedConfig> {
        let (mut plugins, mut last) = (Table::new(), None);
        for file in &self.0 {
            plugins.extend(file.plugins.clone());
            last = Some(file).filter(|file| file.version > 0).or(last);
        }
        let version = last.map_or(0, |file| file.version);
        check_version(last, 2)?;
        let cri = if version < 2 { SHORT_CRI } else { CRI };
        let mut moved = Table::from_iter([(CRI.to_owned(), Value::Table(table(plugins.remove(cri))))]);
        move_images(&mut moved, |_| true);
        Ok(moved)
    }

    /// As containerd 2.0 to 2.2 do: all files are merged, and then, if the last version is an old one, settings are moved once.
    fn merged_then_migrated(&self, release: Version) -> Result<Table, RefusedConfig> {
        let (mut plugins, mut last) = (Table::new(), None);
        for file in &self.0 {
            let mut own = file.plugins.clone();
            if file.version < 2 {
                // Such a file counts as one of the version so far.
                rename_cri(&mut own);
            } else {
                last = Some(file);
            }
            merge(&mut plugins, own);
        }
        check_version(last, release.newest_config())?;
        if last.is_some_and(|file| file.version < release.newest_config()) {
            move_images(&mut plugins, |containerd| containerd.contains_key("runtimes"));
            fill_empty_path(&mut plugins, release);
        }
        Ok(plugins)
    }

    /// As containerd 2.3 and later do: settings are moved in each file, and then all are merged.
    fn merged_after_migration(&self, release: Version) -> Result<Table, RefusedConfig> {
        let (mut plugins, mut root) = (Table::new(), 0);
        for file in &self.0 {
            check_version(Some(file), release.newest_config())?;
            if root == 0 {
                root = file.version;
            }
            if file.version > root {
                let (path, version) = (file.path.clone(), file.version);
                return Err(RefusedConfig::NewerThanRoot { path, version, root });
            }
            let mut own = file.plugins.clone();
            if file.version < release.newest_config() {
                // What has the long name is moved first.
                move_images(&mut own, |containerd| containerd.contains_key("runtimes"));
                if file.version < 2 {
                    rename_cri(&mut own);
                    move_images(&mut own, |containerd| containerd.contains_key("runtimes"));
                }
            }
            merge(&mut plugins, own);
        }
        Ok(plugins)
    }
}

/// The plugin of images, and that of which its settings were a part before containerd 2, by its name and by that of
/// version 1.
const IMAGES: &str = "io.containerd.cri.v1.images";
const CRI: &str = "io.containerd.grpc.v1.cri";
const SHORT_CRI: &str = "cri";

fn check_version(file: Option<&ConfigFile>, newest: i64) -> Result<(), RefusedConfig> {
    match file {
        Some(ConfigFile { path, version, .. }) if *version > newest => {
            Err(RefusedConfig::TooNew { path: path.clone(), version: *version, newest })
        }
        _ => Ok(()),
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

fn table(value: Option<Value>) -> Table {
    match value {
        Some(Value::Table(table)) => table,
        _ => Table::new(),
    }
}

/// Gives the plugin of version 1 its later name.
fn rename_cri(plugins: &mut Table) {
    if let Some(cri) = plugins.remove(SHORT_CRI) {
        plugins.insert(CRI.to_owned(), cri);
    }
}

/// Moves the settings of image pulls from the CRI plugin to that of images. Those that are in its table `containerd` are only
/// moved if that has what `moves_containerd` asks for.
fn move_images(plugins: &mut Table, moves_containerd: impl FnOnce(&Table) -> bool) {
    const MOVED: [&str; 3] = ["registry", "max_concurrent_downloads", "image_pull_with_sync_fs"];
    const MOVED_FROM_CONTAINERD: [&str; 2] = ["discard_unpacked_layers", "disable_snapshot_annotations"];
    let Some(Value::Table(cri)) = plugins.get(CRI) else { return };
    let containerd = table(cri.get("containerd").cloned());
    let from = |table: &Table, keys: &[&str]| -> Vec<(String, Value)> {
        keys.iter().filter_map(|key| Some(((*key).to_owned(), table.get(*key)?.clone()))).collect()
    };
    let mut moved = from(cri, &MOVED);
    if moves_containerd(&containerd) {
        moved.extend(from(&containerd, &MOVED_FROM_CONTAINERD));
    }
    let mut images = table(plugins.remove(IMAGES));
    images.extend(moved);
    plugins.insert(IMAGES.to_owned(), Value::Table(images));
}

/// An empty path that was moved is as good as none to containerd 2.2. Others see by themselves to what is empty.
fn fill_empty_path(plugins: &mut Table, release: Version) {
    let registry = plugins.get_mut(IMAGES).and_then(|images| images.get_mut("registry"));
    if let Some(Value::Table(registry)) = registry
        && release.has_default_path()
        && registry.get("config_path").and_then(Value::as_str) == Some("")
    {
        registry.remove("config_path");
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
        let root = glob::Pattern::escape(&files.mounted(Path::new("/")).to_string_lossy());
        // To containerd, `**` is no more than `*`.
        let import_pattern = import.to_string_lossy().replace("**", "*");
        let pattern = format!("{root}{}", import_pattern.trim_start_matches('/'));
        let matches = glob::glob(&pattern).map_err(|error| format!("imports {}: {error}", import.display()))?;
        found.extend(matches.filter_map(Result::ok).map(|path| files.on_node(&path)));
    }
    Ok(found)
}

/// Later files win.
fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(into)), Value::Table(from)) => merge(into, from),
            (_, value) => drop(into.insert(key, value)),
        }
    }
}
