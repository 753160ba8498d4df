//! The field in Shipwright's CRDs: what is to be changed, and against a stand-in for the API server when it is. Seconds are
//! those of tokio's clock, which is paused: it moves on where every task waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use local_registry_cluster::Cluster;
use local_registry_cluster::crds::{Crd, crd_name};
use local_registry_core::shipwright::{Kind, Version, image_fields};
use local_registry_sync::crds::{Addition, CrdReport, CrdResult, Removal, add, remove, revoke_and_remove, watch};
use local_registry_sync::{Revocation, RevocationResult};
use local_registry_testkit::api_server::{Answer, Step, next_steps, send, send_watch, status};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tower_test::mock::pair;

const DESCRIPTION: &str = "The image names no registry: the cluster's own is put in front of it at admission.";
const RESYNC: Duration = Duration::from_mins(1);

fn pointer(index: usize, path: &[&str]) -> String {
    let schema = format!("/spec/versions/{index}/schema/openAPIV3Schema");
    path.iter().fold(schema, |pointer, part| format!("{pointer}/properties/{part}"))
}

/// A schema with images at these paths, without the field.
fn schema(kind: Kind, version: Version) -> Value {
    let mut root = json!({"type": "object"});
    for field in image_fields(kind, version) {
        let mut schema = &mut root;
        for part in field.path {
            schema = &mut schema["properties"][*part];
            schema["type"] = json!("object");
        }
        schema["properties"] = json!({"image": {"type": "string", "description": "x"}, "timeout": {"type": "string"}});
    }
    root
}

/// The CRD of a kind with these versions, all of them served. Those that are known have images without the field.
fn crd(kind: Kind, versions: &[&str]) -> Value {
    let version = |name: &&str| {
        let schema = Version::parse(name).map_or(json!({"type": "object"}), |version| schema(kind, version));
        json!({"name": name, "served": true, "storage": *name == "v1beta1", "schema": {"openAPIV3Schema": schema}})
    };
    let versions: Vec<Value> = versions.iter().map(version).collect();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": crd_name(kind), "resourceVersion": "2"},
        "spec": {"group": "shipwright.io", "versions": versions},
    })
}

const BOTH: [&str; 2] = ["v1alpha1", "v1beta1"];
const OUTPUT: [&str; 2] = ["spec", "output"];

/// A property beside the image of an output of v1beta1, where that is the only version.
fn beside<'c>(crd: &'c mut Value, property: &str) -> &'c mut Value {
    &mut crd.pointer_mut(&pointer(0, &OUTPUT)).unwrap()["properties"][property]
}

fn read(crd: &Value) -> Crd {
    let mut read: Crd = serde_json::from_value(crd["spec"].clone()).unwrap();
    read.resource_version = "2".to_owned();
    read
}

/// What a JSON patch makes of an object; an error if a test fails.
fn apply(object: &Value, operations: &[Value]) -> Result<Value, String> {
    let mut object = object.clone();
    for operation in operations {
        let path = operation["path"].as_str().unwrap();
        let (parent, last) = path.rsplit_once('/').unwrap();
        let parent = object.pointer_mut(parent).ok_or_else(|| format!("{path}: not there"))?;
        match operation["op"].as_str().unwrap() {
            "test" if parent.get(last) == Some(&operation["value"]) => {}
            "add" | "replace" => parent[last] = operation["value"].clone(),
            "remove" => drop(parent.as_object_mut().unwrap().remove(last).ok_or("not there")?),
            _ => return Err(format!("{operation}: failed")),
        }
    }
    Ok(object)
}

/// The CRD after the field was added; itself if nothing is missing.
fn added(kind: Kind, crd: &Value) -> Result<Value, String> {
    match Addition::to(kind, &read(crd)).map_err(|other| other.to_string())? {
        Addition::Nothing => Ok(crd.clone()),
        Addition::Missing(change) => apply(crd, change.operations()),
    }
}

#[test]
fn the_patch_tests_what_it_relies_on() {
    let Ok(Addition::Missing(change)) = Addition::to(Kind::Build, &read(&crd(Kind::Build, &["v1", "v1beta1"]))) else {
        panic!("nothing is missing");
    };
    let field = json!({"type": "boolean", "description": DESCRIPTION});
    let (output, source) = (pointer(1, &OUTPUT), pointer(1, &["spec", "source", "ociArtifact"]));
    assert_eq!(
        json!(change.operations()),
        json!([
            {"op": "replace", "path": "/metadata/resourceVersion", "value": "2"},
            {"op": "test", "path": "/spec/versions/1/name", "value": "v1beta1"},
            {"op": "test", "path": format!("{output}/properties/image/type"), "value": "string"},
            {"op": "add", "path": format!("{output}/properties/local"), "value": field},
            {"op": "test", "path": format!("{source}/properties/image/type"), "value": "string"},
            {"op": "add", "path": format!("{source}/properties/local"), "value": field},
        ])
    );
    assert_eq!(change.places(), ["v1beta1 spec.output", "v1beta1 spec.source.ociArtifact"]);
}

#[test]
fn every_image_of_every_version_gets_the_field_and_gives_it_up_again() {
    for kind in Kind::ALL {
        for versions in [&BOTH[..], &["v1beta1", "v1alpha1"], &["v1beta1"], &["v1alpha1"], &["v1", "v1beta1", "v2"]] {
            let before = crd(kind, versions);
            let after = added(kind, &before).unwrap();
            for (index, version) in versions.iter().enumerate() {
                for field in Version::parse(version).into_iter().flat_map(|version| image_fields(kind, version)) {
                    let local = after.pointer(&pointer(index, field.path)).unwrap()["properties"]["local"].clone();
                    assert_eq!(local, json!({"type": "boolean", "description": DESCRIPTION}), "{kind:?} {version}");
                }
            }
            assert_eq!(added(kind, &after), Ok(after.clone()), "a second time, nothing is missing");
            let removal = Removal::from(kind, &read(&after));
            assert_eq!((removal.warnings, removal.left), (vec![], vec![]));
            assert_eq!(apply(&after, removal.change.unwrap().operations()), Ok(before.clone()));
            assert_eq!(Removal::from(kind, &read(&before)).change, None);
        }
    }
}

#[test]
fn one_field_that_is_missing_is_added() {
    let whole = added(Kind::BuildRun, &crd(Kind::BuildRun, &BOTH)).unwrap();
    for (index, version) in BOTH.iter().enumerate() {
        for field in image_fields(Kind::BuildRun, Version::parse(version).unwrap()) {
            let mut part = whole.clone();
            let image = part.pointer_mut(&pointer(index, field.path)).unwrap();
            image["properties"].as_object_mut().unwrap().remove("local");
            assert_eq!(added(Kind::BuildRun, &part).as_ref(), Ok(&whole));
        }
    }
}

/// The error about a CRD of v1beta1 that differs in this way. Where one image is not as it should be, none gets the field.
#[track_caller]
fn check_shape(differ: impl FnOnce(&mut Value), expected: &str) {
    let mut other = crd(Kind::Build, &["v1beta1", "v1alpha1"]);
    differ(&mut other);
    assert_eq!(added(Kind::Build, &other).unwrap_err(), expected);
}

#[test]
fn another_shape_is_an_error() {
    let output = pointer(0, &OUTPUT);
    check_shape(
        |crd| *beside(crd, "image") = json!({"type": "object"}),
        "v1beta1 spec.output.image: found the type `object`; expected a string",
    );
    check_shape(
        |crd| *beside(crd, "image") = json!({"x-kubernetes-int-or-string": true}),
        "v1beta1 spec.output.image: found a value of any type; expected a string",
    );
    check_shape(
        |crd| *beside(crd, "local") = json!({"type": "string"}),
        "v1beta1 spec.output.local: found the type `string`; expected a boolean",
    );
    // Each of these would make more of an image than its author wrote.
    for (keyword, value) in [("default", json!(true)), ("nullable", json!(true)), ("enum", json!([true]))] {
        check_shape(
            |crd| *beside(crd, "local") = json!({"type": "boolean", "description": DESCRIPTION, keyword: value}),
            &format!(
                "v1beta1 spec.output.local: found a boolean with {keyword}; expected a boolean without default, nullable \
                 and enum"
            ),
        );
    }
    check_shape(
        |crd| *crd.pointer_mut(&output).unwrap() = json!({"type": "object", "properties": {"reference": {}}}),
        "v1beta1 spec.output.image: found nothing; expected a string",
    );
    check_shape(
        |crd| *crd.pointer_mut(&output).unwrap() = json!({"type": "string"}),
        "v1beta1 spec.output.image: found nothing; expected a string",
    );
    // The other version, which comes last.
    check_shape(
        |crd| *crd.pointer_mut(&pointer(1, &["spec", "source"])).unwrap() = json!({"type": "object"}),
        "v1alpha1 spec.source.bundleContainer: found nothing; expected an object",
    );
    check_shape(
        |crd| crd["spec"]["versions"][0]["schema"] = json!({}),
        "v1beta1 schema: found nothing; expected a schema",
    );
    check_shape(
        |crd| crd["spec"]["versions"] = json!([{"name": "v1", "served": true}, {"name": "v2", "served": true}]),
        "spec.versions: found `v1`, `v2`; expected v1alpha1 or v1beta1",
    );
    // Whatever is written in a version that is known would lose the field where it is stored.
    check_shape(
        |crd| {
            crd["spec"]["versions"][0]["storage"] = json!(false);
            let v1 = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}});
            crd["spec"]["versions"].as_array_mut().unwrap().push(v1);
        },
        "spec.versions: found the storage version `v1`; expected v1alpha1 or v1beta1",
    );
}

#[test]
fn where_every_field_is_kept_none_is_needed() {
    let mut free = crd(Kind::Build, &["v1beta1"]);
    let spec = free.pointer_mut(&pointer(0, &["spec"])).unwrap();
    *spec = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    assert_eq!(added(Kind::Build, &free), Ok(free));

    let mut free = crd(Kind::Build, &["v1beta1"]);
    for path in [&OUTPUT[..], &["spec", "source", "ociArtifact"]] {
        free.pointer_mut(&pointer(0, path)).unwrap()["x-kubernetes-preserve-unknown-fields"] = json!(true);
    }
    assert_eq!(added(Kind::Build, &free), Ok(free));

    let mut free = crd(Kind::Build, &["v1beta1"]);
    free["spec"]["preserveUnknownFields"] = json!(true);
    assert_eq!(added(Kind::Build, &free), Ok(free));
}

#[test]
fn a_version_that_nobody_uses_is_left_alone() {
    let mut crd = crd(Kind::Build, &BOTH);
    crd["spec"]["versions"][0] = json!({"name": "v1alpha1", "served": false, "storage": false});
    let after = added(Kind::Build, &crd).unwrap();
    assert_eq!(after["spec"]["versions"][0], crd["spec"]["versions"][0]);
    assert_ne!(after["spec"]["versions"][1], crd["spec"]["versions"][1]);
}

#[test]
fn only_what_this_program_added_is_removed() {
    for theirs in [json!({"type": "boolean"}), json!({"type": "boolean", "description": "x"})] {
        let mut crd = added(Kind::Build, &crd(Kind::Build, &["v1beta1"])).unwrap();
        *beside(&mut crd, "local") = theirs;
        assert_eq!(added(Kind::Build, &crd).as_ref(), Ok(&crd), "it serves");
        let removal = Removal::from(Kind::Build, &read(&crd));
        assert_eq!(removal.change.unwrap().places(), ["v1beta1 spec.source.ociArtifact"]);
        assert_eq!(
            removal.warnings,
            ["v1beta1 spec.output: the field local has another description, so somebody else added it"]
        );
    }
}

#[test]
fn a_field_of_its_own_that_cannot_be_removed_is_named() {
    let mut other = added(Kind::Build, &crd(Kind::Build, &["v1beta1"])).unwrap();
    *beside(&mut other, "image") = json!({"type": "object"});
    let removal = Removal::from(Kind::Build, &read(&other));
    assert_eq!(removal.change.unwrap().places(), ["v1beta1 spec.source.ociArtifact"]);
    assert_eq!(removal.warnings, ["v1beta1 spec.output.image: found the type `object`; expected a string"]);
    assert_eq!(removal.left, ["v1beta1 spec.output"]);

    // One that is not its own stays, and nothing is left to be done.
    *beside(&mut other, "local") = json!({"type": "string"});
    assert_eq!(Removal::from(Kind::Build, &read(&other)).left, Vec::<String>::new());
    // A version that nobody uses may have any shape.
    let mut unused = crd(Kind::Build, &BOTH);
    unused["spec"]["versions"][0] = json!({"name": "v1alpha1", "served": false, "storage": false});
    let removal = Removal::from(Kind::Build, &read(&unused));
    assert_eq!((removal.change, removal.warnings, removal.left), (None, vec![], vec![]));
}

/// An API server with one CRD. It is listed as it is, and watches send what was set in advance.
#[derive(Default)]
struct Server {
    crd: Option<Value>,
    /// Whether it is not listed yet.
    is_late: bool,
    /// Whether nothing may be read.
    is_forbidden: bool,
    /// Whether somebody takes out at once what is added.
    is_reset: bool,
    watches: VecDeque<Step>,
    /// The codes that the next patches are refused with.
    refusals: VecDeque<u16>,
    /// The second of each patch, whether it was refused or not.
    patches: Vec<u64>,
    /// The notes of the Events that were created.
    events: Vec<String>,
    /// The code that a deletion of a ClusterRoleBinding is answered with; 404 if there is none.
    revocation: Option<u16>,
    /// The method and the second of each change of a binding or a CRD, in their order.
    writes: Vec<(Method, u64)>,
    /// How often somebody puts back what is removed, before it is read again.
    returns: u32,
    /// What is put back.
    removed: Option<Value>,
}

impl Server {
    fn answer(&mut self, request: &Request<Body>, body: &[u8], start: Instant) -> (u16, Value) {
        let name = crd_name(Kind::Build);
        let failure = |code: u16| (code, status(code, "", "no", &json!({"name": name})));
        let path = request.uri().path();
        if path.contains("/events") {
            let event: Value = serde_json::from_slice(body).unwrap();
            self.events.extend(event["note"].as_str().map(ToOwned::to_owned));
            return (201, json!({"metadata": {}}));
        }
        if self.is_forbidden {
            return failure(403);
        }
        if request.method() == Method::DELETE {
            assert_eq!(path, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/local-registry-sync");
            if !String::from_utf8_lossy(body).contains("dryRun") {
                self.writes.push((Method::DELETE, start.elapsed().as_secs()));
            }
            let details = json!({"name": "local-registry-sync", "group": "rbac.authorization.k8s.io", "kind": "clusterrolebindings"});
            return match self.revocation.unwrap_or(404) {
                200 => (
                    200,
                    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}),
                ),
                code => (code, status(code, "", "no", &details)),
            };
        }
        if path.ends_with("/customresourcedefinitions") {
            let query = request.uri().query().unwrap_or_default();
            assert!(query.contains("fieldSelector=metadata.name%3Dbuilds.shipwright.io"), "{query}");
            let items: Vec<&Value> = self.crd.iter().filter(|_| !self.is_late).collect();
            let metadata = json!({"resourceVersion": "1"});
            return (200, json!({"kind": "CustomResourceDefinitionList", "metadata": metadata, "items": items}));
        }
        if path.ends_with("/buildruns.shipwright.io") {
            return (404, status(404, "NotFound", "no", &json!({"name": "buildruns.shipwright.io"})));
        }
        assert_eq!(path, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/builds.shipwright.io");
        if self.returns > 0 && request.method() == Method::GET && self.removed.is_some() {
            self.crd = self.removed.take();
            self.returns -= 1;
        }
        let Some(crd) = self.crd.as_ref() else { return failure(404) };
        if request.method() != Method::PATCH {
            return (200, crd.clone());
        }
        assert_eq!(request.headers()["content-type"], "application/json-patch+json");
        self.patches.push(start.elapsed().as_secs());
        match self.refusals.pop_front() {
            // A test of the patch failed. The API server does not say which.
            Some(422) => return (422, status(422, "Invalid", "the server rejected our request", &json!({}))),
            Some(code) => return failure(code),
            None => {}
        }
        let operations: Vec<Value> = serde_json::from_slice(body).unwrap();
        let patched = apply(crd, &operations).unwrap();
        let is_stored = !request.uri().query().unwrap_or_default().contains("dryRun=All");
        if is_stored {
            self.writes.push((Method::PATCH, start.elapsed().as_secs()));
        }
        if is_stored && !self.is_reset {
            self.removed = self.crd.replace(patched.clone());
        }
        (200, patched)
    }
}

/// Does this with a cluster for at most so many seconds, and returns the server.
async fn run<T>(server: Server, seconds: u64, work: impl AsyncFnOnce(Cluster) -> T) -> (Server, Option<T>) {
    let (service, mut handle) = pair::<Request<Body>, Response<Answer>>();
    let (server, start) = (Arc::new(Mutex::new(server)), Instant::now());
    let serving = Arc::clone(&server);
    tokio::spawn(async move {
        while let Some((request, response)) = handle.next_request().await {
            let (head, body) = request.into_parts();
            let body = body.collect_bytes().await.unwrap();
            let request = Request::from_parts(head, Body::empty());
            let mut server = serving.lock().unwrap();
            if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
                send_watch(response, next_steps(&mut server.watches));
            } else {
                let (code, answer) = server.answer(&request, &body, start);
                send(response, code, &answer);
            }
        }
    });
    let cluster = Cluster::new(Client::new(service, "default"));
    let result = tokio::select! {
        result = work(cluster) => Some(result),
        () = sleep(Duration::from_secs(seconds)) => None,
    };
    let server = std::mem::take(&mut *server.lock().unwrap());
    (server, result)
}

/// Watches for that many seconds, and returns the server and the reports, each with its second.
async fn watched(server: Server, seconds: u64) -> (Server, Vec<(u64, CrdReport)>) {
    let (start, mut reports) = (Instant::now(), Vec::new());
    let show = |report: &CrdReport| reports.push((start.elapsed().as_secs(), report.clone()));
    let (server, _) =
        run(server, seconds, async |cluster| match watch(&cluster, Kind::Build, false, RESYNC, show).await {}).await;
    reports.dedup_by(|later, earlier| later.1 == earlier.1);
    (server, reports)
}

fn modified(crd: &Value, version: usize) -> Value {
    let mut crd = crd.clone();
    crd["metadata"]["resourceVersion"] = json!(version.to_string());
    json!({"type": "MODIFIED", "object": crd})
}

fn results(reports: &[(u64, CrdReport)]) -> Vec<(u64, String)> {
    let name = |report: &CrdReport| serde_json::to_value(report).unwrap()["result"].as_str().unwrap().to_owned();
    reports.iter().map(|(second, report)| (*second, name(report))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_field_that_is_taken_out_is_back_at_once() {
    let without = crd(Kind::Build, &BOTH);
    let with = added(Kind::Build, &without).unwrap();
    let upgrade = |seconds| (Duration::from_secs(seconds), vec![modified(&without, 7)]);
    // What was written is seen a moment later, after the watch was started again.
    let seen = |seconds| (Duration::from_secs(seconds), vec![modified(&with, 8)]);
    let watches = [seen(5), upgrade(100), seen(5), upgrade(200), seen(5)].into();
    let server = Server { crd: Some(without.clone()), watches, ..Server::default() };
    let (server, reports) = watched(server, 1000).await;
    let [0, 105..=120, 310..=340] = server.patches[..] else { panic!("{:?}", server.patches) };
    let names: Vec<String> = results(&reports).into_iter().map(|(_, result)| result).collect();
    assert_eq!(names, ["added", "unchanged"].repeat(3));
    assert!(server.events[0].starts_with("added the field local in v1alpha1 spec.output, "), "{:?}", server.events);
}

#[tokio::test(start_paused = true)]
async fn a_crd_that_comes_later_gets_the_field() {
    let later = crd(Kind::Build, &["v1beta1"]);
    let with = added(Kind::Build, &later).unwrap();
    let event = json!({"type": "ADDED", "object": later});
    let watches = [(Duration::from_secs(100), vec![event]), (Duration::from_secs(5), vec![modified(&with, 3)])].into();
    let (server, reports) =
        watched(Server { crd: Some(later), is_late: true, watches, ..Server::default() }, 200).await;
    assert_eq!(server.patches, [100]);
    let names: Vec<String> = results(&reports).into_iter().map(|(_, result)| result).collect();
    assert_eq!(names, ["absent", "added", "unchanged"]);
}

#[tokio::test(start_paused = true)]
async fn who_takes_the_field_out_again_and_again_is_not_raced() {
    let without = crd(Kind::Build, &["v1beta1"]);
    let steps = (0..1000).map(|version| (Duration::from_secs(1), vec![modified(&without, version)]));
    let server = Server { crd: Some(without.clone()), watches: steps.collect(), is_reset: true, ..Server::default() };
    let (server, reports) = watched(server, 620).await;
    assert_eq!(server.patches.iter().filter(|second| **second < 60).count(), 20, "{:?}", server.patches);
    assert!((28..=31).contains(&server.patches.len()), "one more a minute: {:?}", server.patches);
    let (_, held_back) = reports.iter().find(|(_, report)| !report.succeeded()).unwrap();
    let line = "CRD builds.shipwright.io: lacks the field local in v1beta1 spec.output, v1beta1 spec.source.ociArtifact; \
                something takes it out again and again, so it is added once a minute; metadata.managedFields of the CRD names \
                who writes it: let that program leave spec.versions alone";
    assert_eq!(held_back.to_string(), line);
    assert_eq!(server.events.len(), 2, "the others raise their counts: {:?}", server.events);
}

#[tokio::test(start_paused = true)]
async fn only_changes_that_were_made_count_as_a_race() {
    let without = crd(Kind::Build, &["v1beta1"]);
    let steps = (0..1000).map(|version| (Duration::from_secs(1), vec![modified(&without, version)]));
    let (crd, watches, refusals) = (Some(without.clone()), steps.collect(), [500; 30].into());
    let server = Server { crd, watches, refusals, is_reset: true, ..Server::default() };
    let (server, reports) = watched(server, 600).await;
    let results = results(&reports);
    let (held_back, _) = results.iter().find(|(_, result)| result == "held-back").unwrap();
    let before = server.patches.iter().filter(|second| *second < held_back).count();
    assert!((50..65).contains(&before), "30 fail, 20 are made, and one more a minute: {before} {results:?}");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_out_of_date_is_made_again_and_is_no_failure() {
    for code in [409, 422] {
        let without = crd(Kind::Build, &["v1beta1"]);
        let newer = (Duration::from_millis(10), vec![modified(&without, 3)]);
        let (refusals, watches) = ([code].into(), [newer].into());
        let server = Server { crd: Some(without), refusals, watches, ..Server::default() };
        let (server, reports) = watched(server, 30).await;
        assert_eq!(server.patches, [0, 0]);
        assert_eq!(results(&reports), [(0, "added".to_owned())]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_fails_is_tried_again_ever_more_rarely() {
    let server = Server { crd: Some(crd(Kind::Build, &["v1beta1"])), refusals: [500; 500].into(), ..Server::default() };
    let (server, reports) = watched(server, 600).await;
    assert!((10..30).contains(&server.patches.len()), "{:?}", server.patches);
    assert_eq!(
        reports.iter().map(|(_, report)| report.to_string()).collect::<Vec<_>>(),
        [
            "CRD builds.shipwright.io: failed: CustomResourceDefinition builds.shipwright.io: the API server answered 500: no"
        ]
    );
    let note = "the field local cannot be added: CustomResourceDefinition builds.shipwright.io: the API server answered 500: no";
    assert_eq!(server.events, [note]);
}

#[tokio::test(start_paused = true)]
async fn a_crd_that_cannot_be_read_for_a_resync_is_unknown() {
    let (server, reports) = watched(Server { is_forbidden: true, ..Server::default() }, 600).await;
    assert_eq!(server.patches, Vec::<u64>::new());
    assert_eq!(results(&reports), [(60, "unknown".to_owned())]);
    let line = reports[0].1.to_string();
    assert!(
        line.contains("grant `list` on customresourcedefinitions.apiextensions.k8s.io/builds.shipwright.io"),
        "{line}"
    );
}

#[tokio::test(start_paused = true)]
async fn another_shape_is_reported_once_and_never_patched() {
    let mut other = crd(Kind::Build, &["v1beta1", "v2"]);
    *beside(&mut other, "image") = json!({"type": "object"});
    let (server, reports) = watched(Server { crd: Some(other), ..Server::default() }, 600).await;
    assert_eq!(server.patches, Vec::<u64>::new());
    let lines: Vec<String> = reports.iter().map(|(_, report)| report.to_string()).collect();
    assert_eq!(
        lines,
        [
            "CRD builds.shipwright.io: left alone, since it has another shape: v1beta1 spec.output.image: found the type \
          `object`; expected a string; use the annotations local-registry-hosting/output, /source and /builder, or a version \
          of local-registry-sync that knows this shape\n\
          warning: `v2`: this version of local-registry-sync does not know it, and adds no field there"
        ]
    );
    assert_eq!(server.events.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn once_reads_again_what_was_changed_meanwhile() {
    let server = Server { crd: Some(crd(Kind::Build, &BOTH)), refusals: [409, 422].into(), ..Server::default() };
    let (server, report) = run(server, 60, async |cluster| add(&cluster, Kind::Build, false).await).await;
    assert!(matches!(report.unwrap().result, CrdResult::Added { .. }));
    assert_eq!(server.patches.len(), 3);
    let (server, report) = run(server, 60, async |cluster| remove(&cluster, Kind::Build, false).await).await;
    assert!(matches!(report.unwrap().result, CrdResult::Removed { .. }));
    assert_eq!(server.crd, Some(crd(Kind::Build, &BOTH)));

    let server = Server { refusals: [409; 50].into(), ..server };
    let (server, report) = run(server, 60, async |cluster| add(&cluster, Kind::Build, false).await).await;
    assert_eq!(
        report.unwrap().to_string(),
        "CRD builds.shipwright.io: failed: CustomResourceDefinition builds.shipwright.io: it was changed meanwhile, so \
         nothing was written; run it again"
    );
    assert!(server.patches.len() < 10, "{:?}", server.patches);
    assert!(server.patches.last() > server.patches.first(), "with pauses: {:?}", server.patches);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_removed_is_an_error() {
    let mut other = added(Kind::Build, &crd(Kind::Build, &["v1beta1"])).unwrap();
    *beside(&mut other, "local") = json!({"type": "boolean", "description": DESCRIPTION, "default": true});
    for dry_run in [true, false] {
        let server = Server { crd: Some(other.clone()), ..Server::default() };
        let (_, report) = run(server, 60, async |cluster| remove(&cluster, Kind::Build, dry_run).await).await;
        let report = report.unwrap();
        assert!(!report.succeeded());
        let done = if dry_run { "would remove" } else { "removed" };
        let how = if dry_run { " (dry run)" } else { "" };
        assert_eq!(
            report.to_string(),
            format!(
                "CRD builds.shipwright.io: {done} the field local in v1beta1 spec.source.ociArtifact{how}\n\
                 warning: v1beta1 spec.output.local: found a boolean with default; expected a boolean without default, \
                 nullable and enum\n\
                 left: the field local in v1beta1 spec.output; remove it by hand, or with a version of local-registry-sync \
                 that knows this shape"
            )
        );
    }
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_crd_it_says_what_becomes_of_one() {
    let (_, report) = run(Server::default(), 60, async |cluster| add(&cluster, Kind::Build, false).await).await;
    let line = "CRD builds.shipwright.io: not there; install Shipwright, and run this again to add the field local";
    assert_eq!(report.unwrap().to_string(), line);
    let (_, report) = run(Server::default(), 60, async |cluster| remove(&cluster, Kind::Build, false).await).await;
    let report = report.unwrap();
    assert_eq!(report.to_string(), "CRD builds.shipwright.io: not there, so there is nothing to remove");
    assert_eq!(serde_json::to_string(&report).unwrap(), r#"{"crd":"builds.shipwright.io","result":"absent"}"#);
    let (_, reports) = watched(Server::default(), 30).await;
    let line = "CRD builds.shipwright.io: not there; the field local is added when Shipwright is installed";
    assert_eq!(reports[0].1.to_string(), line);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_writes_nothing() {
    let before = crd(Kind::Build, &BOTH);
    let server = Server { crd: Some(before.clone()), ..Server::default() };
    let (server, report) = run(server, 60, async |cluster| add(&cluster, Kind::Build, true).await).await;
    assert!(matches!(report.unwrap().result, CrdResult::WouldAdd { .. }));
    assert_eq!((server.crd.as_ref(), server.events.len()), (Some(&before), 0));
    let server = Server { crd: Some(added(Kind::Build, &before).unwrap()), ..server };
    let (_, report) = run(server, 60, async |cluster| remove(&cluster, Kind::Build, true).await).await;
    assert!(matches!(report.unwrap().result, CrdResult::WouldRemove { .. }));
}

/// An API server with the field in the CRD of Builds, which answers so to the deletion of the binding.
fn with_field(revocation: Option<u16>) -> Server {
    let crd = added(Kind::Build, &crd(Kind::Build, &["v1beta1"])).unwrap();
    Server { crd: Some(crd), revocation, ..Server::default() }
}

/// What is reported of the binding and of the CRDs, in lines, and the second of the end.
async fn revoked(server: Server, dry_run: bool) -> (Server, Vec<String>, u64) {
    let start = Instant::now();
    let work = async |cluster| revoke_and_remove(&cluster, "local-registry-sync", dry_run).await;
    let (server, result) = run(server, 60, work).await;
    let (revocation, reports) = result.unwrap();
    let lines = [vec![revocation.to_string()], reports.iter().map(ToString::to_string).collect()].concat();
    (server, lines, start.elapsed().as_secs())
}

const REMOVED: &str =
    "CRD builds.shipwright.io: removed the field local in v1beta1 spec.output, v1beta1 spec.source.ociArtifact";
const NO_RUNS: &str = "CRD buildruns.shipwright.io: not there, so there is nothing to remove";

#[tokio::test(start_paused = true)]
async fn the_right_goes_before_the_field_which_has_to_stay_away() {
    let (server, lines, second) = revoked(with_field(Some(200)), false).await;
    assert_eq!(lines, ["ClusterRoleBinding local-registry-sync: deleted", REMOVED, NO_RUNS]);
    assert_eq!(server.writes, [(Method::DELETE, 0), (Method::PATCH, 0)]);
    assert_eq!(server.crd, Some(crd(Kind::Build, &["v1beta1"])));
    assert_eq!(second, 3);
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_gone_already_is_fine() {
    let (server, lines, _) = revoked(with_field(None), false).await;
    let absent = "ClusterRoleBinding local-registry-sync: not there, so there is nothing to delete";
    assert_eq!(lines, [absent, REMOVED, NO_RUNS]);
    // A field that is not there may still come.
    let (server, lines, second) = revoked(Server { writes: vec![], ..server }, false).await;
    assert_eq!(lines, [absent, "CRD builds.shipwright.io: unchanged", NO_RUNS]);
    assert_eq!((server.writes, second), (vec![(Method::DELETE, 0)], 3));
}

#[tokio::test(start_paused = true)]
async fn a_right_that_stays_is_an_error_and_so_does_the_field() {
    for (code, reason) in [
        (
            403,
            "delete is forbidden: no; grant `delete` on clusterrolebindings.rbac.authorization.k8s.io/local-registry-sync",
        ),
        (500, "the API server answered 500: no"),
    ] {
        let (server, lines, second) = revoked(with_field(Some(code)), false).await;
        let binding = "ClusterRoleBinding local-registry-sync";
        assert_eq!(lines, [format!("{binding}: failed: {binding}: {reason}")]);
        assert_eq!((server.writes, second), (vec![(Method::DELETE, 0)], 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_field_that_comes_back_is_removed_again() {
    let (server, lines, second) = revoked(Server { returns: 1, ..with_field(Some(200)) }, false).await;
    assert_eq!(lines[1..], [REMOVED, NO_RUNS]);
    assert_eq!(server.patches, [0, 1]);
    assert_eq!(server.crd, Some(crd(Kind::Build, &["v1beta1"])));
    assert_eq!(second, 4);
}

#[tokio::test(start_paused = true)]
async fn a_field_that_always_comes_back_is_given_up() {
    let (server, lines, second) = revoked(Server { returns: u32::MAX, ..with_field(Some(200)) }, false).await;
    assert_eq!(
        lines[1],
        "CRD builds.shipwright.io: failed: the field local came back each time that it was removed, for 30 seconds; \
         metadata.managedFields of the CRD names who adds it: stop that program, and run this again"
    );
    assert_eq!((server.patches.len(), second), (31, 30));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_revokes_nothing_and_does_not_wait() {
    let server = with_field(Some(200));
    let before = server.crd.clone();
    let (server, lines, second) = revoked(server, true).await;
    assert_eq!(lines[0], "ClusterRoleBinding local-registry-sync: would be deleted (dry run)");
    assert!(lines[1].starts_with("CRD builds.shipwright.io: would remove the field local in "), "{lines:?}");
    assert_eq!((server.crd, server.writes, second), (before, vec![], 0));
}

#[test]
fn json_names_the_binding() {
    let error = "e".to_owned();
    let revocation = Revocation { binding: "b".to_owned(), result: RevocationResult::Failed { error } };
    assert_eq!(serde_json::to_string(&revocation).unwrap(), r#"{"binding":"b","result":"failed","error":"e"}"#);
}
