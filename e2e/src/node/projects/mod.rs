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

/// A release of a project: a folder with its programs, and with its own manifests in `manifests`.
#[derive(Debug)]
pub struct Release {
    project: &'static str,
    /// Its version, or `pinned` for what `make e2e-node` builds.
    pub version: String,
    folder: PathBuf,
}

impl Release {
    /// The newest release in `PROGRAMS`, or else the pinned one.
    #[must_use]
    pub fn newest(project: &'static str) -> Self {
        let pinned = || Self { project, version: "pinned".to_owned(), folder: programs::node(project) };
        Self::all(project).pop().unwrap_or_else(pinned)
    }

    /// The releases that `PROGRAMS` has, oldest first.
    #[must_use]
    pub fn all(project: &'static str) -> Vec<Self> {
        let all = programs::releases(project);
        all.into_iter().map(|(version, folder)| Self { project, version, folder }).collect()
    }

    /// A folder of its manifests: `MODULE/FOLDER`.
    fn manifests(&self, folder: &str) -> PathBuf {
        self.folder.join("manifests").join(folder)
    }
}

/// How an image is named that is built from a Go package.
const PACKAGE: &str = "ko://";

/// The user of the base image around which the projects build theirs.
const USER: u32 = 65532;

impl Node {
    /// Applies manifests of a release, and imports the images that they name by packages.
    fn apply_manifests(&self, release: &Release, text: &str) {
        let words = text.split(|c: char| c.is_whitespace() || ['"', '\'', ','].contains(&c));
        let packages: BTreeSet<&str> = words.filter(|word| word.starts_with(PACKAGE)).collect();
        // Longer names first: one may begin with another.
        let mut text = text.to_owned();
        for package in packages.iter().rev() {
            let program = package.rsplit('/').next().expect("a package");
            // Another release is another image, so that an upgrade rolls what runs.
            let name = format!("node.example/{}-{program}:{}", release.project, release.version);
            text = text.replace(package, &name);
            let path = release.folder.join(program);
            // Windows, sidecars and bundles have programs that nothing here runs.
            if path.exists() {
                self.containerd.import(&image(&name, program, &path));
            }
        }
        self.apply_by_force(&text);
    }

    /// Applies manifests as they are, whoever owns what they change.
    fn apply_by_force(&self, text: &str) {
        self.kubectl.run_with(&["apply", "--server-side", "--force-conflicts", "-f", "-"], text).ok(&["apply"]);
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
