//! The programs and files that the tests need. If one is missing, the test fails and says how to get it.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// `etcd`, `kube-apiserver` or `kubectl`, from `KUBEBUILDER_ASSETS` as for envtest.
pub(crate) fn kubernetes(name: &str) -> PathBuf {
    let folder = std::env::var_os("KUBEBUILDER_ASSETS")
        .expect("KUBEBUILDER_ASSETS: not set; `make e2e` builds the programs and sets it");
    present(Path::new(&folder).join(name), "KUBEBUILDER_ASSETS must hold etcd, kube-apiserver and kubectl")
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

/// A file of Shipwright or Kubewarden, in the folder that `UPSTREAM` names.
#[must_use]
pub fn upstream(path: &str) -> PathBuf {
    let folder = std::env::var_os("UPSTREAM").expect(
        "UPSTREAM: not set; it must name a folder with kubewarden/crds and shipwright/crds as those projects publish them",
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
