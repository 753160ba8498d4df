//! The programs and files that the tests need. If one is missing, the test fails and says how to get it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A program of Kubernetes, or `etcd`, from `KUBEBUILDER_ASSETS` as for envtest.
pub(crate) fn kubernetes(name: &str) -> PathBuf {
    let folder = std::env::var_os("KUBEBUILDER_ASSETS")
        .expect("KUBEBUILDER_ASSETS: not set; `make e2e` builds the programs and sets it");
    present(
        Path::new(&folder).join(name),
        "KUBEBUILDER_ASSETS must hold it, as `make e2e` and `make e2e-node` build it",
    )
}

/// The controllers of Kubernetes, which are no part of envtest. `CONTROLLER_MANAGER` names the program.
pub(crate) fn controller_manager() -> PathBuf {
    let path = std::env::var_os("CONTROLLER_MANAGER")
        .expect("CONTROLLER_MANAGER: not set; `make e2e` and `make e2e-node` build it and set it");
    present(PathBuf::from(path), "`make e2e` builds it")
}

/// A program of the tests' node, in the folder that `NODE_PROGRAMS` names.
pub(crate) fn node(name: &str) -> PathBuf {
    let folder = std::env::var_os("NODE_PROGRAMS")
        .expect("NODE_PROGRAMS: not set; `make e2e-node` builds the programs and sets it");
    present(Path::new(&folder).join(name), "`make e2e-node` builds it")
}

/// The folders `NAME-VERSION` in the folder that `PROGRAMS` names, oldest version first, each with its version.
pub(crate) fn releases(name: &str) -> Vec<(String, PathBuf)> {
    let Some(folder) = std::env::var_os("PROGRAMS") else { return vec![] };
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let folders = entries.map(|entry| entry.unwrap().path());
    let release = |folder: PathBuf| {
        let version = folder.file_name()?.to_str()?.strip_prefix(name)?.strip_prefix('-')?.to_owned();
        Some((version, folder))
    };
    let mut releases: Vec<_> = folders.filter_map(release).collect();
    releases.sort_by_cached_key(|(version, _)| order(version));
    releases
}

/// A version's numbers. A release comes after its betas.
fn order(version: &str) -> (Vec<u32>, bool, String) {
    let (numbers, beta) = version.split_once('-').unwrap_or((version, ""));
    let numbers = numbers.trim_start_matches('v').split('.').map(|number| number.parse().unwrap_or_default());
    (numbers.collect(), beta.is_empty(), beta.to_owned())
}

/// A program for the tests of promotions, in the folder that `PROMOTE_PROGRAMS` names.
pub(crate) fn promotion(name: &str) -> PathBuf {
    let folder = std::env::var_os("PROMOTE_PROGRAMS")
        .expect("PROMOTE_PROGRAMS: not set; `make e2e-promote` builds the programs and sets it");
    present(Path::new(&folder).join(name), "`make e2e-promote` builds it")
}

/// Debian's `docker-registry`, which is distribution 2.8, if it is in `PATH`.
pub(crate) fn docker_registry() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("docker-registry")).find(|path| path.is_file())
}

/// Helm of this release, `3` or `4`, in the folder that `HELM_PROGRAMS` names.
#[must_use]
pub fn helm(release: &str) -> Command {
    let folder = std::env::var_os("HELM_PROGRAMS")
        .expect("HELM_PROGRAMS: not set; `make e2e` and `make e2e-node` build Helm and set it");
    Command::new(present(Path::new(&folder).join(release).join("helm"), "`make e2e` and `make e2e-node` build it"))
}

/// The sync job without shared libraries, as its image has it. `STATIC_SYNC` names it.
pub(crate) fn static_sync() -> PathBuf {
    let path = std::env::var_os("STATIC_SYNC").expect("STATIC_SYNC: not set; `make e2e-node` builds it and sets it");
    present(PathBuf::from(path), "`make sync-static` builds it")
}

/// `local-registry-sync`: the static one where `make e2e-node` or `make soak` names it, or else the one that `make e2e` builds.
#[must_use]
pub fn sync() -> PathBuf {
    if std::env::var_os("STATIC_SYNC").is_some() { static_sync() } else { ours("local-registry-sync") }
}

/// A program that a package of the system has installed.
pub(crate) fn installed(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name}: not there; install it with your system's packages"))
}

/// A program of this workspace, from the folder in which Cargo builds the tests.
pub(crate) fn ours(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let folder = test.ancestors().nth(2).expect("tests are in target/PROFILE/deps");
    present(folder.join(name), "`make e2e` builds it")
}

/// Kubewarden's policy server, if `POLICY_SERVER` names it.
pub(crate) fn policy_server() -> Option<PathBuf> {
    std::env::var_os("POLICY_SERVER").map(|path| present(PathBuf::from(path), "POLICY_SERVER names it"))
}

/// A file of Shipwright, Kubewarden or Knative, in the folder that `UPSTREAM` names.
#[must_use]
pub fn upstream(path: &str) -> PathBuf {
    let folder = std::env::var_os("UPSTREAM").expect(
        "UPSTREAM: not set; it must name a folder with kubewarden/crds, shipwright/crds and knative/crds as those projects publish them",
    );
    present(Path::new(&folder).join(path), "UPSTREAM must hold it")
}

/// The value of a YAML file.
pub(crate) fn yaml(path: &Path) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn present(path: PathBuf, remedy: &str) -> PathBuf {
    assert!(path.exists(), "{}: not there; {remedy}", path.display());
    path
}
