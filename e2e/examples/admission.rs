//! What admission costs: the times of server-side dry-run creates on a real API server without a webhook, with one that
//! does nothing, with this project's policy, and with a MutatingAdmissionPolicy.
//!
//! Each setup has its own namespace on one API server. The setups get their requests in turn, so that other work on the
//! machine slows all of them alike. `make bench-admission` runs it. `SECONDS` says how long each object is created.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use e2e::{Crds, HOST, ModuleServer, TestCluster, build, build_run, eventually};
use reqwest::blocking::Client;
use serde_json::{Value, json};

/// What a create passes through before it is stored. Each setup is in the namespace of its name.
const SETUPS: [(&str, &str); 5] = [
    ("none", "no webhook"),
    ("nothing", "a webhook that does nothing"),
    ("ours", "this policy"),
    ("always-asked", "this policy without matchConditions"),
    ("map", "a MutatingAdmissionPolicy"),
];

/// The highest ratio of the times with this policy and without a webhook, for an object without local images.
const LIMIT: f64 = 1.05;

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
        let mut times: Vec<Vec<f64>> = vec![Vec::new(); SETUPS.len()];
        for (setup, _) in SETUPS {
            wait_for(&api, &scenario, setup);
            (0..WARM_UP).for_each(|_| drop(api.create(setup, &scenario)));
        }
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs_f64(seconds) {
            // The first setup warms the caches for the next, so the order is reversed each time.
            let order: Vec<usize> = (0..SETUPS.len()).chain((0..SETUPS.len()).rev()).collect();
            for index in order {
                let start = Instant::now();
                let _ = api.create(SETUPS[index].0, &scenario);
                times[index].push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
        let spreads: Vec<[f64; 3]> = times.iter_mut().map(|times| quartiles(times)).collect();
        for (((setup, name), [lower, median, upper]), times) in SETUPS.iter().zip(&spreads).zip(&times) {
            if scenario.expected(setup).is_none() {
                continue;
            }
            let ratio = median / spreads[0][1];
            let is_limited = *setup == "ours" && !scenario.is_local;
            let verdict = match is_limited {
                true if ratio <= LIMIT => format!("≤ {LIMIT:.2}"),
                true => format!("above {LIMIT:.2}!"),
                false => String::new(),
            };
            holds &= !is_limited || ratio <= LIMIT;
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
    /// Whether a MutatingAdmissionPolicy can resolve it. It cannot look a Build up.
    in_cel: bool,
}

impl Scenario {
    /// The image as this setup stores it; `None` if the setup cannot resolve it.
    fn expected(&self, setup: &str) -> Option<Value> {
        match setup {
            "map" if !self.in_cel => None,
            "ours" | "always-asked" | "map" if self.is_local => Some(json!(format!("{HOST}/team/app:v1"))),
            _ => Some(self.written.clone()),
        }
    }
}

fn scenarios() -> [Scenario; 3] {
    let strategy = json!({"name": "buildah", "kind": "ClusterBuildStrategy"});
    let local = json!({"output": {"image": "team/app:v1", "local": true}, "strategy": strategy});
    [
        Scenario {
            name: "a Build in which nothing is local",
            object: build("measured", json!({"image": "quay.io/team/app:v1"})),
            image: "/spec/output/image",
            written: json!("quay.io/team/app:v1"),
            is_local: false,
            in_cel: true,
        },
        Scenario {
            name: "a BuildRun with a local output",
            object: build_run("measured", json!({"build": {"spec": local}})),
            image: "/spec/build/spec/output/image",
            written: json!("team/app:v1"),
            is_local: true,
            in_cel: true,
        },
        Scenario {
            name: "a BuildRun of a local Build",
            object: build_run("measured", json!({"build": {"name": "app"}})),
            image: "/spec/output/image",
            written: Value::Null,
            is_local: true,
            in_cel: false,
        },
    ]
}

/// Creates the namespace of each setup, and registers its webhook or policy for it.
fn set_up(cluster: &TestCluster) -> ModuleServer {
    let only = |namespace: &str| json!({"matchLabels": {"kubernetes.io/metadata.name": namespace}});
    for (namespace, _) in SETUPS {
        cluster.kubectl.ok(&["create", "namespace", namespace]);
    }
    let configuration = cluster.kubectl.json(&["get", "mutatingwebhookconfiguration", "clusterwide-local-registry"]);
    let webhook = &configuration["webhooks"][0];
    let register = |name: &str, client: &Value, conditions: &Value| {
        let mut webhook = webhook.clone();
        webhook["name"] = json!(format!("{name}.example.com"));
        webhook["clientConfig"] = client.clone();
        webhook["namespaceSelector"] = only(name);
        webhook["matchConditions"] = conditions.clone();
        let configuration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": name}, "webhooks": [webhook],
        });
        cluster.kubectl.ok_with(&["create", "-f", "-"], &configuration);
    };
    let nothing = ModuleServer::start(&cluster.control_plane, &std::env::var("NOTHING_WASM").expect("NOTHING_WASM"));
    register("nothing", &nothing.client_config, &json!([]));
    register("ours", &webhook["clientConfig"], &webhook["matchConditions"]);
    register("always-asked", &webhook["clientConfig"], &json!([]));
    cluster.kubectl.ok(&["delete", "mutatingwebhookconfiguration", "clusterwide-local-registry"]);

    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": "map"},
        "spec": {
            "matchConstraints": {"namespaceSelector": only("map"), "resourceRules": webhook["rules"]},
            "matchConditions": [{
                "name": "local",
                "expression": "has(object.spec.build) && has(object.spec.build.spec) && has(object.spec.build.spec.output.local) && object.spec.build.spec.output.local",
            }],
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": format!(
                "[JSONPatch{{op: 'replace', path: '/spec/build/spec/output/image', value: '{HOST}/' + object.spec.build.spec.output.image}}]"
            )}}],
        },
    });
    cluster.kubectl.ok_with(&["create", "-f", "-"], &policy);
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": "map"}, "spec": {"policyName": "map"},
    });
    cluster.kubectl.ok_with(&["create", "-f", "-"], &binding);
    for (namespace, _) in SETUPS {
        let mut local = build("app", json!({"image": "team/app:v1", "local": true}));
        local["metadata"]["namespace"] = json!(namespace);
        cluster.kubectl.ok_with(&["create", "-f", "-"], &local);
    }
    nothing
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
        let url = format!("{}/apis/shipwright.io/v1beta1/namespaces/{namespace}/{kind}?dryRun=All", self.url);
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
