//! The requests that are measured.

use serde_json::{Value, json};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// A BuildRun with its own output, which is not local.
    NonLocal,
    /// A BuildRun with its own output, which is local.
    Injected,
    /// A BuildRun that names a Build with a local output.
    NamedBuild,
    /// A BuildRun with an embedded specification whose output is local.
    Embedded,
    /// A BuildRun with a local output that names another registry.
    Rejected,
    /// A pod without the annotation that names containers.
    Pod,
    /// A pod with that annotation.
    AnnotatedPod,
}

impl Scenario {
    /// Every scenario.
    pub const ALL: [Self; 7] = [
        Self::NonLocal,
        Self::Injected,
        Self::NamedBuild,
        Self::Embedded,
        Self::Rejected,
        Self::Pod,
        Self::AnnotatedPod,
    ];

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NonLocal => "non-local",
            Self::Injected => "injected",
            Self::NamedBuild => "named-build",
            Self::Embedded => "embedded",
            Self::Rejected => "rejected",
            Self::Pod => "pod",
            Self::AnnotatedPod => "annotated-pod",
        }
    }

    /// An AdmissionRequest of at least this many bytes, as an API server sends it.
    #[must_use]
    pub fn request(self, bytes: usize) -> Value {
        let (kind, resource) = if self.is_about_a_pod() {
            let group = json!({"group": "", "version": "v1"});
            (with(&group, "kind", json!("Pod")), with(&group, "resource", json!("pods")))
        } else {
            let group = json!({"group": "shipwright.io", "version": "v1beta1"});
            (with(&group, "kind", json!("BuildRun")), with(&group, "resource", json!("buildruns")))
        };
        let mut variables = Vec::new();
        loop {
            let request = json!({
                "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
                "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
                "name": "run", "namespace": NAMESPACE, "operation": "CREATE",
                "userInfo": {"username": "kubernetes-admin", "groups": ["system:masters", "system:authenticated"]},
                "object": if self.is_about_a_pod() { self.pod(&variables) } else { self.build_run(&variables) },
                "oldObject": null, "dryRun": false, "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
            });
            let missing = bytes.saturating_sub(request.to_string().len());
            if missing == 0 {
                return request;
            }
            // A variable takes about 50 bytes.
            let count = variables.len();
            variables.extend(
                (count..=count + missing / 50)
                    .map(|index| json!({"name": format!("VARIABLE_{index}"), "value": "some value of it"})),
            );
        }
    }

    fn is_about_a_pod(self) -> bool {
        matches!(self, Self::Pod | Self::AnnotatedPod)
    }

    /// A BuildRun with these environment variables.
    fn build_run(self, variables: &[Value]) -> Value {
        let strategy = json!({"name": "buildah", "kind": "ClusterBuildStrategy"});
        let embedded = |output: Value| json!({"build": {"spec": {"output": output, "strategy": strategy}}});
        let named = |output: Value| json!({"build": {"name": BUILD}, "output": output});
        let local = json!({"image": "team/app:v1", "local": true});
        let spec = match self {
            Self::Injected => named(local),
            Self::NamedBuild => json!({"build": {"name": BUILD}}),
            Self::Embedded => embedded(local),
            Self::Rejected => named(json!({"image": "registry.example/team/app:v1", "local": true})),
            Self::NonLocal | Self::Pod | Self::AnnotatedPod => named(json!({"image": "registry.example/team/app:v1"})),
        };
        json!({
            "apiVersion": "shipwright.io/v1beta1", "kind": "BuildRun",
            "metadata": {"name": "run", "namespace": NAMESPACE, "uid": "7ea4b2e5-a7c1-4c1d-9b8a-1f6d2f3f9a11",
                         "creationTimestamp": "2026-01-01T00:00:00Z", "generation": 1},
            "spec": with(&spec, "env", json!(variables)),
        })
    }

    /// A pod whose container has these environment variables.
    fn pod(self, variables: &[Value]) -> Value {
        let annotations = match self {
            Self::AnnotatedPod => json!({"local-registry-hosting/containers": "app"}),
            _ => json!({"kubectl.kubernetes.io/default-container": "app"}),
        };
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "run", "namespace": NAMESPACE, "annotations": annotations},
            "spec": {"serviceAccountName": "default", "restartPolicy": "Always", "containers": [
                {"name": "app", "image": "team/app:v1", "imagePullPolicy": "IfNotPresent", "env": variables},
            ]},
        })
    }

    /// The policy's settings. Builds are looked up only in the scenario that measures it.
    #[must_use]
    pub fn settings(self) -> Value {
        json!({
            "host": "kind-registry:5000", "runtimeHost": "kind-registry:5000",
            "insecure": true, "lookupBuilds": self == Self::NamedBuild,
        })
    }

    /// Whether this is the answer that the policy should give.
    #[must_use]
    pub fn is_answered_by(self, accepted: bool, changed: bool) -> bool {
        match self {
            Self::NonLocal | Self::Pod => accepted && !changed,
            Self::Injected | Self::NamedBuild | Self::Embedded | Self::AnnotatedPod => accepted && changed,
            Self::Rejected => !accepted && !changed,
        }
    }
}

/// The object with one more field.
fn with(object: &Value, key: &str, value: Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
    object
}

const NAMESPACE: &str = "team";
const BUILD: &str = "hello";

/// The Build that requests name.
#[must_use]
pub(super) fn build() -> Value {
    json!({
        "apiVersion": "shipwright.io/v1beta1",
        "kind": "Build",
        "metadata": {"name": BUILD, "namespace": NAMESPACE},
        "spec": {"output": {"image": "team/hello:v1", "local": true}, "strategy": {"name": "buildah"}},
    })
}
