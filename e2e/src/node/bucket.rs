//! A bucket on an S3 server (versitygw), which keeps it in a folder.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{ADDRESS, Node};
use crate::process::{Process, eventually, free_port};
use crate::programs;

const NAME: &str = "registry";

/// An S3 server with one bucket, which ends with the test.
pub struct Bucket {
    /// The server's URL, for pods and for the node.
    pub url: String,
    /// The bucket's name.
    pub name: &'static str,
    /// The only user's access key.
    pub access_key: &'static str,
    /// The only user's secret key.
    pub secret_key: &'static str,
    _server: Process,
}

impl Bucket {
    /// The folder in which the server keeps the bucket.
    #[must_use]
    pub fn folder() -> PathBuf {
        buckets().join(NAME)
    }

    /// Starts the server on the node, and waits until it listens.
    #[must_use]
    pub fn start() -> Self {
        Self::start_at(format!("{ADDRESS}:9000"), &buckets(), &Node::disk())
    }

    /// Starts the server on loopback, with everything in this folder, and waits until it listens.
    #[must_use]
    pub fn on_loopback(folder: &Path) -> Self {
        Self::start_at(format!("127.0.0.1:{}", free_port()), &folder.join("s3"), folder)
    }

    fn start_at(address: String, buckets: &Path, disk: &Path) -> Self {
        let attributes = disk.join("attributes");
        for folder in [&buckets.join(NAME), &attributes] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let (access_key, secret_key) = ("test", "test-secret");
        let mut command = Command::new(programs::node("versitygw"));
        command.args(["--access", access_key, "--secret", secret_key, "--port", &address, "posix"]);
        // Not every file system has the extended attributes that it would use.
        command.arg("--sidecar").arg(&attributes).arg(buckets);
        let mut server = Process::spawn(&mut command, &disk.join("s3.log"));
        eventually("the S3 server to listen", || {
            assert!(server.runs(), "the S3 server has ended:\n{}", server.log());
            TcpStream::connect(&address).ok()
        });
        Self { url: format!("http://{address}"), name: NAME, access_key, secret_key, _server: server }
    }
}

/// The folder with a folder for each bucket.
fn buckets() -> PathBuf {
    Node::disk().join("s3")
}
