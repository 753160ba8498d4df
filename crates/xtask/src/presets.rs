//! The chart of a release: the folder that Helm packages, and the manifests that it renders with the values of each file in
//! `charts/presets`, for those who apply files.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use local_registry_core::Digest;

use crate::error::Error;
use crate::files;
use crate::release::Digests;

/// The chart.
const CHART: &str = "charts/local-registry";
/// The copy that a release has.
const COPY: &str = "target/chart/local-registry";
const VALUES: &str = "values.yaml";
/// The files of values.
const PRESETS: &str = "charts/presets";
/// The release, and its namespace.
const RELEASE: &str = "local-registry";
/// The presets that have another namespace. Whoever deletes what is in the file of a policy must not delete the registry's namespace,
/// and the images with it. `your-namespace` stands for the user's own.
const NAMESPACES: [(&str, &str); 7] = [
    ("check-pull", "kubewarden"),
    ("policy", "kubewarden"),
    ("policy-monitoring", "kubewarden"),
    ("policy-namespaced", "your-namespace"),
    ("promote", "local-registry-promote"),
    ("workloads", "kubewarden"),
    ("workloads-labelled", "kubewarden"),
];

/// A file of values. It prints as its name and its namespace.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Preset {
    /// The file's name, without `.yaml`.
    pub(crate) name: String,
}

/// All presets, in order.
pub(crate) fn all(root: &Path) -> Result<Vec<Preset>, Error> {
    let failed = |cause| Error::File { path: PathBuf::from(PRESETS), cause };
    let mut presets = Vec::new();
    for entry in fs::read_dir(root.join(PRESETS)).map_err(failed)? {
        let path = PathBuf::from(entry.map_err(failed)?.file_name());
        presets.extend(path.file_stem().map(|name| Preset { name: name.to_string_lossy().into_owned() }));
    }
    presets.sort();
    Ok(presets)
}

impl Preset {
    /// Its file.
    pub(crate) fn path(&self) -> PathBuf {
        Path::new(PRESETS).join(format!("{}.yaml", self.name))
    }

    fn namespace(&self) -> &str {
        NAMESPACES.into_iter().find(|(name, _)| *name == self.name).map_or(RELEASE, |(_, namespace)| namespace)
    }

    /// What Helm renders with it, by the chart in this folder.
    pub(crate) fn render(&self, root: &Path, helm: &Path, chart: &Path) -> Result<String, Error> {
        let mut command = Command::new(helm);
        command.args(["template", RELEASE]).arg(chart).args(["--namespace", self.namespace(), "--values"]);
        let output = command.arg(self.path()).current_dir(root).output();
        let output = output.map_err(|cause| Error::NoProgram { program: helm.to_owned(), cause })?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            let preset = self.path().display().to_string();
            Err(Error::NotRendered { preset, reason: text(&output.stderr).trim_end().to_owned() })
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.namespace())
    }
}

/// Copies the chart, with the module and the images of this project named by their digests, and returns the copy's folder.
pub(crate) fn pin(root: &Path, digests: &Digests) -> Result<PathBuf, Error> {
    let copy = PathBuf::from(COPY);
    files::remove(root, &copy)?;
    files::copy(root, Path::new(CHART), &copy)?;
    let path = Path::new(CHART).join(VALUES);
    let pinned = pinned(&files::text(root, &path)?, digests).map_err(|problem| files::content(path, problem))?;
    files::write(root, copy.join(VALUES), pinned)?;
    Ok(copy)
}

/// The values with digests in place of the empty ones. The values are not written anew, since their comments are for those who read
/// the chart.
fn pinned(values: &str, digests: &Digests) -> Result<String, String> {
    let mut missing: BTreeMap<&str, &Digest> = BTreeMap::from([
        ("image.digest", &digests.sync),
        ("policy.module.digest", &digests.module),
        ("promote.image.digest", &digests.promote),
    ]);
    let mut pinned = String::new();
    let mut keys: Vec<&str> = Vec::new();
    for line in values.split_inclusive('\n') {
        let text = line.trim();
        let digest = text.split_once(':').filter(|_| !text.starts_with('#')).and_then(|(key, value)| {
            keys.truncate((line.len() - line.trim_start().len()) / 2);
            keys.push(key);
            if value.trim() == "\"\"" { missing.remove(keys.join(".").as_str()) } else { None }
        });
        match digest {
            Some(digest) => pinned += &line.replacen("\"\"", digest.as_ref(), 1),
            None => pinned += line,
        }
    }
    if missing.is_empty() {
        return Ok(pinned);
    }
    let missing: Vec<String> = missing.into_keys().map(|key| format!("`{key}`")).collect();
    Err(format!("{}: not there as `\"\"`, where the digest of a release is to stand; add it", missing.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(of: char) -> String {
        format!("sha256:{}", of.to_string().repeat(64))
    }

    fn digests() -> Digests {
        let [module, sync, promote] = ['a', 'b', 'c'].map(|of| digest(of).parse().unwrap());
        Digests { module, sync, promote }
    }

    fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn every_preset_is_found_with_its_namespace() {
        let root = tempfile::tempdir().unwrap();
        for name in ["promote", "a-registry"] {
            files::write(root.path(), Path::new(PRESETS).join(name).with_extension("yaml"), "").unwrap();
        }
        let presets: Vec<String> = all(root.path()).unwrap().iter().map(Preset::to_string).collect();
        assert_eq!(presets, ["a-registry local-registry", "promote local-registry-promote"]);
    }

    #[test]
    fn what_has_another_namespace_is_a_preset() {
        let presets = all(&repository()).unwrap();
        for (name, namespace) in NAMESPACES {
            assert!(presets.iter().any(|preset| preset.name == name && preset.namespace() == namespace), "{name}");
        }
    }

    const MADE_UP: &str = "\
# Values, such as image: digest: \"\"
image:
  # -- Its digest, such as `digest: \"\"`.
  digest: \"\"
registry:
  image:
    digest: \"\"
policy:
  server: {name: default}
  module:
    tag: \"\"
    digest: \"\"
promote:
  projects: [team]
  image:

    digest: \"\"
  digest: \"\"
";

    #[test]
    fn the_digests_stand_in_the_values_and_nothing_else_changes() {
        let lines = MADE_UP.lines().enumerate().map(|(index, line)| match index {
            3 => format!("  digest: {}\n", digest('b')),
            11 => format!("    digest: {}\n", digest('a')),
            16 => format!("    digest: {}\n", digest('c')),
            _ => format!("{line}\n"),
        });
        assert_eq!(pinned(MADE_UP, &digests()), Ok(lines.collect()));
    }

    #[test]
    fn a_digest_that_has_no_place_is_reported() {
        let values = MADE_UP.replace("  module:\n", "  modules:\n").replacen("\"\"\nregistry", "sha256:0\nregistry", 1);
        assert_eq!(
            pinned(&values, &digests()).unwrap_err(),
            "`image.digest`, `policy.module.digest`: not there as `\"\"`, where the digest of a release is to stand; add it"
        );
    }

    #[test]
    fn every_digest_has_a_place_in_the_chart() {
        let values = files::text(&repository(), Path::new(CHART).join(VALUES)).unwrap();
        assert_eq!(pinned(&values, &digests()).map(drop), Ok(()));
    }

    #[test]
    fn a_program_that_is_not_there_is_reported() {
        let root = tempfile::tempdir().unwrap();
        let preset = Preset { name: "nodes".to_owned() };
        assert_eq!(
            preset.render(root.path(), Path::new("no-helm"), Path::new(CHART)).unwrap_err().to_string(),
            "make manifests: HELM: `no-helm` cannot be started: No such file or directory (os error 2); install it, or name \
             it in HELM"
        );
    }
}
