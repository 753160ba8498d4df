//! Whether every program is in line with the cluster when the run ends.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use e2e::Kubectl;
use reqwest::blocking::Client;
use serde_json::Value;

use crate::clients::Clients;
use crate::programs::{Program, mapped};
use crate::scene::{Scene, in_release, namespace};

/// How long the programs may take to be in line. The last quiet time was before that already.
const LONGEST: Duration = Duration::from_mins(1);

/// What is not in line, when the run ends and a while after that.
pub(crate) fn not_in_line(scene: &Scene, programs: &[Program], clients: &Clients) -> Vec<String> {
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap();
    let start = Instant::now();
    loop {
        let faults = [
            ready(programs, &client),
            policy(scene),
            crds(scene, programs, &client),
            files(scene),
            token(scene, clients),
            labelled(scene),
        ]
        .concat();
        if faults.is_empty() || start.elapsed() > LONGEST {
            return faults;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn ready(programs: &[Program], client: &Client) -> Vec<String> {
    let is_not = |program: &&Program| !matches!(program.answer(client, "/readyz"), Some((200, _)));
    let all = programs.iter().filter(is_not);
    all.map(|program| format!("{}: not ready; expected 200 from /readyz", program.name)).collect()
}

/// The policy has the host that is declared.
fn policy(scene: &Scene) -> Vec<String> {
    let host = scene.cluster.policy()["spec"]["settings"]["host"].clone();
    expect("sync: the policy's host", &host, &Value::from(scene.host))
}

/// The field is in every version of the CRDs, and the sync job says so.
fn crds(scene: &Scene, programs: &[Program], client: &Client) -> Vec<String> {
    let mut faults = Vec::new();
    for name in ["builds", "buildruns"] {
        let crd = scene.cluster.kubectl.json(&["get", "crd", &format!("{name}.shipwright.io")]);
        for version in crd["spec"]["versions"].as_array().unwrap() {
            let field = "/schema/openAPIV3Schema/properties/spec/properties/output/properties/local/type";
            let found = version.pointer(field).cloned().unwrap_or_default();
            let what = format!("sync: the field local of {name} {}", version["name"]);
            faults.extend(expect(&what, &found, &Value::from("boolean")));
        }
        let metric = format!(r#"local_registry_sync_crd_field{{crd="{name}.shipwright.io",state="there"}}"#);
        let said = programs.iter().find_map(|program| program.metric(client, &metric));
        faults.extend(expect(&format!("sync: the metric {metric}"), &Value::from(said), &Value::from("1")));
    }
    faults
}

/// The files of the declared and of the portable name lead to where the Service is.
fn files(scene: &Scene) -> Vec<String> {
    let kubectl = &scene.cluster.kubectl;
    let agent = kubectl.json(&["get", "daemonset", "local-registry-node", "--namespace=local-registry-nodes"]);
    let name = mapped(&agent, scene.host).split('.').next().unwrap();
    let service = kubectl.json(&["get", "service", name, &in_release()]);
    let address = service["spec"]["clusterIP"].as_str().unwrap();
    let line = format!("server = \"http://{address}:{}\"", service["spec"]["ports"][0]["port"]);
    let folders = [scene.host, "local-registry:5000"].map(|host| format!("{}_", host.replace(':', "_")));
    let wrong = folders.iter().filter(|folder| {
        let file = scene.certs().join(folder).join("hosts.toml");
        !std::fs::read_to_string(file).is_ok_and(|text| text.contains(&line))
    });
    wrong.map(|folder| format!("node: {folder}/hosts.toml: expected the line {line}")).collect()
}

/// A token is given, by the last certificate.
fn token(scene: &Scene, clients: &Clients) -> Vec<String> {
    let mut faults = Vec::new();
    if !clients.gets_a_token() {
        faults.push("token: somebody who may push gets no token; expected one with that right".to_owned());
    }
    let pem: String = scene.certificate.lines().filter(|line| !line.starts_with('-')).collect();
    if clients.certificate() != STANDARD.decode(pem).ok() {
        faults.push("token: the certificate is not the one that was written last".to_owned());
    }
    faults
}

/// Every labelled namespace has its Secret and its alias for the host, and no other one has.
fn labelled(scene: &Scene) -> Vec<String> {
    let kubectl = &scene.cluster.kubectl;
    let mut faults = Vec::new();
    for (index, (push, alias)) in scene.push.iter().zip(&scene.alias).enumerate() {
        let namespace = namespace(index);
        let found = stored(kubectl, &["secret", "local-registry-push"], &namespace);
        let text = found["data"][".dockerconfigjson"].as_str().unwrap_or_default();
        let config: Value = serde_json::from_slice(&STANDARD.decode(text).unwrap()).unwrap_or_default();
        let password = config["auths"][scene.host]["password"].as_str().unwrap_or_default();
        if password.is_empty() == *push {
            faults.push(format!(
                "credentials: {namespace}: the password for {} is {} bytes long; expected {}",
                scene.host,
                password.len(),
                if *push { "one" } else { "none" }
            ));
        }
        let leads = stored(kubectl, &["service", "local-registry"], &namespace)["spec"]["externalName"].clone();
        let host = alias.then(|| scene.host.trim_end_matches(":5000"));
        faults.extend(expect(&format!("sync: {namespace}: the alias"), &leads, &Value::from(host)));
    }
    faults
}

/// An object, or null.
fn stored(kubectl: &Kubectl, object: &[&str], namespace: &str) -> Value {
    let get = ["--namespace", namespace, "--ignore-not-found", "--output=json"];
    serde_json::from_str(&kubectl.ok(&[&["get"], object, &get[..]].concat())).unwrap_or_default()
}

fn expect(what: &str, found: &Value, expected: &Value) -> Vec<String> {
    if found == expected { vec![] } else { vec![format!("{what}: found {found}; expected {expected}")] }
}
