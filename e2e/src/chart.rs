//! The chart, as Helm renders, installs and removes it.

use std::path::PathBuf;
use std::process::Command;

use local_registry_testkit::repository::root;
use serde_json::Value;
use tempfile::TempDir;

use crate::kubectl::{Answer, Kubectl};
use crate::programs::helm;

/// The chart's folder.
const CHART: &str = "charts/local-registry";
/// The release's name.
const RELEASE: &str = "local-registry";
/// The release's namespace.
pub const NAMESPACE: &str = "local-registry";

/// Helm, with `charts/local-registry` of this repository.
pub struct Chart {
    helm: &'static str,
    kubeconfig: PathBuf,
    namespace: String,
    /// Where Helm keeps its caches, and a release's values are.
    home: TempDir,
}

impl Chart {
    /// Both releases of Helm.
    pub const HELM: [&str; 2] = ["3", "4"];

    /// Helm of this release, `3` or `4`, with the credentials of this `kubectl`.
    #[must_use]
    pub fn of(helm: &'static str, kubectl: &Kubectl) -> Self {
        Self::new(helm, kubectl.kubeconfig().to_owned())
    }

    /// Helm of this release without a cluster: it can render the chart, and nothing else.
    #[must_use]
    pub fn alone(helm: &'static str) -> Self {
        Self::new(helm, PathBuf::from("/dev/null"))
    }

    fn new(helm: &'static str, kubeconfig: PathBuf) -> Self {
        Self { helm, kubeconfig, namespace: NAMESPACE.to_owned(), home: tempfile::tempdir().unwrap() }
    }

    /// The same for a release in this namespace.
    #[must_use]
    pub fn in_namespace(self, namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), ..self }
    }

    /// Installs the chart with these values, or upgrades it to them.
    pub fn install(&self, values: &Value) {
        self.install_with(values, &[]);
    }

    /// The same, whatever kubectl has changed meanwhile. Without a word, Helm 4 would refuse to change that back.
    pub fn force(&self, values: &Value) {
        self.install_with(values, if self.helm == "4" { &["--force-conflicts"] } else { &[] });
    }

    fn install_with(&self, values: &Value, arguments: &[&str]) {
        let answer = self.try_install(values, arguments);
        assert_eq!(answer.code, Some(0), "{values}: {}{}", answer.stdout, answer.stderr);
    }

    /// Tries to install it, with these arguments.
    #[must_use]
    pub fn try_install(&self, values: &Value, arguments: &[&str]) -> Answer {
        // Without values, Helm would take those of the release as it is.
        let usual = ["--create-namespace", "--reset-values"];
        self.run(&["upgrade", "--install"], values, &[&usual[..], arguments].concat())
    }

    /// Takes the last change back.
    pub fn roll_back(&self) {
        self.of_release("rollback", &[]).ok(&["rollback"]);
    }

    /// Removes the release.
    pub fn uninstall(&self) {
        self.of_release("uninstall", &[]).ok(&["uninstall"]);
    }

    /// Removes the release where no pod runs, and so no hook.
    pub fn uninstall_without_hooks(&self) {
        self.of_release("uninstall", &["--no-hooks"]).ok(&["uninstall"]);
    }

    /// Runs the tests of the release. What their pods have printed is in the answer.
    #[must_use]
    pub fn test(&self) -> Answer {
        self.of_release("test", &["--logs", "--timeout=10m"])
    }

    fn of_release(&self, verb: &str, arguments: &[&str]) -> Answer {
        let mut command = self.command();
        command.args([verb, RELEASE]).args(arguments);
        Answer::run(&mut command, "")
    }

    /// What Helm renders with these values, or why it does not.
    #[must_use]
    pub fn render(&self, values: &Value) -> Answer {
        // A Helm 3 that `go build` has made takes every cluster for an old one.
        self.run(&["template"], values, &["--kube-version=1.37.0"])
    }

    /// What Helm's own check of a chart says with these values.
    #[must_use]
    pub fn lint(&self, values: &Value) -> Answer {
        let file = self.write(values);
        let mut command = self.command();
        command.args(["lint", "--strict", "--kube-version=1.37.0", CHART, "--values"]).arg(file);
        Answer::run(&mut command, "")
    }

    /// The objects that Helm renders with these values. If it does not, the test fails.
    #[must_use]
    pub fn objects(&self, values: &Value) -> Vec<Value> {
        let rendered = self.render(values);
        assert_eq!(rendered.code, Some(0), "{values}: {}", rendered.stderr);
        let objects: Vec<Value> = serde_saphyr::from_multiple(&rendered.stdout).unwrap();
        objects.into_iter().filter(|object| !object.is_null()).collect()
    }

    fn run(&self, verb: &[&str], values: &Value, arguments: &[&str]) -> Answer {
        let file = self.write(values);
        let mut command = self.command();
        command.args(verb).args([RELEASE, CHART, "--values"]).arg(file).args(arguments);
        Answer::run(&mut command, "")
    }

    /// A file with these values.
    fn write(&self, values: &Value) -> PathBuf {
        let file = self.home.path().join("values.yaml");
        // JSON is YAML.
        std::fs::write(&file, values.to_string()).unwrap();
        file
    }

    /// The command, with the root of the repository as its folder.
    fn command(&self) -> Command {
        let mut command = helm(self.helm);
        command.current_dir(root()).env("KUBECONFIG", &self.kubeconfig).args(["--namespace", &self.namespace]);
        for folder in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(folder, self.home.path());
        }
        command
    }
}
