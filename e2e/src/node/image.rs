//! Container images without a base image, around programs of this machine.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::programs;

/// The image of every pod's sandbox.
pub(super) const SANDBOX: &str = "node.example/sandbox:v1";

/// An image with one layer.
#[derive(Debug, Clone)]
pub struct Image {
    name: String,
    files: Vec<(PathBuf, String)>,
    /// Programs that are texts, and what each is called in `/bin`.
    scripts: Vec<(String, String)>,
    /// Names in `/bin`, and what they lead to.
    links: Vec<(String, &'static str)>,
    entrypoint: Vec<String>,
    /// The number of the user that its containers run as.
    user: u32,
}

impl Image {
    /// An image with this name, tag included, and nothing in it.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), files: vec![], scripts: vec![], links: vec![], entrypoint: vec![], user: 0 }
    }

    /// The image of every pod's sandbox, which has nothing to do.
    #[must_use]
    pub(super) fn sandbox() -> Self {
        Self::named(SANDBOX).with_busybox().running(&["/bin/busybox", "sleep", "infinity"])
    }

    /// A copy of this file at this path.
    #[must_use]
    pub fn with_file(mut self, file: &Path, path: &str) -> Self {
        self.files.push((file.to_owned(), path.to_owned()));
        self
    }

    /// A copy of this folder, with all that is in it, at this path.
    #[must_use]
    pub fn with_folder(self, folder: &Path, path: &str) -> Self {
        let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        entries.fold(self, |image, entry| {
            let from = entry.unwrap().path();
            let to = format!("{path}/{}", from.file_name().unwrap().to_str().expect("a name"));
            if from.is_dir() { image.with_folder(&from, &to) } else { image.with_file(&from, &to) }
        })
    }

    /// A shell, and what `/bin` has on a small system. Debian's busybox needs no library.
    #[must_use]
    pub fn with_busybox(mut self) -> Self {
        let busybox = programs::installed("busybox");
        let names = String::from_utf8(Command::new(&busybox).arg("--list").output().unwrap().stdout).unwrap();
        let names = names.lines().filter(|name| *name != "busybox");
        self.links.extend(names.map(|name| (name.to_owned(), "busybox")));
        self.with_file(&busybox, "/bin/busybox")
    }

    /// A program of this machine at `/bin`, with the libraries that it needs.
    #[must_use]
    pub fn with_program(self, program: &Path) -> Self {
        let name = program.file_name().unwrap().to_str().unwrap();
        let path = format!("/bin/{name}");
        self.with_libraries_of(program).with_file(program, &path)
    }

    /// The libraries that a program of this machine needs, if it needs any.
    #[must_use]
    pub fn with_libraries_of(mut self, program: &Path) -> Self {
        let output = Command::new("ldd").arg(program).output().unwrap();
        let libraries = String::from_utf8(output.stdout).unwrap();
        // `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)`, and the loader without an arrow.
        let paths = libraries.split_whitespace().filter(|word| word.starts_with('/'));
        for path in paths {
            self = self.with_file(Path::new(path), path);
        }
        self
    }

    /// A script in `/bin`.
    #[must_use]
    pub fn with_script(mut self, name: &str, text: &str) -> Self {
        self.scripts.push((name.to_owned(), format!("#!/bin/sh\n{text}\n")));
        self
    }

    /// The command that its containers run.
    #[must_use]
    pub fn running(mut self, command: &[&str]) -> Self {
        self.entrypoint = command.iter().map(ToString::to_string).collect();
        self
    }

    /// The number of the user that its containers run as, in place of root.
    #[must_use]
    pub fn as_user(mut self, user: u32) -> Self {
        self.user = user;
        self
    }

    /// The same under another name.
    #[must_use]
    pub fn renamed(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Its name, tag included.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes it as an archive of the OCI layout, and returns the size of its layer in bytes.
    pub fn write(&self, archive: &Path) -> u64 {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        for name in ["bin", "etc", "run", "tmp", "var/tmp"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        for (file, path) in &self.files {
            let target = root.join(path.trim_start_matches('/'));
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::copy(file, &target).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
        for (name, text) in &self.scripts {
            let path = root.join("bin").join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        }
        // What has its state in `/var/run`, as most programs once had.
        std::os::unix::fs::symlink("/run", root.join("var/run")).unwrap();
        for (name, target) in &self.links {
            std::os::unix::fs::symlink(target, root.join("bin").join(name)).unwrap();
        }
        let layout = folder.path().join("layout");
        let blobs = layout.join("blobs/sha256");
        std::fs::create_dir_all(&blobs).unwrap();
        let layer = folder.path().join("layer");
        tar(&layer, &root);
        let layer = blob(&blobs, &layer, "application/vnd.oci.image.layer.v1.tar");
        let store = |media_type: &str, content: Value| {
            let path = folder.path().join("json");
            std::fs::write(&path, content.to_string()).unwrap();
            blob(&blobs, &path, media_type)
        };
        let configuration = json!({
            "architecture": architecture(),
            "os": "linux",
            // Where administrators and scripts install what an image lacks, first.
            "config": {"Entrypoint": self.entrypoint, "Env": ["PATH=/bin"], "User": self.user.to_string()},
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        });
        let configuration = store("application/vnd.oci.image.config.v1+json", configuration);
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": media_type, "config": configuration, "layers": [layer]});
        let mut manifest = store(media_type, manifest);
        manifest["annotations"] = json!({"io.containerd.image.name": self.name});
        let index = json!({"schemaVersion": 2, "manifests": [manifest]});
        std::fs::write(layout.join("index.json"), index.to_string()).unwrap();
        std::fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        tar(archive, &layout);
        layer["size"].as_u64().unwrap()
    }
}

/// Moves a file to the blobs, and returns its descriptor.
fn blob(blobs: &Path, file: &Path, media_type: &str) -> Value {
    let output = Command::new("sha256sum").arg(file).output().unwrap();
    let digest = String::from_utf8(output.stdout).unwrap();
    let digest = digest.split(' ').next().unwrap();
    let size = std::fs::metadata(file).unwrap().len();
    std::fs::rename(file, blobs.join(digest)).unwrap();
    json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": size})
}

fn tar(archive: &Path, folder: &Path) {
    let mut command = Command::new("tar");
    command.args(["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"]);
    command.arg("--file").arg(archive).arg("--directory").arg(folder).arg(".");
    assert!(command.status().unwrap().success());
}

/// This machine's, by Go's name.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
