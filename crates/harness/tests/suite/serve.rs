//! The harness as an admission webhook.

use local_registry_testkit::repository::{policy_module, root};
use local_registry_testkit::review::patch;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};

use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};

/// A server that stops with the test.
struct Server {
    child: Child,
    url: String,
    client: Client,
}

impl Server {
    fn start(arguments: &[&str], certificate: Option<&str>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut child = Command::new(env!("CARGO_BIN_EXE_harness"))
            .current_dir(root())
            .args(["serve", "--address", "127.0.0.1:0", "--settings-path", "examples/settings.yaml"])
            .args(["--objects-path", "examples/objects"])
            .args(arguments)
            .arg(policy_module())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect(&line).to_owned();
        // Each request gets a new connection, since a server may close one after a body that it refuses.
        let mut client = Client::builder().pool_max_idle_per_host(0);
        if let Some(certificate) = certificate {
            client = client.tls_certs_only([reqwest::Certificate::from_pem(certificate.as_bytes()).unwrap()]);
        }
        Self { child, url, client: client.build().unwrap() }
    }

    fn post(&self, path: &str, body: impl Into<reqwest::blocking::Body>) -> Response {
        let request = self.client.post(format!("{}{path}", self.url)).header("content-type", "application/json");
        request.body(body).send().unwrap()
    }

    fn validate(&self, review: &Value) -> Value {
        let response = self.post("/validate/local-registry", review.to_string());
        assert_eq!(response.status(), 200);
        response.json().unwrap()
    }

    /// Sends SIGTERM, and waits for the exit status.
    fn stop(&mut self) -> ExitStatus {
        let killed = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status().unwrap();
        assert!(killed.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn review(uid: &str, image: &str) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": uid,
            "kind": {"group": "shipwright.io", "version": "v1beta1", "kind": "BuildRun"},
            "operation": "CREATE",
            "namespace": "team",
            "object": {"spec": {"build": {"spec": {"output": {"image": image, "local": true}}}}},
        },
    })
}

fn injected(response: &Value) -> Value {
    patch(&response["response"]).unwrap()[0]["value"].clone()
}

#[test]
fn reviews_are_answered_over_http() {
    let mut server = Server::start(&[], None);
    assert!(server.url.starts_with("http://127.0.0.1:"));
    let response = server.validate(&review("1", "team/app"));
    assert_eq!(response["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(response["kind"], "AdmissionReview");
    assert_eq!(response["response"]["uid"], "1");
    assert_eq!(injected(&response), "kind-registry:5000/team/app");

    let rejected = server.validate(&review("2", "quay.io/team/app"));
    assert_eq!(rejected["response"]["allowed"], false);
    assert_eq!(rejected["response"]["status"]["code"], 400);

    let sample = std::fs::read_to_string(root().join("examples/buildrun-request.json")).unwrap();
    let looked_up = server.validate(&serde_json::from_str(&sample).unwrap());
    assert_eq!(injected(&looked_up), json!({"image": "kind-registry:5000/team/hello:v1", "insecure": true}));

    assert_eq!(server.client.get(format!("{}/readiness", server.url)).send().unwrap().status(), 200);
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn a_policy_that_may_not_mutate_rejects_what_it_would_change() {
    let server = Server::start(&["--mutating", "false"], None);
    let rejected = server.validate(&review("1", "team/app"));
    assert_eq!(
        rejected["response"],
        json!({
            "uid": "1",
            "allowed": false,
            "status": {"message": "Request rejected by policy local-registry. The policy attempted to mutate the request, but it is currently configured to not allow mutations."},
        })
    );
    let resolved = server.validate(&review("2", "kind-registry:5000/team/app"));
    assert_eq!(resolved["response"]["allowed"], true, "{resolved}");
    assert_eq!(resolved["response"].get("patch"), None);
}

#[test]
fn a_custom_message_keeps_the_reason_of_the_policy_as_its_cause() {
    let server = Server::start(&["--message", "ask the platform team"], None);
    let rejected = server.validate(&review("1", "quay.io/team/app"));
    let status = &rejected["response"]["status"];
    assert_eq!(status["message"], "ask the platform team");
    let cause = status["details"]["causes"][0]["message"].as_str().unwrap();
    assert!(cause.starts_with("spec.build.spec.output.image"), "{cause}");
    assert_eq!(status["code"], 400);

    let accepted = server.validate(&review("2", "team/app"));
    assert_eq!(accepted["response"]["allowed"], true);
    assert_eq!(accepted["response"].get("status"), None);
}

#[test]
fn reviews_are_answered_over_https() {
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    std::fs::write(&certificate, certified.cert.pem()).unwrap();
    std::fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
    let arguments = ["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let mut server = Server::start(&arguments, Some(&certified.cert.pem()));
    assert!(server.url.starts_with("https://127.0.0.1:"));
    assert_eq!(injected(&server.validate(&review("1", "team/app"))), "kind-registry:5000/team/app");
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn an_unusable_certificate_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_harness"))
        .current_dir(root())
        .args(["serve", "--address", "127.0.0.1:0", "--tls-cert", "Makefile", "--tls-key", "Makefile"])
        .arg(policy_module())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("error: Makefile and Makefile: no usable certificate and key"), "{stderr}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn malformed_bodies_get_an_error_and_the_server_goes_on() {
    let server = Server::start(&[], None);
    let mut other_version = review("1", "team/app");
    other_version["apiVersion"] = json!("admission.k8s.io/v1beta1");
    let mut no_request = review("1", "team/app");
    no_request.as_object_mut().unwrap().remove("request");
    let mut no_uid = review("1", "team/app");
    no_uid["request"].as_object_mut().unwrap().remove("uid");
    let cases = [
        (String::new(), "not an AdmissionReview or AdmissionRequest: EOF while parsing a value at line 1 column 0"),
        ("{".to_owned(), "not an AdmissionReview or AdmissionRequest: EOF while parsing an object at line 1 column 1"),
        ("{}{}".to_owned(), "not an AdmissionReview or AdmissionRequest: trailing characters at line 1 column 3"),
        (
            other_version.to_string(),
            "the AdmissionReview has apiVersion \"admission.k8s.io/v1beta1\", kind \"AdmissionReview\"; expected apiVersion admission.k8s.io/v1, kind AdmissionReview, and a request",
        ),
        (
            no_request.to_string(),
            "the AdmissionReview has apiVersion \"admission.k8s.io/v1\", kind \"AdmissionReview\"; expected apiVersion admission.k8s.io/v1, kind AdmissionReview, and a request",
        ),
        (no_uid.to_string(), "not an AdmissionReview or AdmissionRequest: missing field `uid` at line 1 column 194"),
    ];
    for (body, message) in cases {
        let response = server.post("/validate/local-registry", body);
        assert_eq!(response.status(), 400);
        assert_eq!(response.json::<Value>().unwrap(), json!({"message": message, "status": 400}));
    }
    assert_eq!(server.post("/validate/local-registry", vec![0xff; 9]).status(), 400);
    // One byte more than is allowed. The server answers only when it has read all of it.
    assert_eq!(server.post("/validate/local-registry", vec![b' '; 8 * 1024 * 1024 + 1]).status(), 413);
    assert_eq!(server.post("/elsewhere", "{}").status(), 404);
    assert_eq!(injected(&server.validate(&review("1", "team/app"))), "kind-registry:5000/team/app");
}

#[test]
fn requests_at_the_same_time_get_their_own_answers() {
    let mut server = Server::start(&[], None);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let server = &server;
            scope.spawn(move || {
                for request in 0..25 {
                    let uid = format!("{thread}-{request}");
                    let response = server.validate(&review(&uid, &format!("team/app-{uid}")));
                    assert_eq!(response["response"]["uid"], uid);
                    assert_eq!(injected(&response), format!("kind-registry:5000/team/app-{uid}"));
                }
            });
        }
    });
    assert_eq!(server.stop().code(), Some(0));
}
