//! Real registries on loopback, of two makes, and what else the tests of promotions need.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::process::{Process, eventually, free_port};
use crate::programs;

/// Which registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Make {
    /// distribution, which the registry kit runs. It has no API of referrers.
    Distribution,
    /// Its release 2.8, as Debian packages it: many registries are as old. It is not built here.
    Distribution2,
    /// go-containerregistry's. It has that API, and keeps everything in memory.
    GoContainerRegistry,
}

/// A registry that ends with the test.
pub struct LocalRegistry {
    /// Host and port.
    pub host: String,
    _process: Process,
    folder: TempDir,
}

impl Make {
    /// Whether it is here.
    #[must_use]
    pub fn is_here(self) -> bool {
        self != Self::Distribution2 || programs::docker_registry().is_some()
    }

    /// Whether it has the API of referrers.
    #[must_use]
    pub fn has_referrers(self) -> bool {
        self == Self::GoContainerRegistry
    }
}

impl LocalRegistry {
    /// Starts an empty registry, and waits until it listens.
    #[must_use]
    pub fn start(make: Make) -> Self {
        let host = format!("127.0.0.1:{}", free_port());
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut command = match make {
            Make::GoContainerRegistry => {
                let mut command = Command::new(programs::promotion("ggcr"));
                command.arg(&host);
                command
            }
            Make::Distribution | Make::Distribution2 => {
                let configuration = folder.path().join("config.yml");
                let data = folder.path().join("data");
                let text = format!(
                    "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{host}\"}}\n",
                    data.display()
                );
                std::fs::write(&configuration, text).unwrap();
                let program = if make == Make::Distribution {
                    programs::node("registry")
                } else {
                    programs::docker_registry().expect("`docker-registry` is not in PATH")
                };
                let mut command = Command::new(program);
                command.arg("serve").arg(configuration).env("OTEL_TRACES_EXPORTER", "none");
                command
            }
        };
        let mut process = Process::spawn(&mut command, &log);
        eventually("the registry to listen", || {
            assert!(process.runs(), "the registry has ended:\n{}", process.log());
            TcpStream::connect(&host).ok()
        });
        Self { host, _process: process, folder }
    }

    /// Every request that distribution has answered: method, path and status.
    #[must_use]
    pub fn requests(&self) -> Vec<(String, String, u16)> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        // `127.0.0.1 - - [25/Nov/2026:21:03:07 +0000] "HEAD /v2/app/manifests/v1 HTTP/1.1" 200 …`
        let request = |line: &str| {
            let mut parts = line.split('"');
            let mut words = parts.nth(1)?.split(' ');
            let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
            let status = parts.next()?.split_whitespace().next()?.parse().ok()?;
            path.starts_with("/v2/").then_some((method, path, status))
        };
        log.lines().filter_map(request).collect()
    }
}

/// A tree that promotes everything below `staging` of one registry to `prod` of another one.
pub struct PromotionTree(TempDir);

impl PromotionTree {
    /// The tree, with these lines as its images.
    #[must_use]
    pub fn new(from: &str, to: &str, images: &str) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        let registries = format!("registries:\n- name: {from}/staging\n  src: true\n- name: {to}/prod\n");
        for (path, text) in
            [("manifests/team/promoter-manifest.yaml", registries.as_str()), ("images/team/images.yaml", images)]
        {
            let path = tree.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        tree
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// `local-registry-promote` in this tree.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let program =
            std::env::var_os("PROMOTE").map_or_else(|| programs::ours("local-registry-promote"), PathBuf::from);
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.path()).env("DOCKER_CONFIG", self.path());
        command
    }

    /// What `local-registry-promote` prints, if all is well.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> String {
        ok(self.command(arguments))
    }
}

/// What a command prints, if it succeeds.
#[must_use]
pub fn ok(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap_or_else(|error| {
        panic!("{}: cannot be run: {error}", command.get_program().to_string_lossy());
    });
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8_lossy(&stderr).into_owned());
    assert!(status.success(), "{command:?}: {status}\n{stdout}\n{stderr}");
    stdout
}

/// Runs a command to its end, and returns the peak of its memory in KiB, as often as one can look.
#[must_use]
pub fn peak_memory(mut command: Command, log: &Path) -> u64 {
    let mut process = Process::spawn(&mut command, log);
    let mut peak = 0;
    while process.runs() {
        // A process that has just ended has no memory.
        peak = process.peak().unwrap_or(peak).max(peak);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(process.wait(), Some(0), "{command:?}\n{}", process.log());
    peak
}

/// A program to compare with, such as go-containerregistry's `crane`.
#[must_use]
pub fn rival(name: &str) -> PathBuf {
    programs::promotion(name)
}
