//! Knative Services that run what was built.

use std::net::TcpStream;
use std::time::Instant;

use e2e::eventually;
use local_registry_testkit::repository;
use serde_json::Value;

use crate::builds::Built;
use crate::http;
use crate::kit::Kit;

/// Runs an example of a Knative Service. Knative asks the registry for the digest, and its pod answers with the word.
pub(crate) fn run_a_service(kit: &Kit, file: &str, built: &Built) {
    let kubectl = &kit.node.kubectl;
    let written = repository::read(file);
    let name = written["metadata"]["name"].as_str().unwrap();
    let selector = format!("--selector=serving.knative.dev/service={name}");
    let started = Instant::now();
    // Knative's own webhooks are asked, too.
    kubectl.ok(&["apply", "-f", file, "--namespace=team"]);
    let revision = eventually("the Revision to be ready, or to have failed", || {
        let revisions = kubectl.json(&["get", "revisions.serving.knative.dev", "--namespace=team", &selector]);
        let revision = revisions["items"].as_array()?.first()?.clone();
        let ready = condition(&revision, "Ready")["status"].clone();
        ["True", "False"].contains(&ready.as_str()?).then_some(revision)
    });
    assert_eq!(condition(&revision, "Ready")["status"], "True", "{revision:#}");
    println!("number: {file} is ready after {:.1} s", started.elapsed().as_secs_f64());
    assert_eq!(revision["spec"]["containers"][0]["image"], built.name);
    assert_eq!(revision["status"]["containerStatuses"][0]["imageDigest"], built.by_digest);
    let pods = kubectl.json(&["get", "pods", "--namespace=team", &selector]);
    assert_eq!(pods["items"][0]["spec"]["containers"][0]["image"], built.by_digest);
    let service = format!("{}-private", revision["metadata"]["name"].as_str().unwrap());
    let address = ["get", "service", &service, "--namespace=team", "--output=jsonpath={.spec.clusterIP}"];
    let address = format!("{}:80", kubectl.ok(&address));
    eventually("the Revision's Service to lead to its pod", || TcpStream::connect(&address).ok());
    let answer = http::ask(&address, "GET", "/", "", b"");
    assert_eq!((answer.status, answer.body.as_str()), (200, format!("{}\n", built.word).as_str()));
    // What was applied stays as it was written.
    let stored = kubectl.json(&["get", "services.serving.knative.dev", name, "--namespace=team"]);
    let image = |service: &Value| service["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    assert_eq!(image(&stored), image(&written));
}

/// A condition of an object's status.
fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    conditions.iter().find(|condition| condition["type"] == kind).unwrap_or(&Value::Null)
}
