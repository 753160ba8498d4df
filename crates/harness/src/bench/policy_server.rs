//! Kubewarden's policy server, with one worker and no cluster.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::blocking::Client;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::metadata::annotated;
use crate::port::free_port;
use crate::tls;

/// How long it may take to become ready. It compiles the policies first.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// A running policy server, which is stopped when this value is dropped.
pub(super) struct PolicyServer {
    child: Child,
    client: Client,
    port: u16,
    // The program reads it, so it must be dropped after the program has ended.
    _folder: TempDir,
}

impl PolicyServer {
    /// Starts it with these policies. Each has a name, a module and settings.
    ///
    /// # Errors
    /// If it does not start, or does not become ready.
    pub(super) fn start(program: &Path, policies: &[(String, PathBuf, Value)]) -> anyhow::Result<Self> {
        tls::install_provider();
        let folder = tempfile::tempdir()?;
        let mut configuration = Map::new();
        for (name, module, settings) in policies {
            let path = folder.path().join(name).with_extension("wasm");
            let bytes = std::fs::read(module).with_context(|| format!("{}: cannot be read", module.display()))?;
            let metadata = json!({
                "rules": [], "mutating": true, "contextAwareResources": [], "executionMode": "kubewarden-wapc",
                "protocolVersion": "v1", "annotations": {},
            });
            std::fs::write(&path, annotated(bytes, &metadata))?;
            let url = format!("file://{}", path.display());
            let policy = json!({"module": url, "allowedToMutate": true, "settings": settings});
            configuration.insert(name.clone(), policy);
        }
        let file = folder.path().join("policies.yml");
        std::fs::write(&file, Value::Object(configuration).to_string())?;
        let (port, readiness) = (free_port()?, free_port()?);
        let child = Command::new(program)
            .arg("--policies")
            .arg(&file)
            .arg("--policies-download-dir")
            .arg(folder.path().join("modules"))
            .args(["--addr", "127.0.0.1", "--port", &port.to_string(), "--workers", "1"])
            .args(["--readiness-probe-port", &readiness.to_string(), "--log-level", "error"])
            .arg("--ignore-kubernetes-connection-failure")
            .current_dir(folder.path())
            .env("KUBECONFIG", folder.path().join("none"))
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("{}: cannot be started", program.display()))?;
        let mut server = Self { child, client: Client::builder().no_proxy().build()?, port, _folder: folder };
        server.wait(readiness)?;
        Ok(server)
    }

    fn wait(&mut self, port: u16) -> anyhow::Result<()> {
        let url = format!("http://127.0.0.1:{port}/readiness");
        let start = Instant::now();
        while !self.client.get(&url).send().is_ok_and(|response| response.status().is_success()) {
            let ended = self.child.try_wait()?;
            ensure!(ended.is_none(), "the policy server has ended");
            ensure!(start.elapsed() < LONGEST_WAIT, "the policy server does not become ready");
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Sends an AdmissionReview to a policy and returns the body of the answer.
    ///
    /// # Errors
    /// If there is no answer.
    pub(super) fn ask(&self, policy: &str, review: &str) -> anyhow::Result<Vec<u8>> {
        let request = self.client.post(self.url(policy));
        let request = request.header("content-type", "application/json").body(review.to_owned());
        Ok(request.send()?.error_for_status()?.bytes()?.to_vec())
    }

    /// The URL of a policy.
    fn url(&self, policy: &str) -> String {
        format!("http://127.0.0.1:{}/validate/{policy}", self.port)
    }
}

impl Drop for PolicyServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
