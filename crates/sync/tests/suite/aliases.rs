//! Aliases, against a stand-in for the API server that keeps namespaces and Services. Seconds are those of tokio's clock, which
//! is paused: it moves on where every task waits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use local_registry_cluster::Cluster;
use local_registry_declaration::AllowedHosts;
use local_registry_sync::Timing;
use local_registry_sync::aliases::{AliasTask, AliasesReport, once, revoke_and_remove, watch};
use local_registry_testkit::api_server::{Answer, config_map, open_watch, send, status};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep};
use tower_test::mock::pair;

const TIMING: Timing = Timing { settle: Duration::from_secs(10), resync: Duration::from_mins(1) };
const FIRST: &str = "hostFromClusterNetwork: registry.infra.svc.cluster.local:5000";
const SECOND: &str = "hostFromClusterNetwork: other.infra.svc.cluster.local:5000";

/// An API server with namespaces, and the Services that are called `local-registry`.
#[derive(Default)]
struct Server {
    declared: Option<&'static str>,
    /// The phase of each namespace with the label.
    namespaces: BTreeMap<String, &'static str>,
    services: BTreeMap<String, Value>,
    /// Namespaces in which nothing can be written.
    refusing: Vec<&'static str>,
    /// What a webhook makes every Service lead to.
    hijacked: Option<&'static str>,
    /// What the deletion of a ClusterRoleBinding is answered with.
    revocation: u16,
    /// How often a sync job puts the alias of the namespace `a` back.
    returns: u32,
    /// The namespace in which somebody has given the alias a finalizer.
    held: Option<&'static str>,
    /// Whether lists of Services are refused.
    hides_services: bool,
    /// The value of the label of every namespace, if it is not `true`.
    value: Option<&'static str>,
    version: u64,
    /// What was written, in order: the verb, and the namespace.
    writes: Vec<String>,
    watches: Vec<(&'static str, UnboundedSender<Value>)>,
    /// The events since each resource was listed.
    since_list: Vec<(&'static str, Value)>,
}

impl Server {
    fn declaring(declared: &'static str, namespaces: &[(&str, &'static str)]) -> Self {
        let namespaces = namespaces.iter().map(|(name, phase)| ((*name).to_owned(), *phase)).collect();
        Self { declared: Some(declared), namespaces, ..Self::default() }
    }

    fn with_service(mut self, namespace: &str, managed_by: &str, spec: &Value) -> Self {
        self.store(namespace, &json!({"app.kubernetes.io/managed-by": managed_by}), spec);
        self
    }

    fn store(&mut self, namespace: &str, labels: &Value, spec: &Value) -> Value {
        self.version += 1;
        let metadata = json!({
            "name": "local-registry", "namespace": namespace, "labels": labels,
            "resourceVersion": self.version.to_string(),
        });
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec});
        self.services.insert(namespace.to_owned(), service.clone());
        self.send("services", "MODIFIED", &service);
        service
    }

    fn namespace(&self, name: &str, phase: &str) -> Value {
        let labels = json!({"local-registry-hosting/alias": self.value.unwrap_or("true")});
        json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "resourceVersion": "1", "labels": labels},
            "status": {"phase": phase},
        })
    }

    /// Takes the label from a namespace.
    fn unlabel(&mut self, namespace: &str) {
        let phase = self.namespaces.remove(namespace).unwrap();
        let namespace = self.namespace(namespace, phase);
        self.send("namespaces", "DELETED", &namespace);
    }

    fn declare(&mut self, value: &'static str) {
        self.declared = Some(value);
        self.send("configmaps", "MODIFIED", &config_map(value));
    }

    fn send(&mut self, resource: &'static str, kind: &str, object: &Value) {
        let event = json!({"type": kind, "object": object});
        for (_, watch) in self.watches.iter().filter(|(watched, _)| *watched == resource) {
            let _ = watch.send(event.clone());
        }
        self.since_list.push((resource, event));
    }

    fn list(&mut self, resource: &str, query: &str) -> (u16, Value) {
        self.since_list.retain(|(changed, _)| *changed != resource);
        let (kind, items): (_, Vec<Value>) = match resource {
            "configmaps" => ("ConfigMap", self.declared.map(config_map).into_iter().collect()),
            "namespaces" => {
                assert!(query.contains("labelSelector=local-registry-hosting%2Falias"), "{query}");
                ("Namespace", self.namespaces.iter().map(|(name, phase)| self.namespace(name, phase)).collect())
            }
            _ if self.returns > 0 && !self.services.contains_key("a") => {
                self.returns -= 1;
                self.store("a", &json!({"app.kubernetes.io/managed-by": "local-registry-sync"}), &leading());
                return self.list(resource, query);
            }
            _ if self.hides_services => return (403, status(403, "Forbidden", "no", &json!({}))),
            _ => {
                assert!(query.contains("fieldSelector=metadata.name%3Dlocal-registry"), "{query}");
                ("Service", self.services.values().cloned().collect())
            }
        };
        // A Service may be 1.5 MB large.
        assert!(resource == "configmaps" || query.contains("limit=4"), "{query}");
        // Two objects a page, whatever is asked for.
        let from: usize = query.split_once("continue=").map_or(0, |(_, token)| token.parse().unwrap());
        let mut metadata = json!({"resourceVersion": "1"});
        if items.len() > from + 2 {
            metadata["continue"] = json!((from + 2).to_string());
        }
        let page: Vec<&Value> = items.iter().skip(from).take(2).collect();
        (200, json!({"apiVersion": "v1", "kind": format!("{kind}List"), "metadata": metadata, "items": page}))
    }

    fn write(&mut self, request: &Request<Body>, namespace: &str, body: &Value) -> (u16, Value) {
        self.writes.push(format!("{} {namespace}", request.method()));
        if self.refusing.contains(&namespace) {
            return (403, status(403, "Forbidden", "exceeded quota: services", &json!({})));
        }
        if request.method() == Method::DELETE && body["dryRun"] == json!(["All"]) {
            return (200, self.services[namespace].clone());
        }
        if request.method() == Method::DELETE {
            let mut service = self.services.remove(namespace).unwrap();
            if self.held == Some(namespace) {
                service["metadata"]["deletionTimestamp"] = json!("2026-11-30T00:00:00Z");
                service["metadata"]["finalizers"] = json!(["team.example/mine"]);
                self.services.insert(namespace.to_owned(), service.clone());
                self.send("services", "MODIFIED", &service);
                return (200, service);
            }
            assert_eq!(body["preconditions"]["resourceVersion"], service["metadata"]["resourceVersion"]);
            self.send("services", "DELETED", &service);
            return (200, service);
        }
        let query = request.uri().query().unwrap();
        assert!(query.contains("fieldManager=local-registry-sync"), "{query}");
        let mut spec = body["spec"].clone();
        if let Some(host) = self.hijacked {
            spec["externalName"] = json!(host);
        }
        (200, self.store(namespace, &body["metadata"]["labels"], &spec))
    }

    /// Where the alias of each namespace leads.
    fn aliases(&self) -> BTreeMap<&str, &str> {
        let to = |service: &'_ Value| service["spec"]["externalName"].as_str().map(ToOwned::to_owned);
        let all = self.services.iter().filter(|(_, service)| to(service).is_some());
        all.map(|(namespace, service)| (namespace.as_str(), service["spec"]["externalName"].as_str().unwrap()))
            .collect()
    }
}

/// What is in an alias.
fn leading() -> Value {
    json!({"type": "ExternalName", "externalName": "registry.infra.svc.cluster.local"})
}

/// A cluster whose API server this is.
fn cluster(server: &Arc<Mutex<Server>>) -> Cluster {
    let (service, mut handle) = pair::<Request<Body>, Response<Answer>>();
    let server = Arc::clone(server);
    tokio::spawn(async move {
        while let Some((request, response)) = handle.next_request().await {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await.unwrap();
            let request = Request::from_parts(parts, Body::empty());
            let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
            let mut server = server.lock().unwrap();
            let listed = ["configmaps", "namespaces", "services"].into_iter().find(|name| path.ends_with(name));
            match listed {
                Some(resource) if query.contains("watch=true") => {
                    let watch = open_watch(response);
                    // What has happened since the list comes first.
                    for (_, event) in server.since_list.iter().filter(|(changed, _)| *changed == resource) {
                        let _ = watch.send(event.clone());
                    }
                    server.watches.push((resource, watch));
                }
                Some(resource) => {
                    let (code, answer) = server.list(resource, query);
                    send(response, code, &answer);
                }
                None if path.contains("/configmaps/") => {
                    if let Some(value) = server.declared {
                        send(response, 200, &config_map(value));
                    } else {
                        let details = json!({"name": "local-registry-hosting", "kind": "configmaps"});
                        send(response, 404, &status(404, "NotFound", "not found", &details));
                    }
                }
                None if path.ends_with("/clusterrolebindings/local-registry-sync-alias") => {
                    server.writes.push(format!("{} binding", request.method()));
                    send(response, server.revocation, &status(server.revocation, "x", "no", &json!({})));
                }
                None => {
                    let namespace = path.strip_prefix("/api/v1/namespaces/").unwrap();
                    let namespace = namespace.strip_suffix("/services/local-registry").unwrap();
                    let (code, answer) = server.write(&request, namespace, &serde_json::from_slice(&body).unwrap());
                    send(response, code, &answer);
                }
            }
        }
    });
    Cluster::new(Client::new(service, "default"))
}

/// Keeps aliases for as long as `meanwhile` takes, and returns the reports.
async fn run(server: &Arc<Mutex<Server>>, meanwhile: impl Future<Output = ()>) -> Vec<String> {
    let (cluster, allowed) = (cluster(server), AllowedHosts::default());
    let mut reports: Vec<String> = Vec::new();
    let show = |report: &AliasesReport| {
        let text = report.to_string();
        if reports.last() != Some(&text) {
            reports.push(text);
        }
    };
    tokio::select! {
        never = watch(&cluster, task(&allowed), TIMING, show) => match never {},
        () = meanwhile => {}
    }
    reports
}

fn task(allowed: &AllowedHosts) -> AliasTask<'_> {
    AliasTask { allowed, cluster_domain: "cluster.local", dry_run: false }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn labelled_namespaces_have_an_alias_that_follows_the_declaration() {
    let server =
        Server::declaring(FIRST, &[("a", "Active"), ("b", "Active"), ("c", "Active"), ("gone", "Terminating")]);
    let server = Arc::new(Mutex::new(server));
    let reports = run(&server, async {
        sleep(seconds(5)).await;
        let lead_to = |host: &'static str, namespaces: &[&'static str]| {
            let expected: BTreeMap<&str, &str> = namespaces.iter().map(|namespace| (*namespace, host)).collect();
            assert_eq!(server.lock().unwrap().aliases(), expected);
        };
        lead_to("registry.infra.svc.cluster.local", &["a", "b", "c"]);
        server.lock().unwrap().unlabel("b");
        sleep(seconds(5)).await;
        lead_to("registry.infra.svc.cluster.local", &["a", "c"]);
        server.lock().unwrap().declare(SECOND);
        sleep(seconds(5)).await;
        lead_to("registry.infra.svc.cluster.local", &["a", "c"]);
        sleep(seconds(10)).await;
        lead_to("other.infra.svc.cluster.local", &["a", "c"]);
        // Somebody changes one by hand.
        let evil = json!({"type": "ExternalName", "externalName": "evil.example"});
        server.lock().unwrap().store("c", &json!({"app.kubernetes.io/managed-by": "local-registry-sync"}), &evil);
        sleep(seconds(5)).await;
        lead_to("other.infra.svc.cluster.local", &["a", "c"]);
        server.lock().unwrap().declare("help: https://example.org");
        sleep(seconds(15)).await;
        lead_to("", &[]);
    })
    .await;
    let writes = server.lock().unwrap().writes.join(", ");
    assert_eq!(
        writes, "PATCH a, PATCH b, PATCH c, DELETE b, PATCH a, PATCH c, PATCH c, DELETE a, DELETE c",
        "nothing is written twice"
    );
    let made = "alias local-registry in";
    assert_eq!(
        reports[0],
        format!(
            "aliases: lead to registry.infra.svc.cluster.local in 3 namespaces\n{made} a: made\n{made} b: made\n{made} c: made"
        )
    );
    assert_eq!(reports.last().unwrap(), "aliases: none, since no local registry is declared for pods");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ours_is_left_alone_and_one_failure_stops_no_other() {
    let other = json!({"type": "ClusterIP", "clusterIP": "10.0.0.7"});
    let mut server = Server::declaring(FIRST, &[("full", "Active"), ("taken", "Active"), ("z", "Active")])
        .with_service("taken", "Helm", &other)
        .with_service("unlabelled", "Helm", &other);
    server.refusing.push("full");
    let server = Arc::new(Mutex::new(server));
    let reports = run(&server, async {
        sleep(seconds(10)).await;
        assert_eq!(server.lock().unwrap().aliases(), BTreeMap::from([("z", "registry.infra.svc.cluster.local")]));
        assert_eq!(server.lock().unwrap().services["taken"]["spec"], other);
        server.lock().unwrap().refusing.clear();
        // It is tried again without any news.
        sleep(seconds(60)).await;
        assert_eq!(server.lock().unwrap().aliases().len(), 2);
    })
    .await;
    assert_eq!(
        reports[0],
        "aliases: lead to registry.infra.svc.cluster.local in 1 namespace\n\
         alias local-registry in taken: left alone, since somebody else has made a Service of that name, which leads elsewhere; \
         take the label local-registry-hosting/alias from the namespace, or delete that Service if nobody needs it\n\
         alias local-registry in full: failed: Service full/local-registry: the API server answered 403: exceeded quota: services\n\
         alias local-registry in z: made"
    );
}

#[tokio::test(start_paused = true)]
async fn aliases_stay_while_it_is_not_known_where_they_should_lead() {
    let ours = json!({"type": "ExternalName", "externalName": "registry.infra.svc.cluster.local"});
    let server = Server::declaring("hostFromClusterNetwork: localhost:5000", &[("a", "Active")]);
    let server = Arc::new(Mutex::new(server.with_service("left", "local-registry-sync", &ours)));
    let reports = run(&server, sleep(seconds(30))).await;
    assert_eq!(reports.len(), 1);
    assert!(reports[0].starts_with("aliases: unchanged: ") && reports[0].contains("localhost:5000"), "{reports:?}");

    server.lock().unwrap().declared = Some(FIRST);
    server.lock().unwrap().hides_services = true;
    let reports = run(&server, sleep(seconds(90))).await;
    assert_eq!(reports.len(), 1);
    let unknown = "aliases: unknown: Services that are called local-registry: list is forbidden: no; grant `list` on \
                   services/local-registry in all namespaces; until it can be read again, aliases stay as they are";
    assert_eq!(reports[0], unknown);
    assert_eq!(server.lock().unwrap().writes, [""; 0]);

    // A label that was taken away while the program was not there.
    server.lock().unwrap().hides_services = false;
    run(&server, sleep(seconds(5))).await;
    assert_eq!(server.lock().unwrap().aliases(), BTreeMap::from([("a", "registry.infra.svc.cluster.local")]));
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_leads_an_alias_elsewhere_is_reported() {
    let mut server = Server::declaring(FIRST, &[("a", "Active")]);
    server.hijacked = Some("evil.example");
    let server = Arc::new(Mutex::new(server));
    let report = once(&cluster(&server), task(&AllowedHosts::default())).await;
    assert!(!report.succeeded());
    assert!(report.to_string().contains("see which mutating webhook changes it"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_registry_without_an_alias_says_why() {
    let server =
        Arc::new(Mutex::new(Server::declaring("hostFromClusterNetwork: kind-registry:5000", &[("a", "Active")])));
    let report = once(&cluster(&server), task(&AllowedHosts::default())).await;
    assert!(
        !report.succeeded()
            && report.to_string().starts_with("aliases: none, and 1 asked for: an alias leads to a Service"),
        "{report}"
    );
    server.lock().unwrap().declared = None;
    let report = once(&cluster(&server), task(&AllowedHosts::default())).await;
    assert!(report.succeeded(), "{report}");
    assert_eq!(server.lock().unwrap().writes, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_declaration_counts_after_it_has_settled_whatever_else_is_new() {
    let server = Arc::new(Mutex::new(Server::declaring(FIRST, &[("a", "Active"), ("b", "Active")])));
    run(&server, async {
        sleep(seconds(5)).await;
        server.lock().unwrap().declare("help: https://example.org");
        sleep(seconds(1)).await;
        // A tenant touches an alias.
        let evil = json!({"type": "ExternalName", "externalName": "evil.example"});
        server.lock().unwrap().store("a", &json!({"app.kubernetes.io/managed-by": "local-registry-sync"}), &evil);
        sleep(seconds(5)).await;
        server.lock().unwrap().declare(FIRST);
        sleep(seconds(30)).await;
    })
    .await;
    assert_eq!(server.lock().unwrap().writes, ["PATCH a", "PATCH b", "PATCH a"], "no alias was deleted");
}

#[tokio::test(start_paused = true)]
async fn a_failing_namespace_rests_whatever_is_new_of_others() {
    let mut server = Server::declaring(FIRST, &[("a", "Active"), ("full", "Active")]);
    server.refusing.push("full");
    let server = Arc::new(Mutex::new(server));
    let reports = run(&server, async {
        sleep(seconds(2)).await;
        for _ in 0..10 {
            let evil = json!({"type": "ExternalName", "externalName": "evil.example"});
            server.lock().unwrap().store("a", &json!({"app.kubernetes.io/managed-by": "local-registry-sync"}), &evil);
            sleep(seconds(2)).await;
        }
    })
    .await;
    let server = server.lock().unwrap();
    let writes =
        |namespace: &str| server.writes.iter().filter(|write| write.ends_with(&format!(" {namespace}"))).count();
    assert!(writes("full") == 1 && writes("a") > 10, "{:?}", server.writes);
    assert!(reports.iter().all(|report| report.contains("full: failed")), "{reports:?}");
}

#[tokio::test(start_paused = true)]
async fn an_alias_that_somebody_made_a_service_of_is_made_anew() {
    let server = Server::declaring(FIRST, &[("a", "Active")]);
    let taken = json!({"type": "NodePort", "ports": [{"port": 5000, "nodePort": 30000}]});
    let server = Arc::new(Mutex::new(server.with_service("a", "local-registry-sync", &taken)));
    assert!(once(&cluster(&server), task(&AllowedHosts::default())).await.succeeded());
    assert_eq!(server.lock().unwrap().writes, ["DELETE a", "PATCH a"]);
}

#[tokio::test(start_paused = true)]
async fn another_value_of_the_label_is_reported() {
    let mut server = Server::declaring(FIRST, &[("a", "Active")]);
    server.value = Some("yes");
    let ours = json!({"type": "ExternalName", "externalName": "registry.infra.svc.cluster.local"});
    let server = Arc::new(Mutex::new(server.with_service("a", "local-registry-sync", &ours)));
    let report = once(&cluster(&server), task(&AllowedHosts::default())).await;
    assert_eq!(
        report.to_string(),
        "aliases: lead to registry.infra.svc.cluster.local in 0 namespaces\n\
         alias local-registry in a: not made, since the label local-registry-hosting/alias has the value `yes`; write true, or \
         remove the label\n\
         alias local-registry in a: deleted"
    );
}

/// An API server with two aliases of ours, in labelled namespaces and others, and a Service of somebody else.
fn to_be_left(revocation: u16) -> Server {
    let server = Server::declaring(FIRST, &[("a", "Active"), ("c", "Active")]);
    let server = Server { revocation, ..server }.with_service("a", "local-registry-sync", &leading());
    server.with_service("b", "local-registry-sync", &leading()).with_service("c", "Helm", &leading())
}

/// What is said, the namespaces that have a Service then, and the second of the end.
async fn removed(server: Server, dry_run: bool) -> (Vec<String>, Vec<String>, u64) {
    let (server, start) = (Arc::new(Mutex::new(server)), Instant::now());
    let (revocation, report) = revoke_and_remove(&cluster(&server), "local-registry-sync-alias", dry_run).await;
    let lines = [revocation.to_string()].into_iter().chain(report.map(|report| report.to_string())).collect();
    let left = server.lock().unwrap().services.keys().cloned().collect();
    (lines, left, start.elapsed().as_secs())
}

const REVOKED: &str = "ClusterRoleBinding local-registry-sync-alias: deleted";
const GONE: &str = "aliases: none, since they are removed for good\nalias local-registry in a: deleted\nalias local-registry in b: deleted";

#[tokio::test(start_paused = true)]
async fn all_aliases_of_ours_go_for_good_whatever_the_labels_say() {
    let (lines, left, second) = removed(to_be_left(200), false).await;
    assert_eq!((lines, left, second), (vec![REVOKED.to_owned(), GONE.to_owned()], vec!["c".to_owned()], 3));
    // A sync job that has not noticed yet that its right is gone.
    let (lines, left, second) = removed(Server { returns: 2, ..to_be_left(200) }, false).await;
    assert_eq!(lines[1].matches("in a: deleted").count(), 1, "{lines:?}");
    assert_eq!((left, second), (vec!["c".to_owned()], 5));
    let (lines, _, second) = removed(Server { returns: u32::MAX, ..to_be_left(200) }, false).await;
    assert!(lines[1].starts_with("aliases: unchanged: they came back each time"), "{lines:?}");
    assert_eq!(second, 30);
}

#[tokio::test(start_paused = true)]
async fn a_finalizer_of_somebody_else_does_not_keep_the_others_and_is_named() {
    let (lines, left, second) = removed(Server { held: Some("b"), ..to_be_left(200) }, false).await;
    let expected = "alias local-registry in a: deleted\n\
                    alias local-registry in b: being deleted; it goes when its finalizers are removed: team.example/mine";
    assert!(lines[1].ends_with(expected), "{lines:?}");
    assert!(lines[1].starts_with("aliases: none"), "{lines:?}");
    assert_eq!((left, second), (vec!["b".to_owned(), "c".to_owned()], 3));
}

#[tokio::test(start_paused = true)]
async fn aliases_stay_where_the_right_cannot_be_taken_or_nothing_is_written() {
    let all = ["a", "b", "c"].map(ToOwned::to_owned).to_vec();
    let (lines, left, _) = removed(to_be_left(403), false).await;
    assert_eq!((lines.len(), left), (1, all.clone()));
    assert!(lines[0].contains("grant `delete` on clusterrolebindings"), "{lines:?}");
    let (lines, left, second) = removed(to_be_left(200), true).await;
    assert_eq!((left, second), (all, 0));
    assert!(lines[1].ends_with("alias local-registry in b: would be deleted (dry run)"), "{lines:?}");
    let (lines, ..) = removed(Server { hides_services: true, ..to_be_left(200) }, false).await;
    assert!(lines[1].starts_with("aliases: unknown: "), "{lines:?}");
    let (lines, left, _) = removed(Server { refusing: vec!["b"], ..to_be_left(200) }, false).await;
    assert!(lines[1].contains("alias local-registry in b: failed: "), "{lines:?}");
    assert_eq!(left, ["b", "c"]);
}
