//! Tekton, Shipwright, Knative and Kubewarden, as pods of the cluster: the real programs, with the manifests of their own
//! projects.
//!
//! The manifests of the first three name images by the Go packages that these are built from (`ko://…/cmd/controller`). Each becomes an image
//! around the program of that name.

mod knative;
mod kubewarden;
mod shipwright;
mod tekton;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Image, Node};
use crate::programs;

pub use kubewarden::Release;

/// How an image is named that is built from a Go package.
const PACKAGE: &str = "ko://";

/// The user of the base image around which the projects build theirs.
const USER: u32 = 65532;

impl Node {
    /// Applies manifests, and imports the images that they name by packages.
    fn apply_manifests(&self, project: &str, text: &str) {
        let words = text.split(|c: char| c.is_whitespace() || ['"', '\'', ','].contains(&c));
        let packages: BTreeSet<&str> = words.filter(|word| word.starts_with(PACKAGE)).collect();
        // Longer names first: one may begin with another.
        let mut text = text.to_owned();
        for package in packages.iter().rev() {
            let program = package.rsplit('/').next().expect("a package");
            let name = format!("node.example/{project}-{program}:v1");
            text = text.replace(package, &name);
            let path = programs::project(project).join(program);
            // Windows, sidecars and bundles have programs that nothing here runs.
            if path.exists() {
                self.containerd.import(&image(&name, program, &path));
            }
        }
        self.kubectl.run_with(&["apply", "--server-side", "--force-conflicts", "-f", "-"], &text).ok(&["apply"]);
    }

    fn roll_out(&self, deployment: &str, namespace: &str) {
        let deployment = format!("deployment/{deployment}");
        self.kubectl.ok(&["rollout", "status", &deployment, "--namespace", namespace, "--timeout=180s"]);
    }
}

/// The image around a program, where the projects' own images have it.
fn image(name: &str, program: &str, path: &Path) -> Image {
    let inside = format!("/ko-app/{program}");
    let image = Image::named(name).with_file(path, &inside).running(&[&inside]);
    if program != "git" {
        return image.as_user(USER);
    }
    // The step that clones asks for three programs before it begins, two of which it does not need here.
    let image = image.with_busybox().with_git();
    image.with_script("ssh", "echo no keys are needed >&2").with_script("git-lfs", "echo git-lfs/0")
}

/// A folder of a project's manifests, as `make e2e-node` takes it from one of its modules: `MODULE/FOLDER`.
fn manifests(project: &str, folder: &str) -> PathBuf {
    programs::project(project).join("manifests").join(folder)
}

/// The YAML files of these folders as one text, each folder's in the order of their names, without those of some names.
fn text(folders: &[PathBuf], left_out: &[&str]) -> String {
    let files = folders.iter().flat_map(|folder| files(folder));
    let files = files.filter(|path| !left_out.iter().any(|name| path.ends_with(name)));
    files.map(|file| std::fs::read_to_string(file).unwrap()).collect::<Vec<_>>().join("\n---\n")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}
