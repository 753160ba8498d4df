//! Whether containerd reads the directory that the agent writes to: its setting `config_path`.
//!
//! containerd 2.1 and later pull by the transfer service, and it takes the whole setting for one directory. Pulls are
//! "local" in earlier versions, and later where a setting wants what the transfer service cannot do; local pulls take the
//! setting for a list, as `$PATH` is one.

use std::path::{Component, Path, PathBuf};

use toml::Value;

use super::config_file::ImageConfig;
use crate::file_system::NodeFiles;
use crate::paths::Paths;
use crate::runtime_config::{RuntimeConfig, RuntimeReads};

/// Reads containerd's configuration, and says whether it makes containerd read the directory.
pub(crate) fn read_config(files: &NodeFiles, paths: &Paths) -> RuntimeConfig {
    match ImageConfig::read(files, &paths.containerd_config) {
        Ok(config) => explain(&config, paths),
        Err(error) => RuntimeConfig::new(
            RuntimeReads::Unknown,
            format!("it is not known whether containerd reads {}: {error}", paths.certs.display()),
        ),
    }
}

fn explain(config: &ImageConfig, paths: &Paths) -> RuntimeConfig {
    let (certs, file) = (paths.certs.display(), paths.containerd_config.display());
    let setting = config.get(&["registry", "config_path"]).and_then(Value::as_str).unwrap_or_default();
    let set = format!(
        "set config_path = \"{certs}\" under [plugins.\"io.containerd.cri.v1.images\".registry] in {file} (before containerd 2: [plugins.\"io.containerd.grpc.v1.cri\".registry]), and restart containerd"
    );
    let folders: Vec<&str> = setting.split(':').filter(|folder| !folder.is_empty()).collect();
    let is_named = folders.iter().any(|folder| normal(Path::new(folder)) == normal(&paths.certs));
    let local = pulls_are_local(config);
    match (folders.as_slice(), is_named, local) {
        ([], _, _) if is_filled(config, "mirrors") => {
            let seen = format!("containerd ignores {certs}: {file} sets registry.mirrors in place of config_path");
            RuntimeConfig::new(RuntimeReads::No, seen).remedy(format!("remove the mirrors, and {set}"))
        }
        ([], _, Some(reason)) => {
            let seen = format!(
                "config_path is not set in {file}: containerd 2.2 and later read {certs} because of {reason}, earlier ones ignore it"
            );
            RuntimeConfig::new(RuntimeReads::Unknown, seen).remedy(set)
        }
        ([], _, None) => {
            let seen = format!("containerd ignores {certs}: config_path is not set in {file}");
            RuntimeConfig::new(RuntimeReads::No, seen).remedy(set)
        }
        ([_], true, _) if !setting.contains(':') => {
            RuntimeConfig::new(RuntimeReads::Yes, format!("containerd reads {certs}: config_path in {file}"))
        }
        (_, true, Some(reason)) => {
            let seen = format!(
                "containerd reads {certs}: it is in the list config_path in {file}, which {reason} lets containerd split"
            );
            RuntimeConfig::new(RuntimeReads::Yes, seen)
        }
        (_, true, None) => {
            let seen = format!(
                "containerd 2.1 and later ignore {certs}: config_path in {file} is the list {setting}, which they take for one directory"
            );
            RuntimeConfig::new(RuntimeReads::No, seen).remedy(set)
        }
        (_, false, _) => {
            let seen = format!("containerd ignores {certs}: config_path in {file} is {setting}");
            RuntimeConfig::new(RuntimeReads::No, seen)
                .remedy("mount that directory, and name it by --certs-dir".to_owned())
        }
    }
}

/// The setting that lets containerd 2 pull without the transfer service, if there is one.
fn pulls_are_local(config: &ImageConfig) -> Option<&'static str> {
    let is_true = |path: &[&str]| config.get(path).and_then(Value::as_bool) == Some(true);
    let downloads = config.get(&["max_concurrent_downloads"]).and_then(Value::as_integer);
    [
        ("use_local_image_pull", is_true(&["use_local_image_pull"])),
        ("discard_unpacked_layers", is_true(&["discard_unpacked_layers"])),
        (
            "disable_snapshot_annotations = false",
            config.get(&["disable_snapshot_annotations"]).and_then(Value::as_bool) == Some(false),
        ),
        ("image_pull_with_sync_fs", is_true(&["image_pull_with_sync_fs"])),
        ("max_concurrent_downloads", downloads.is_some_and(|downloads| downloads != 3)),
        ("registry.configs", is_filled(config, "configs")),
        ("registry.auths", is_filled(config, "auths")),
    ]
    .into_iter()
    .find_map(|(name, holds)| holds.then_some(name))
}

/// Whether a table of the registry's settings has entries.
fn is_filled(config: &ImageConfig, table: &str) -> bool {
    config.get(&["registry", table]).and_then(Value::as_table).is_some_and(|table| !table.is_empty())
}

/// The path without `.`, `..` and a `/` at its end.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(normal.pop()),
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const V3: &str = "version = 3\n[plugins.\"io.containerd.cri.v1.images\"]\n";

    /// What the agent reads on a node with these files.
    fn read(files: &[(&str, &str)]) -> RuntimeConfig {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        read_config(&NodeFiles::new(root.path()), &Paths::default())
    }

    #[track_caller]
    fn check(config: &str, reads: RuntimeReads) -> String {
        let found = read(&[("/etc/containerd/config.toml", config)]);
        assert_eq!(found.reads, reads, "{found}");
        found.to_string()
    }

    #[test]
    fn a_single_directory_is_read() {
        let seen = check(&format!("{V3}registry.config_path = '/etc/containerd/certs.d'"), RuntimeReads::Yes);
        assert_eq!(seen, "containerd reads /etc/containerd/certs.d: config_path in /etc/containerd/config.toml");
        check(
            "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = '/etc/containerd/certs.d/'",
            RuntimeReads::Yes,
        );
        check("version = 2\n[plugins.cri.registry]\nconfig_path = '/etc/containerd/certs.d'", RuntimeReads::No);
        check("[plugins.cri.registry]\nconfig_path = '/etc/containerd/../containerd/./certs.d'", RuntimeReads::Yes);
    }

    #[test]
    fn without_the_setting_nothing_is_read() {
        let seen = check("", RuntimeReads::No);
        assert!(seen.starts_with("containerd ignores /etc/containerd/certs.d: config_path is not set in /etc/containerd/config.toml; set config_path = \"/etc/containerd/certs.d\" under "), "{seen}");
        assert_eq!(read(&[]).reads, RuntimeReads::No);
        check(&format!("{V3}registry.config_path = ''"), RuntimeReads::No);
        let seen = check(
            "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry.mirrors.'docker.io']\nendpoint = []",
            RuntimeReads::No,
        );
        assert!(seen.contains("registry.mirrors"), "{seen}");
    }

    #[test]
    fn local_pulls_read_the_default_of_containerd_2_2() {
        for setting in [
            "use_local_image_pull = true",
            "discard_unpacked_layers = true",
            "max_concurrent_downloads = 5",
            "registry.configs.a = {}",
        ] {
            check(&format!("{V3}{setting}"), RuntimeReads::Unknown);
        }
        check(
            "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.containerd]\ndiscard_unpacked_layers = true",
            RuntimeReads::Unknown,
        );
        check(&format!("{V3}max_concurrent_downloads = 3"), RuntimeReads::No);
    }

    #[test]
    fn a_list_is_read_by_local_pulls_only() {
        let list = "registry.config_path = '/etc/containerd/certs.d:/etc/docker/certs.d'";
        let seen = check(&format!("{V3}{list}"), RuntimeReads::No);
        assert!(seen.contains("is the list /etc/containerd/certs.d:/etc/docker/certs.d, which"), "{seen}");
        check(&format!("{V3}registry.config_path = '/etc/containerd/certs.d:'"), RuntimeReads::No);
        check(&format!("{V3}{list}\ndisable_snapshot_annotations = false"), RuntimeReads::Yes);
        check(&format!("{V3}{list}\nmax_concurrent_downloads = 0"), RuntimeReads::Yes);
        check(&format!("{V3}{list}\ndiscard_unpacked_layers = true"), RuntimeReads::Yes);
        check(&format!("{V3}registry.config_path = '/a:/b'\ndiscard_unpacked_layers = true"), RuntimeReads::No);
    }

    #[test]
    fn another_directory_is_named() {
        let seen = check(&format!("{V3}registry.config_path = '/etc/other'"), RuntimeReads::No);
        assert_eq!(
            seen,
            "containerd ignores /etc/containerd/certs.d: config_path in /etc/containerd/config.toml is /etc/other; mount that directory, and name it by --certs-dir"
        );
    }

    #[test]
    fn imports_count() {
        let setting = format!("{V3}registry.config_path = '/etc/containerd/certs.d'");
        let main = |import: &str| format!("version = 3\nimports = ['{import}']");
        for import in ["/etc/containerd/conf.d/*.toml", "conf.d/a.toml", "conf.d/*.toml"] {
            let files = [("/etc/containerd/config.toml", &*main(import)), ("/etc/containerd/conf.d/a.toml", &*setting)];
            assert_eq!(read(&files).reads, RuntimeReads::Yes, "{import}");
        }
        let files = [("/etc/containerd/config.toml", &*main("config.toml"))];
        assert_eq!(read(&files).reads, RuntimeReads::No, "a file that imports itself");
        let other =
            format!("imports = ['a.toml']\n{V3}registry.config_path = '/etc/other'").replace("version = 3\n", "");
        let files = [("/etc/containerd/config.toml", &*other), ("/etc/containerd/a.toml", &*setting)];
        assert_eq!(read(&files).reads, RuntimeReads::Yes, "an import wins");
        let old =
            "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = '/etc/containerd/certs.d'";
        let newer = format!("imports = ['a.toml']\n{V3}registry.config_path = '/etc/other'");
        let files = [("/etc/containerd/config.toml", &*newer), ("/etc/containerd/a.toml", old)];
        assert_eq!(read(&files).reads, RuntimeReads::Yes, "an import of an older version wins, too");
        let files = [("/etc/containerd/config.toml", &*main("/opt/site.toml"))];
        assert_eq!(read(&files).reads, RuntimeReads::Unknown, "an import that the agent does not see");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_known() {
        let seen = check("version = ", RuntimeReads::Unknown);
        assert!(
            seen.starts_with(
                "it is not known whether containerd reads /etc/containerd/certs.d: /etc/containerd/config.toml: "
            ),
            "{seen}"
        );
        let found = read(&[("/etc/containerd/config.toml/x", "")]);
        assert!(found.to_string().ends_with("it is not a plain file"), "{found}");
        let long = read(&[("/etc/containerd/config.toml", &"#".repeat(131_073))]);
        assert!(long.to_string().ends_with("it is longer than 128 KiB"), "{long}");
    }
}
