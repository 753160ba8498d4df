//! The chart of a release: the folder that Helm packages, and the manifests that it renders with the values of each file in
//! `charts/presets`, for those who apply files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::files;
use crate::images::Digests;
use crate::programs;

/// The chart.
const CHART: &str = "charts/local-registry";
/// The copy that a release has.
const COPY: &str = "target/chart/local-registry";
const VALUES: &str = "values.yaml";
/// The files of values.
const PRESETS: &str = "charts/presets";
/// The release, and its namespace.
const RELEASE: &str = "local-registry";

/// The names of all presets, in order.
pub(crate) fn names(root: &Path) -> Result<Vec<String>, Error> {
    let failed = |cause| Error::File { path: PathBuf::from(PRESETS), cause };
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join(PRESETS)).map_err(failed)? {
        let path = PathBuf::from(entry.map_err(failed)?.file_name());
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Copies the chart, with the image of this project named by its digest, and returns the copy's folder.
pub(crate) fn pin(root: &Path, digests: &Digests) -> Result<PathBuf, Error> {
    let copy = PathBuf::from(COPY);
    files::remove(root, &copy)?;
    files::copy(root, Path::new(CHART), &copy)?;
    let path = Path::new(CHART).join(VALUES);
    let values = files::text(root, &path)?;
    // The values are not written anew, since their comments are for those who read the chart.
    let pinned = pinned(&values, digests).ok_or_else(|| {
        files::content(path, "`image` has no line `  digest: \"\"`, for the digest of a release to stand in; add it")
    })?;
    files::write(root, copy.join(VALUES), pinned)?;
    Ok(copy)
}

/// The values with a digest in place of the empty one in `image`, which comes before every other.
fn pinned(values: &str, digests: &Digests) -> Option<String> {
    let (before, image) = values.split_once("\nimage:\n")?;
    let (inside, after) = image.split_once("  digest: \"\"\n")?;
    let is_inside = inside.lines().all(|line| line.starts_with("  "));
    is_inside.then(|| format!("{before}\nimage:\n{inside}  digest: {}\n{after}", digests.sync))
}

/// The manifests of a preset, by the chart in this folder.
pub(crate) fn render(root: &Path, helm: &Path, chart: &Path, name: &str) -> Result<String, Error> {
    let mut command = Command::new(helm);
    command.args(["template", RELEASE]).arg(chart).args(["--namespace", RELEASE, "--values"]);
    command.arg(Path::new(PRESETS).join(name).with_extension("yaml"));
    programs::rendered(root, &mut command, "HELM", format!("{PRESETS}/{name}.yaml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_found() {
        let root = tempfile::tempdir().unwrap();
        for name in ["nodes", "a-registry"] {
            files::write(root.path(), Path::new(PRESETS).join(name).with_extension("yaml"), "").unwrap();
        }
        assert_eq!(names(root.path()).unwrap(), ["a-registry", "nodes"]);
    }

    #[test]
    fn the_digest_stands_in_the_values_and_nothing_else_changes() {
        let digest = |of: char| format!("sha256:{}", of.to_string().repeat(64)).parse().unwrap();
        let digests = Digests { module: digest('a'), sync: digest('b'), promote: digest('c') };
        let values = "# Values.\n\nimage:\n  # -- Its digest.\n  digest: \"\"\nregistry:\n  image:\n    digest: \"\"\n";
        let expected = values.replacen("\"\"", &format!("sha256:{}", "b".repeat(64)), 1);
        assert_eq!(pinned(values, &digests), Some(expected));
        assert_eq!(pinned("\nimage:\n  tag: v1\nregistry:\n  digest: \"\"\n", &digests), None);
        assert!(
            pinned(
                &files::text(Path::new(env!("CARGO_MANIFEST_DIR")), "../../charts/local-registry/values.yaml").unwrap(),
                &digests
            )
            .is_some()
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_reported() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(
            render(root.path(), Path::new("no-helm"), Path::new(CHART), "nodes").unwrap_err().to_string(),
            "make manifests: HELM: `no-helm` cannot be started: No such file or directory (os error 2); install it, or name \
             it in HELM"
        );
    }
}
