//! Kubewarden's policy server, as a pod behind a Service. As elsewhere in these tests, `harness serve` stands in for it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local_registry_testkit::repository::policy_module;
use serde_json::{Value, json};

use super::{Image, Node};
use crate::certificates::{Authority, Issued};
use crate::kubewarden::webhook::{register, unique_name};
use crate::kubewarden::{NAMESPACE, SERVICE_ACCOUNT};
use crate::programs;

const IMAGE: &str = "node.example/policy-server:v1";

impl Node {
    /// Serves a policy as it is stored, by a policy server of its own, and registers it as Kubewarden's controller does.
    /// Waits until the API server asks it. A policy that is served already is served anew.
    pub fn serve(&self, policy: &Value) {
        let image = Image::named(IMAGE)
            .with_program(&programs::ours("harness"))
            .with_file(&policy_module(), "/policy.wasm")
            .running(&["/bin/harness"]);
        self.containerd.import(&image);
        let authority = Authority::named("kubewarden");
        let server = format!("policy-server-{}", policy["metadata"]["name"].as_str().unwrap());
        let Issued { certificate, key } = authority.issue(&[&format!("{server}.{NAMESPACE}.svc")]);
        let spec = &policy["spec"];
        let granted = spec.get("contextAwareResources").cloned().unwrap_or(json!([]));
        let files = json!({
            "tls.crt": certificate,
            "tls.key": key,
            "settings.json": spec["settings"].to_string(),
            "metadata.json": json!({"contextAwareResources": granted}).to_string(),
            "kubeconfig": Self::kubeconfig_in_pods().to_string(),
        });
        let labels = json!({"app": server});
        let metadata = json!({"name": server, "namespace": NAMESPACE});
        let objects = [
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": files}),
            json!({
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": metadata,
                "spec": {"selector": labels, "ports": [{"port": 8443}]},
            }),
            json!({
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": metadata,
                "spec": {"selector": {"matchLabels": labels}, "template": {
                    // The server reads its files once, so new ones roll it.
                    "metadata": {"labels": labels, "annotations": {"files": files.to_string()}},
                    "spec": {
                        "serviceAccountName": SERVICE_ACCOUNT,
                        "containers": [{
                            "name": "policy-server",
                            "image": IMAGE,
                            "args": [
                                "serve", "--address=0.0.0.0:8443",
                                "--tls-cert=/files/tls.crt", "--tls-key=/files/tls.key",
                                "--settings-path=/files/settings.json", "--metadata-path=/files/metadata.json",
                                "--kubeconfig=/files/kubeconfig", "/policy.wasm",
                            ],
                            "readinessProbe": {"httpGet": {"path": "/readiness", "port": 8443, "scheme": "HTTPS"}},
                            "volumeMounts": [{"name": "files", "mountPath": "/files", "readOnly": true}],
                        }],
                        "volumes": [{"name": "files", "secret": {"secretName": server}}],
                    },
                }},
            }),
        ];
        for object in objects {
            self.kubectl.ok_with(&["apply", "-f", "-"], &object);
        }
        let deployment = format!("deployment/{server}");
        self.kubectl.ok(&["rollout", "status", &deployment, "--namespace", NAMESPACE, "--timeout=120s"]);
        let name = unique_name(policy);
        let service =
            json!({"name": server, "namespace": NAMESPACE, "port": 8443, "path": format!("/validate/{name}")});
        let client_config = json!({"service": service, "caBundle": STANDARD.encode(authority.pem())});
        register(&self.kubectl, &name, policy, client_config);
    }

    /// A kubeconfig for the policy server's pod, with what every pod of its service account has.
    fn kubeconfig_in_pods() -> Value {
        let account = "/var/run/secrets/kubernetes.io/serviceaccount";
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "cluster", "cluster": {
                "server": "https://kubernetes.default.svc",
                "certificate-authority": format!("{account}/ca.crt"),
            }}],
            "users": [{"name": "pod", "user": {"tokenFile": format!("{account}/token")}}],
            "contexts": [{"name": "cluster", "context": {"cluster": "cluster", "user": "pod"}}],
            "current-context": "cluster",
        })
    }
}
