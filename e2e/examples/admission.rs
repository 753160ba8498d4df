//! What admission costs: the times of server-side dry-run creates on a real API server without a webhook, with one that
//! does nothing, with this project's policy, with its guard, and with a MutatingAdmissionPolicy. The guard has the local Builds of
//! the namespace as parameters, and a MutatingAdmissionPolicy that looks a Build up has all Builds of it. Both are evaluated once
//! for each, so they are measured in namespaces with 10, 100 and 1,000 of them.
//!
//! Each setup has its own namespace on one API server. The setups get their requests in turn, so that other work on the
//! machine slows all of them alike. `make bench-admission` runs it. `SECONDS` says how long each object is created.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use e2e::{Crds, HOST, ModuleServer, TestCluster, build, build_run, eventually, values};
use local_registry_testkit::repository;
use reqwest::blocking::Client;
use serde_json::{Value, json};

/// What a create passes through before it is stored. Each setup is in the namespace of its name.
const SETUPS: [(&str, &str); 13] = [
    ("none", "no webhook"),
    ("nothing", "a webhook that does nothing"),
    ("ours", "this policy"),
    ("guarded", "this policy and its guard"),
    ("guarded-10", "the same, 10 local Builds"),
    ("guarded-100", "the same, 100 local Builds"),
    ("guarded-1000", "the same, 1,000 local Builds"),
    ("guarded-1-of-1000", "the same, 1 local of 1,000 Builds"),
    ("always-asked", "this policy without matchConditions"),
    ("map", "a MutatingAdmissionPolicy"),
    ("map-10", "the same, looking up 1 of 10 Builds"),
    ("map-100", "the same, 1 of 100"),
    ("map-1000", "the same, 1 of 1,000"),
];

/// How many Builds a namespace has, and whether that is for what is evaluated once for each.
fn builds(setup: &str) -> (usize, bool) {
    match setup.rsplit_once('-').map(|(_, count)| count.parse()) {
        Some(Ok(count)) => (count, true),
        _ => (1, false),
    }
}

/// The highest ratio of the times with this policy and its guard and without a webhook, for an object without local images.
///
/// A condition that asks for one field costs 1.03, as the MutatingAdmissionPolicy shows.
const LIMIT: f64 = 1.10;

/// The same for a pod, which every workload of the cluster is.
const LIMIT_OF_PODS: f64 = 1.12;

/// How often each object is created before anything is measured.
const WARM_UP: usize = 30;

fn main() -> ExitCode {
    let seconds: f64 = std::env::var("SECONDS").map_or(10.0, |text| text.parse().expect("SECONDS: a number"));
    let cluster = TestCluster::with_policy(Crds::Patched, HOST);
    let _servers = set_up(&cluster);
    let api = Api::new(&cluster);
    let mut holds = true;
    println!("{:34} {:36} {:>6} {:>24} {:>6}", "object", "with", "times", "ms (quartiles)", "ratio");
    for scenario in scenarios() {
        let setups: Vec<_> = SETUPS.into_iter().filter(|(setup, _)| scenario.expected(setup).is_some()).collect();
        let mut times: Vec<Vec<f64>> = vec![Vec::new(); setups.len()];
        for (setup, _) in &setups {
            wait_for(&api, &scenario, setup);
            (0..WARM_UP).for_each(|_| drop(api.create(setup, &scenario)));
        }
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs_f64(seconds) {
            // The first setup warms the caches for the next, so the order is reversed each time.
            let order: Vec<usize> = (0..setups.len()).chain((0..setups.len()).rev()).collect();
            for index in order {
                let start = Instant::now();
                let _ = api.create(setups[index].0, &scenario);
                times[index].push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
        let spreads: Vec<[f64; 3]> = times.iter_mut().map(|times| quartiles(times)).collect();
        for (((setup, name), [lower, median, upper]), times) in setups.iter().zip(&spreads).zip(&times) {
            let ratio = median / spreads[0][1];
            let is_limited = *setup == "guarded" && !scenario.is_local;
            let limit = if scenario.is_pod() { LIMIT_OF_PODS } else { LIMIT };
            let verdict = match is_limited {
                true if ratio <= limit => format!("≤ {limit:.2}"),
                true => format!("above {limit:.2}!"),
                false => String::new(),
            };
            holds &= !is_limited || ratio <= limit;
            let spread = format!("{median:.2} ({lower:.2}–{upper:.2})");
            println!("{:34} {name:36} {:>6} {spread:>24} {ratio:>6.2} {verdict}", scenario.name, times.len());
        }
    }
    ExitCode::from(u8::from(!holds))
}

/// An object to create, and the image with which it is stored.
struct Scenario {
    name: &'static str,
    object: Value,
    /// The path of the image that may be resolved.
    image: &'static str,
    written: Value,
    is_local: bool,
    /// Whether the image is that of the Build that the object names.
    is_inherited: bool,
}

impl Scenario {
    fn is_pod(&self) -> bool {
        self.object["kind"] == "Pod"
    }

    /// The image as this setup stores it; `None` if the setup cannot resolve it.
    fn expected(&self, setup: &str) -> Option<Value> {
        match setup {
            "none" | "nothing" | "guarded" if self.is_pod() => Some(self.written.clone()),
            _ if self.is_pod() => None,
            "map" if self.is_inherited => None,
            _ if builds(setup).1 && !self.is_inherited => None,
            "none" | "nothing" => Some(self.written.clone()),
            _ if self.is_local => Some(json!(format!("{HOST}/team/app:v1"))),
            _ => Some(self.written.clone()),
        }
    }
}

/// A pod in which nothing is local.
fn pod(name: &'static str, containers: usize) -> Scenario {
    let image = json!("quay.io/team/app:v1");
    let containers: Vec<Value> =
        (0..containers).map(|number| json!({"name": format!("c{number}"), "image": image})).collect();
    let object = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "measured", "annotations": {"a": "b"}},
        "spec": {"containers": containers, "volumes": [{"name": "data", "emptyDir": {}}]},
    });
    Scenario { name, object, image: "/spec/containers/0/image", written: image, is_local: false, is_inherited: false }
}

fn scenarios() -> [Scenario; 6] {
    let strategy = json!({"name": "buildah", "kind": "ClusterBuildStrategy"});
    let local = json!({"output": {"image": "team/app:v1", "local": true}, "strategy": strategy});
    [
        Scenario {
            name: "a Build in which nothing is local",
            object: build("measured", json!({"image": "quay.io/team/app:v1"})),
            image: "/spec/output/image",
            written: json!("quay.io/team/app:v1"),
            is_local: false,
            is_inherited: false,
        },
        Scenario {
            name: "a BuildRun with a local output",
            object: build_run("measured", json!({"build": {"spec": local}})),
            image: "/spec/build/spec/output/image",
            written: json!("team/app:v1"),
            is_local: true,
            is_inherited: false,
        },
        Scenario {
            name: "a BuildRun of a local Build",
            object: build_run("measured", json!({"build": {"name": "app"}})),
            image: "/spec/output/image",
            written: Value::Null,
            is_local: true,
            is_inherited: true,
        },
        pod("a pod with 1 container", 1),
        pod("a pod with 10 containers", 10),
        pod("a pod with 50 containers", 50),
    ]
}

/// Creates the namespace of each setup, and registers its webhook or policy for it.
fn set_up(cluster: &TestCluster) -> ModuleServer {
    let setups = |start: &'static str| -> Vec<&str> {
        SETUPS.map(|(setup, _)| setup).into_iter().filter(|setup| setup.starts_with(start)).collect()
    };
    let of = |names: Vec<&str>| json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": names}]});
    let only = |namespace: &str| of(vec![namespace]);
    for (namespace, _) in SETUPS {
        cluster.kubectl.ok(&["create", "namespace", namespace]);
        // No controller runs here that would do it.
        cluster.kubectl.ok(&["create", "serviceaccount", "default", "--namespace", namespace]);
    }
    let configuration = cluster.kubectl.json(&["get", "mutatingwebhookconfiguration", "clusterwide-local-registry"]);
    let webhook = &configuration["webhooks"][0];
    let register = |name: &str, namespaces: Value, client: &Value, conditions: &Value| {
        let mut webhook = webhook.clone();
        webhook["name"] = json!(format!("{name}.example.com"));
        webhook["clientConfig"] = client.clone();
        webhook["namespaceSelector"] = namespaces;
        webhook["matchConditions"] = conditions.clone();
        let configuration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": name}, "webhooks": [webhook],
        });
        cluster.kubectl.ok_with(&["create", "-f", "-"], &configuration);
    };
    let nothing = ModuleServer::start(&cluster.control_plane, &std::env::var("NOTHING_WASM").expect("NOTHING_WASM"));
    register("nothing", only("nothing"), &nothing.client_config, &json!([]));
    register("ours", only("ours"), &webhook["clientConfig"], &webhook["matchConditions"]);
    let guarded = of(setups("guarded"));
    register("guarded", guarded.clone(), &webhook["clientConfig"], &webhook["matchConditions"]);
    register("always-asked", only("always-asked"), &webhook["clientConfig"], &json!([]));
    register_for_pods(cluster, webhook, &guarded);
    let bound = json!({"spec": {"matchResources": {"namespaceSelector": guarded}}}).to_string();
    for guard in ["local-registry-guard", "local-registry-guard-inherited", "local-registry-workloads-guard"] {
        let binding = ["patch", "validatingadmissionpolicybinding", guard, "--type=merge", "--patch", &bound];
        cluster.kubectl.ok(&binding);
    }
    cluster.kubectl.wait_for_admission_policies();
    cluster.kubectl.ok(&["delete", "mutatingwebhookconfiguration", "clusterwide-local-registry"]);

    let in_place = json!({
        "matchConstraints": {"namespaceSelector": only("map"), "resourceRules": webhook["rules"]},
        "matchConditions": [{
            "name": "local",
            "expression": "has(object.spec.build) && has(object.spec.build.spec) && has(object.spec.build.spec.output.local) && object.spec.build.spec.output.local",
        }],
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": format!(
            "[JSONPatch{{op: 'replace', path: '/spec/build/spec/output/image', value: '{HOST}/' + object.spec.build.spec.output.image}}]"
        )}}],
    });
    let looking_up = json!({
        "paramKind": {"apiVersion": "shipwright.io/v1beta1", "kind": "Build"},
        "matchConstraints": {"namespaceSelector": of(setups("map-")), "resourceRules": [{
            "apiGroups": ["shipwright.io"], "apiVersions": ["v1beta1"], "resources": ["buildruns"], "operations": ["CREATE"],
        }]},
        "matchConditions": [{
            "name": "inherits-from-this-build",
            "expression": "!has(object.spec.output) && has(object.spec.build.name) && object.spec.build.name == params.metadata.name && has(params.spec.output.local) && params.spec.output.local",
        }],
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": format!(
            "[JSONPatch{{op: 'add', path: '/spec/output', value: Object.spec.output{{image: '{HOST}/' + params.spec.output.image}}}}]"
        )}}],
    });
    for (name, mut spec) in [("map", in_place), ("map-lookup", looking_up)] {
        spec["failurePolicy"] = json!("Fail");
        spec["reinvocationPolicy"] = json!("Never");
        let mut binding = json!({"policyName": name});
        if spec.get("paramKind").is_some() {
            // Each Build of the request's namespace.
            binding["paramRef"] = json!({"selector": {}, "parameterNotFoundAction": "Allow"});
        }
        for (kind, spec) in [("MutatingAdmissionPolicy", spec), ("MutatingAdmissionPolicyBinding", binding)] {
            let object = json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec,
            });
            cluster.kubectl.ok_with(&["create", "-f", "-"], &object);
        }
    }
    for (namespace, _) in SETUPS {
        let names = (1..builds(namespace).0).map(|number| format!("other-{number}")).chain(["app".to_owned()]);
        let items: Vec<Value> = names
            .map(|name| {
                let is_local = !namespace.starts_with("guarded-1-of") || name == "app";
                let registry = if is_local { "" } else { "quay.io/" };
                let image = format!("{registry}team/app:v1");
                let mut local = build(&name, json!({"image": image, "local": is_local}));
                local["metadata"]["namespace"] = json!(namespace);
                local
            })
            .collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        cluster.kubectl.ok_with(&["create", "-f", "-"], &list);
    }
    nothing
}

/// Registers the webhook of the policy for pods for these namespaces, and installs its guard.
fn register_for_pods(cluster: &TestCluster, webhook: &Value, namespaces: &Value) {
    cluster.install(&values::workloads());
    let policy = repository::read("charts/local-registry/files/policies/workloads.yaml");
    let mut webhook = webhook.clone();
    for key in ["rules", "matchConditions"] {
        webhook[key] = policy["spec"][key].clone();
    }
    webhook["name"] = json!("pods.example.com");
    webhook["namespaceSelector"] = namespaces.clone();
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "pods"}, "webhooks": [webhook],
    });
    cluster.kubectl.ok_with(&["create", "-f", "-"], &configuration);
}

/// Waits until the API server calls what was registered, which takes a moment.
fn wait_for(api: &Api, scenario: &Scenario, setup: &str) {
    let Some(expected) = scenario.expected(setup) else { return };
    eventually("the API server to call the setup", || {
        let stored = api.create(setup, scenario);
        (stored.pointer(scenario.image).unwrap_or(&Value::Null) == &expected).then_some(())
    });
}

/// The API server, over one connection.
struct Api {
    client: Client,
    url: String,
    token: &'static str,
}

impl Api {
    fn new(cluster: &TestCluster) -> Self {
        let authority = reqwest::Certificate::from_pem(&cluster.control_plane.authority()).unwrap();
        let client = Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
        Self { client, url: cluster.control_plane.url(), token: cluster.control_plane.token() }
    }

    /// Creates the object of a scenario in a dry run, and returns it as it would be stored.
    fn create(&self, namespace: &str, scenario: &Scenario) -> Value {
        let mut object = scenario.object.clone();
        object["metadata"]["namespace"] = json!(namespace);
        let kind = format!("{}s", object["kind"].as_str().unwrap().to_lowercase());
        let group = if scenario.is_pod() { "api/v1" } else { "apis/shipwright.io/v1beta1" };
        let url = format!("{}/{group}/namespaces/{namespace}/{kind}?dryRun=All", self.url);
        let request = self.client.post(url).bearer_auth(self.token).json(&object);
        let response = request.send().unwrap();
        let status = response.status();
        let stored: Value = response.json().unwrap();
        assert!(status.is_success(), "{}: {stored}", scenario.name);
        stored
    }
}

/// The lower quartile, the median and the upper quartile.
fn quartiles(times: &mut [f64]) -> [f64; 3] {
    times.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| times[times.len() * quarter / 4])
}
