//! The OCI's conformance suite, as a program: `CONFORMANCE` names it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::rows::{Rows, parse};

/// A run of the suite.
pub(crate) struct Suite {
    command: Command,
}

impl Suite {
    /// The suite for the registry at this host. It tries whatever it can: what is in the specification's release 1.1, and what is
    /// likely in the next one.
    pub(crate) fn of(host: &str) -> Self {
        let program = std::env::var_os("CONFORMANCE")
            .expect("CONFORMANCE: not set; `make e2e-conformance` builds the suite and sets it");
        let mut command = Command::new(program);
        command.env_clear().env("OCI_REGISTRY", host).env("OCI_TLS", "disabled");
        Self { command }.with("OCI_VERSION", "dev").with("OCI_DATA_SPARSE", "true")
    }

    /// With this variable, as the suite's documentation describes them.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// With the password of a user.
    pub(crate) fn with_password(self, name: &str, password: &str) -> Self {
        self.with("OCI_USERNAME", name).with("OCI_PASSWORD", password)
    }

    /// Over TLS. It trusts only who is in this file.
    pub(crate) fn with_tls(self, authority: &Path) -> Self {
        self.with("OCI_TLS", "enabled").with("SSL_CERT_FILE", authority.to_str().unwrap())
    }

    /// Runs it, and returns its rows, and how long it took.
    pub(crate) fn run(mut self) -> (Rows, Duration) {
        let folder = tempfile::tempdir().unwrap();
        let start = Instant::now();
        let output = self.command.current_dir(folder.path()).output();
        let output = output.unwrap_or_else(|error| {
            panic!("{}: cannot be run: {error}", self.command.get_program().to_string_lossy());
        });
        let report = String::from_utf8_lossy(&output.stdout);
        // Its exit code says little: it is 0 if the suite has not begun, and another one if it fails to write its files afterwards.
        assert!(
            report.contains("OCI Conformance Result: "),
            "the suite has not come to its end:\n{report}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        (parse(&report), start.elapsed())
    }
}
