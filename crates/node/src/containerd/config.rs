//! Whether containerd reads the directory that the agent writes to: its setting `config_path`.

use std::path::{Component, Path, PathBuf};

use toml::Value;

use super::config_file::{ConfigFiles, ImageSettings, RefusedConfig};
use super::version::Version;
use crate::file_system::NodeFiles;
use crate::paths::Paths;
use crate::runtime_config::{RuntimeConfig, RuntimeReads};

/// What `config_path` is in containerd 2.2 and later where nothing is set.
const DEFAULT_PATH: &str = "/etc/containerd/certs.d:/etc/docker/certs.d";

/// Reads containerd's configuration, and says whether it makes containerd read the directory.
///
/// `release`: which containerd it is, or why that is not known. Then, what all of them do counts.
pub(crate) fn read_config(files: &NodeFiles, paths: &Paths, release: Result<Version, &str>) -> RuntimeConfig {
    let config = match ConfigFiles::read(files, &paths.containerd_config) {
        Ok(config) => config,
        Err(error) => {
            let seen = format!("it is not known whether containerd reads {}: {error}", paths.certs.display());
            return RuntimeConfig::new(RuntimeReads::Unknown, seen);
        }
    };
    let explained = |release| match config.settings(release) {
        Ok(settings) => Ok(explain(&settings, release, paths)),
        Err(refused) => Err(explain_refused(&refused, release, paths)),
    };
    let either = |explained: Result<RuntimeConfig, RuntimeConfig>| explained.unwrap_or_else(|refused| refused);
    match release {
        Ok(release) => either(explained(release)),
        Err(reason) => {
            // A containerd that does not start with the configuration is not the one that runs.
            let possible = Version::ALL.into_iter().filter_map(|release| Some((release, explained(release).ok()?)));
            let answers: Vec<(Version, RuntimeConfig)> = possible.collect();
            match answers.split_last() {
                None => either(explained(Version::NEWEST)),
                Some(((_, last), others)) if others.iter().all(|(_, other)| other.reads == last.reads) => last.clone(),
                Some(_) => disagreement(&answers, reason, paths),
            }
        }
    }
}

/// What is known while the release is not, and the releases differ.
fn disagreement(answers: &[(Version, RuntimeConfig)], reason: &str, paths: &Paths) -> RuntimeConfig {
    let those = |reads| {
        let those = answers.iter().filter(|(_, answer)| answer.reads == reads);
        those.map(|(release, _)| release.to_string()).collect::<Vec<_>>().join(", ")
    };
    let seen = format!(
        "whether containerd reads {} with this {} depends on its version, which is not known ({reason}): {} and those like it do, {} do not",
        paths.certs.display(),
        paths.containerd_config.display(),
        those(RuntimeReads::Yes),
        those(RuntimeReads::No),
    );
    let remedy = answers.iter().find_map(|(_, answer)| answer.remedy.clone());
    RuntimeConfig { remedy, ..RuntimeConfig::new(RuntimeReads::Unknown, seen) }
}

fn explain_refused(refused: &RefusedConfig, release: Version, paths: &Paths) -> RuntimeConfig {
    let certs = paths.certs.display();
    let seen = format!("containerd ignores {certs}: it is {release}, and does not start with {refused}");
    RuntimeConfig::new(RuntimeReads::No, seen).remedy("write its files in one version that it reads".to_owned())
}

fn explain(config: &ImageSettings, release: Version, paths: &Paths) -> RuntimeConfig {
    let (certs, file) = (paths.certs.display(), paths.containerd_config.display());
    // Every containerd 2 reads this form.
    let (plugin, version) =
        if release.has_images_plugin() { ("io.containerd.cri.v1.images", 3) } else { ("io.containerd.grpc.v1.cri", 2) };
    let set = format!(
        "set config_path = \"{certs}\" under [plugins.\"{plugin}\".registry] in {file}, in a file of `version = {version}`, and restart containerd"
    );
    let path = config.get(&["registry", "config_path"]).and_then(Value::as_str);
    let written = path.unwrap_or_default();
    if written.is_empty() && is_filled(config, "mirrors") {
        let seen = format!("containerd ignores {certs}: {file} sets registry.mirrors in place of config_path");
        return RuntimeConfig::new(RuntimeReads::No, seen).remedy(format!("remove the mirrors, and {set}"));
    }
    let (setting, is) = match written {
        "" if release.has_default_path() && (path.is_none() || release.fills_empty_path()) => {
            (DEFAULT_PATH, "is not set, so it is the default,")
        }
        written => (written, "is"),
    };
    let no = |seen: String| RuntimeConfig::new(RuntimeReads::No, format!("containerd ignores {certs}: {seen}"));
    let yes = |seen: String| RuntimeConfig::new(RuntimeReads::Yes, format!("containerd reads {certs}: {seen}"));
    let folders: Vec<&str> = setting.split(':').filter(|folder| !folder.is_empty()).collect();
    if folders.is_empty() {
        return no(format!("config_path is not set in {file} as containerd {release} reads it")).remedy(set);
    }
    if !folders.iter().any(|folder| normal(Path::new(folder)) == normal(&paths.certs)) {
        let remedy = "mount that directory, and name it by --certs-dir".to_owned();
        return no(format!("config_path in {file} {is} {setting}")).remedy(remedy);
    }
    if !setting.contains(':') {
        return yes(format!("config_path in {file}"));
    }
    match pulls_are_local(config, release) {
        Some(reason) => yes(format!("it is in the list config_path in {file}, which {reason} lets containerd split")),
        None => no(format!(
            "config_path in {file} {is} the list {setting}, which containerd {release} takes for one directory"
        ))
        .remedy(set),
    }
}

/// What lets containerd pull without the transfer service, if it does.
fn pulls_are_local(config: &ImageSettings, release: Version) -> Option<&'static str> {
    if !release.has_transfer_pulls() {
        return Some("this version");
    }
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
fn is_filled(config: &ImageSettings, table: &str) -> bool {
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

    const V2: &str = "version = 2\n[plugins.'io.containerd.grpc.v1.cri']\n";
    const V3: &str = "version = 3\n[plugins.'io.containerd.cri.v1.images']\n";
    const UNKNOWN: Result<Version, &str> = Err("nodes is forbidden");

    /// What the agent reads on a node with these files.
    fn read(files: &[(&str, &str)], release: Result<Version, &str>) -> RuntimeConfig {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        read_config(&NodeFiles::new(root.path()), &Paths::default(), release)
    }

    fn release(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    /// What each of the releases 1.7, 2.0, 2.1, 2.2 and 2.4 does with these files: `y`es, `n`o, or `?`.
    fn verdicts(files: &[(&str, &str)]) -> String {
        let verdict = |release| match read(files, Ok(release)).reads {
            RuntimeReads::Yes => 'y',
            RuntimeReads::No => 'n',
            RuntimeReads::Unknown => '?',
        };
        Version::ALL.into_iter().map(verdict).collect()
    }

    #[test]
    fn each_release_reads_its_own_forms() {
        use RuntimeReads::{No, Unknown, Yes};
        let path = "registry.config_path = '/etc/containerd/certs.d'";
        let list = "registry.config_path = '/etc/containerd/certs.d:/etc/docker/certs.d'";
        // Each release stands for those like it: 1.6 for 1.7, 2.3 and later for 2.4.
        for (config, expected, while_unknown) in [
            // A single directory, in the plugin of each version.
            (format!("{V3}{path}"), "nyyyy", Yes),
            (format!("{V2}{path}"), "yyyyy", Yes),
            (format!("[plugins.cri]\n{path}"), "ynnny", Unknown),
            // A name that is not of the file's version: only what is moved is read.
            (format!("{V2}{path}").replace("version = 2", "version = 3"), "nnnny", Unknown),
            (format!("{V3}{path}").replace("version = 3", "version = 2"), "nyyyy", Unknown),
            (format!("{V2}{path}").replace("version = 2", "version = 4"), "nnnnn", No),
            (format!("{V3}{path}").replace("version = 3", "version = 4"), "nnnny", Yes),
            (format!("version = 2\n[plugins.cri]\n{path}"), "nnnnn", No),
            (format!("{V2}{path}").replace("version = 2", ""), "nnnny", Unknown),
            (format!("{V3}{path}").replace("version = 3", "version = 9"), "nnnnn", No),
            // Nothing is set, or nothing is in it.
            (String::new(), "nnnnn", No),
            (format!("{V3}registry.config_path = ''"), "nnnnn", No),
            (format!("{V2}registry.config_path = ''"), "nnnnn", No),
            (format!("{V3}registry.config_path = ''\nuse_local_image_pull = true"), "nnnny", Unknown),
            (format!("{V2}registry.config_path = ''\nmax_concurrent_downloads = 5"), "nnnyy", Unknown),
            (format!("{V2}registry.mirrors.'docker.io'.endpoint = []"), "nnnnn", No),
            // Local pulls read the default of 2.2 and later.
            (format!("{V3}use_local_image_pull = true"), "nnnyy", Unknown),
            (format!("{V3}discard_unpacked_layers = true"), "nnnyy", Unknown),
            (format!("{V3}max_concurrent_downloads = 5"), "nnnyy", Unknown),
            (format!("{V3}max_concurrent_downloads = 3"), "nnnnn", No),
            (format!("{V3}registry.configs.a = {{}}"), "nnnyy", Unknown),
            (
                format!("{V2}containerd.discard_unpacked_layers = true\ncontainerd.runtimes.runc = {{}}"),
                "nnnyy",
                Unknown,
            ),
            (format!("{V2}containerd.discard_unpacked_layers = true"), "nnnnn", No),
            // A list is read by local pulls, which are all before 2.1.
            (format!("{V3}{list}"), "nynnn", Unknown),
            (format!("{V2}{list}"), "yynnn", Unknown),
            (format!("{V3}registry.config_path = '/etc/containerd/certs.d:'"), "nynnn", Unknown),
            (format!("{V3}{list}\ndisable_snapshot_annotations = false"), "nyyyy", Yes),
            (format!("{V3}{list}\nmax_concurrent_downloads = 0"), "nyyyy", Yes),
            (format!("{V2}{list}\ncontainerd.discard_unpacked_layers = true"), "yynnn", Unknown),
            (
                format!("{V2}{list}\ncontainerd.discard_unpacked_layers = true\ncontainerd.runtimes.runc = {{}}"),
                "yyyyy",
                Yes,
            ),
            (format!("{V3}registry.config_path = '/a:/b'\ndiscard_unpacked_layers = true"), "nnnnn", No),
            // Another directory.
            (format!("{V3}registry.config_path = '/etc/other'"), "nnnnn", No),
            (format!("{V2}registry.config_path = '/etc/containerd/../containerd/./certs.d/'"), "yyyyy", Yes),
        ] {
            let files = [("/etc/containerd/config.toml", &*config)];
            assert_eq!(verdicts(&files), expected, "{config}");
            let unknown = read(&files, UNKNOWN);
            assert_eq!(unknown.reads, while_unknown, "{unknown}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_do() {
        let seen =
            |config: &str, text: &str| read(&[("/etc/containerd/config.toml", config)], Ok(release(text))).to_string();
        let set = "set config_path = \"/etc/containerd/certs.d\" under [plugins.\"io.containerd.cri.v1.images\".registry] in /etc/containerd/config.toml, in a file of `version = 3`, and restart containerd";
        assert_eq!(
            seen(&format!("{V3}registry.config_path = '/etc/containerd/certs.d'"), "2.1"),
            "containerd reads /etc/containerd/certs.d: config_path in /etc/containerd/config.toml"
        );
        let old = format!("{V2}registry.config_path = '/etc/containerd/certs.d'").replace("version = 2", "version = 3");
        assert_eq!(
            seen(&old, "2.1"),
            format!(
                "containerd ignores /etc/containerd/certs.d: config_path is not set in /etc/containerd/config.toml as containerd 2.1 reads it; {set}"
            )
        );
        assert_eq!(
            seen(&old, "1.7"),
            "containerd ignores /etc/containerd/certs.d: it is 1.7, and does not start with `version = 3` in /etc/containerd/config.toml, and 2 is the newest that it reads; write its files in one version that it reads"
        );
        let list = "/etc/containerd/certs.d:/etc/docker/certs.d";
        assert_eq!(
            seen("", "2.2"),
            format!(
                "containerd ignores /etc/containerd/certs.d: config_path in /etc/containerd/config.toml is not set, so it is the default, the list {list}, which containerd 2.2 takes for one directory; {set}"
            )
        );
        assert_eq!(
            seen(&format!("{V3}registry.config_path = '/etc/other'"), "2.4"),
            "containerd ignores /etc/containerd/certs.d: config_path in /etc/containerd/config.toml is /etc/other; mount that directory, and name it by --certs-dir"
        );
        let unknown =
            read(&[("/etc/containerd/config.toml", &format!("{V3}registry.config_path = '{list}'"))], UNKNOWN);
        assert_eq!(
            unknown.seen,
            "whether containerd reads /etc/containerd/certs.d with this /etc/containerd/config.toml depends on its version, which is not known (nodes is forbidden): 2.0 and those like it do, 2.1, 2.2, 2.4 do not"
        );
    }

    #[test]
    fn imports_count() {
        let read = |files: &[(&str, &str)]| read(files, Ok(release("2.1"))).reads;
        let setting = format!("{V3}registry.config_path = '/etc/containerd/certs.d'");
        let main = |import: &str| format!("version = 3\nimports = ['{import}']");
        for import in ["/etc/containerd/conf.d/*.toml", "conf.d/a.toml", "conf.d/*.toml"] {
            let files = [("/etc/containerd/config.toml", &*main(import)), ("/etc/containerd/conf.d/a.toml", &*setting)];
            assert_eq!(read(&files), RuntimeReads::Yes, "{import}");
        }
        let files = [("/etc/containerd/config.toml", &*main("config.toml"))];
        assert_eq!(read(&files), RuntimeReads::No, "a file that imports itself");
        let other =
            format!("imports = ['a.toml']\n{V3}registry.config_path = '/etc/other'").replace("version = 3\n", "");
        let files = [("/etc/containerd/config.toml", &*other), ("/etc/containerd/a.toml", &*setting)];
        assert_eq!(read(&files), RuntimeReads::Yes, "an import wins");
        let files = [("/etc/containerd/config.toml", &*main("/opt/site.toml"))];
        assert_eq!(read(&files), RuntimeReads::Unknown, "an import that the agent does not see");
    }

    /// What each release does with a main file and one that it imports: held against `containerd config dump` of 1.7.28,
    /// 2.1.4, 2.2.0 and 2.3.0.
    #[test]
    fn each_release_merges_files_in_its_own_way() {
        const RUNTIME: &str = "containerd.runtimes.nvidia = {}";
        const PATH: &str = "registry.config_path = '/etc/containerd/certs.d'";
        const OTHER: &str = "registry.config_path = '/etc/other'";
        let main = |file: String| format!("imports = ['a.toml']\n{file}");
        let runtime_v3 = "version = 3\n[plugins.'io.containerd.cri.v1.runtime'.containerd]\nruntimes.nvidia = {}";
        for (first, second, expected) in [
            // A plugin's table replaces that of an earlier file in containerd 1.
            (format!("{V2}{PATH}"), format!("{V2}{RUNTIME}"), "nyyyy"),
            (format!("{V2}{PATH}"), runtime_v3.to_owned(), "nnnnn"),
            (format!("{V3}{PATH}"), runtime_v3.to_owned(), "nyyyy"),
            (format!("{V3}{PATH}"), format!("{V2}{OTHER}"), "nnnnn"),
            (format!("{V2}{OTHER}"), format!("{V2}{PATH}"), "yyyyy"),
            (format!("{V3}{OTHER}"), format!("{V2}{PATH}"), "yyyyy"),
            // The last version decides what 2.0 to 2.2 move.
            (format!("{V2}{PATH}").replace("version = 2", "version = 3"), format!("{V2}{RUNTIME}"), "nyyyy"),
            (format!("{V2}{PATH}"), format!("{V3}{OTHER}").replace("version = 3", "version = 2"), "yyyyn"),
            // An empty path in a later file wins.
            (format!("{V3}{PATH}"), format!("{V3}registry.config_path = ''"), "nnnnn"),
            // 2.3 wants no file to be newer than the first.
            (format!("{V2}{PATH}"), format!("{V3}{OTHER}"), "nnnnn"),
        ] {
            let (first, second) = (main(first), second);
            let files = [("/etc/containerd/config.toml", &*first), ("/etc/containerd/a.toml", &*second)];
            assert_eq!(verdicts(&files), expected, "{first}\n--\n{second}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_known() {
        let found = read(&[("/etc/containerd/config.toml", "version = ")], Ok(release("2.1")));
        assert_eq!(found.reads, RuntimeReads::Unknown);
        let seen = found.to_string();
        assert!(
            seen.starts_with(
                "it is not known whether containerd reads /etc/containerd/certs.d: /etc/containerd/config.toml: "
            ),
            "{seen}"
        );
        let found = read(&[("/etc/containerd/config.toml/x", "")], Ok(release("2.1")));
        assert!(found.to_string().ends_with("it is not a plain file"), "{found}");
        let long = read(&[("/etc/containerd/config.toml", &"#".repeat(131_073))], Ok(release("2.1")));
        assert!(long.to_string().ends_with("it is longer than 128 KiB"), "{long}");
    }
}
