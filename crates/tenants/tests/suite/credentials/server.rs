//! A stand-in for the API server that keeps namespaces and what they have of credentials, and gives tokens. It may be silent, refuse,
//! answer about something else, or quote what it was sent. Seconds are those of tokio's clock, which is paused: it moves on where every
//! task waits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request, Response};
use jiff::Timestamp;
use kube::Client;
use kube::client::Body;
use local_registry_cluster::Cluster;
use local_registry_tenants::credentials::Clock;
use local_registry_testkit::api_server::{Answer, config_map, open_watch, send, status};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep};
use tower_test::mock::{SendResponse, pair};

pub(crate) const NAME: &str = "local-registry-push";
pub(crate) const FIRST: &str = "hostFromClusterNetwork: first.infra.svc:5000";
pub(crate) const SECOND: &str = "hostFromClusterNetwork: second.infra.svc:5000";
pub(crate) const ACCOUNTS: &str = "serviceaccounts";
pub(crate) const BINDINGS: &str = "rolebindings";
pub(crate) const SECRETS: &str = "secrets";
pub(crate) const OBJECTS: [&str; 3] = [ACCOUNTS, BINDINGS, SECRETS];

/// What makes the API server unkind to writes and to requests for tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It never answers.
    Silent,
    /// It answers about another namespace.
    AboutElse,
    /// It says that what it was sent is outdated.
    Conflict,
    /// A webhook refuses Secrets with a token, and quotes them.
    Quotes,
    /// Its answers cannot be read, and have what it was sent in them.
    Garbled,
    /// A webhook changes Secrets.
    Changes,
    /// A webhook takes the label away.
    Strips,
}

/// A token that was given.
pub(crate) struct Given {
    pub(crate) namespace: String,
    pub(crate) text: String,
    pub(crate) at: Duration,
    account: String,
    secret: String,
    expires: Timestamp,
}

pub(crate) struct Server {
    pub(crate) declared: Option<&'static str>,
    /// The value of the label, and the phase, of each namespace that has the label.
    pub(crate) namespaces: BTreeMap<String, (&'static str, &'static str)>,
    /// By their kind and their namespace.
    pub(crate) objects: BTreeMap<(&'static str, String), Value>,
    pub(crate) fault: Option<Fault>,
    /// Namespaces in which nothing can be written.
    pub(crate) refusing: BTreeSet<&'static str>,
    /// Calls that are refused, by their verb and kind.
    pub(crate) refused: Option<&'static str>,
    /// A list that is refused.
    pub(crate) hides: Option<&'static str>,
    /// How long tokens live, if not as long as was asked for.
    pub(crate) life: Option<i64>,
    /// How long a call takes.
    pub(crate) latency: Duration,
    /// How often a program puts the objects of the namespace `a` back.
    pub(crate) returns: u32,
    /// What the deletion of a ClusterRoleBinding is answered with.
    pub(crate) revocation: u16,
    pub(crate) given: Vec<Given>,
    /// What was written or asked for, in order: the verb, the kind and the namespace.
    pub(crate) writes: Vec<String>,
    /// When each call came.
    pub(crate) calls: Vec<Duration>,
    under_way: usize,
    /// How many writes were under way at a time.
    pub(crate) at_once: usize,
    start: Instant,
    pub(crate) clock: Clock,
    version: u64,
    watches: Vec<(&'static str, UnboundedSender<Value>)>,
    /// The events since each kind was listed.
    since_list: Vec<(&'static str, Value)>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            declared: Some(FIRST),
            namespaces: BTreeMap::new(),
            objects: BTreeMap::new(),
            fault: None,
            refusing: BTreeSet::new(),
            refused: None,
            hides: None,
            life: None,
            latency: Duration::ZERO,
            returns: 0,
            revocation: 200,
            given: Vec::new(),
            writes: Vec::new(),
            calls: Vec::new(),
            under_way: 0,
            at_once: 0,
            start: Instant::now(),
            clock: Clock::start(),
            version: 1,
            watches: Vec::new(),
            since_list: Vec::new(),
        }
    }
}

/// The API server, for as many clusters as are connected to it.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Server>>);

impl Shared {
    /// A cluster with these namespaces, which ask for credentials.
    pub(crate) fn with(namespaces: &[&str]) -> Self {
        let shared = Self::default();
        for namespace in namespaces {
            shared.lock().namespaces.insert((*namespace).to_owned(), ("true", "Active"));
        }
        shared
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Server> {
        self.0.lock().unwrap()
    }

    /// A cluster that is connected to it.
    pub(crate) fn cluster(&self) -> Cluster {
        let (service, mut handle) = pair::<Request<Body>, Response<Answer>>();
        let shared = self.clone();
        tokio::spawn(async move {
            while let Some((request, response)) = handle.next_request().await {
                let shared = shared.clone();
                tokio::spawn(async move { shared.answer(request, response).await });
            }
        });
        Cluster::new(Client::new(service, "default"))
    }

    async fn answer(&self, request: Request<Body>, response: SendResponse<Response<Answer>>) {
        let (parts, body) = request.into_parts();
        let body: Value = serde_json::from_slice(&body.collect_bytes().await.unwrap()).unwrap_or_default();
        let (path, query) = (parts.uri.path().to_owned(), parts.uri.query().unwrap_or_default().to_owned());
        let path = path.trim_start_matches("/api/v1/").trim_start_matches("/apis/rbac.authorization.k8s.io/v1/");
        let path: Vec<&str> = path.split('/').collect();
        let listed = match path[..] {
            ["namespaces"] => Some("namespaces"),
            [plural] => OBJECTS.into_iter().find(|known| *known == plural),
            ["namespaces", "kube-public", "configmaps"] => Some("configmaps"),
            _ => None,
        };
        let latency = self.lock().begin(listed.is_none());
        sleep(latency).await;
        let mut server = self.lock();
        server.under_way -= usize::from(listed.is_none());
        match listed {
            Some(kind) if query.contains("watch=true") => server.watch(kind, response),
            Some(kind) => {
                let (code, answer) = server.list(kind, &query);
                send(response, code, &answer);
            }
            None => match server.single(&parts.method, &path, &query, &body) {
                Some((code, Value::String(text))) => send(response, code, &text),
                Some((code, answer)) => send(response, code, &answer),
                // It is kept, so that it is never answered.
                None => std::mem::forget(response),
            },
        }
    }
}

impl Server {
    /// Takes in that a call has come, and says how long it takes.
    fn begin(&mut self, is_single: bool) -> Duration {
        self.calls.push(self.start.elapsed());
        self.under_way += usize::from(is_single);
        self.at_once = self.at_once.max(self.under_way);
        self.latency
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn watch(&mut self, kind: &'static str, response: SendResponse<Response<Answer>>) {
        let watch = open_watch(response);
        // What has happened since the list comes first.
        for (_, event) in self.since_list.iter().filter(|(changed, _)| *changed == kind) {
            let _ = watch.send(event.clone());
        }
        self.watches.push((kind, watch));
    }

    /// Ends every watch.
    pub(crate) fn disconnect(&mut self) {
        self.watches.clear();
    }

    fn send(&mut self, kind: &'static str, event: &str, object: &Value) {
        let event = json!({"type": event, "object": object});
        for (_, watch) in self.watches.iter().filter(|(watched, _)| *watched == kind) {
            let _ = watch.send(event.clone());
        }
        self.since_list.push((kind, event));
    }

    fn list(&mut self, kind: &'static str, query: &str) -> (u16, Value) {
        if self.hides == Some(kind) {
            return (403, status(403, "Forbidden", "no", &json!({})));
        }
        let from: usize = query.split_once("continue=").map_or(0, |(_, token)| token.parse().unwrap());
        if from == 0 {
            self.since_list.retain(|(changed, _)| *changed != kind);
        }
        if OBJECTS.contains(&kind) {
            assert!(query.contains("fieldSelector=metadata.name%3Dlocal-registry-push"), "{query}");
            if self.returns > 0 && kind == SECRETS && !self.objects.contains_key(&(kind, "a".to_owned())) {
                self.returns -= 1;
                self.put(kind, "a", json!({"type": "kubernetes.io/dockerconfigjson"}));
            }
        }
        // A page, and whether there is more.
        let namespaces =
            || self.namespaces.iter().skip(from).take(5).map(|(name, state)| namespace(name, *state)).collect();
        let (kind, items): (_, Vec<Value>) = match kind {
            "configmaps" => ("ConfigMap", self.declared.map(config_map).into_iter().collect()),
            "namespaces" => {
                assert!(query.contains("labelSelector=local-registry-hosting%2Fpush"), "{query}");
                ("Namespace", namespaces())
            }
            _ => {
                let objects = self.objects.iter().filter(|((of, _), _)| *of == kind);
                (name_of(kind), objects.skip(from).take(5).map(|(_, object)| object.clone()).collect())
            }
        };
        // An object may be 1.5 MB large.
        assert!(kind == "ConfigMap" || query.contains("limit=4"), "{query}");
        let mut metadata = json!({"resourceVersion": "1"});
        if items.len() > 4 {
            metadata["continue"] = json!((from + 4).to_string());
        }
        let page: Vec<&Value> = items.iter().take(4).collect();
        (200, json!({"apiVersion": "v1", "kind": format!("{kind}List"), "metadata": metadata, "items": page}))
    }

    /// The answer to a call about one object; `None` if there is none.
    fn single(&mut self, method: &Method, path: &[&str], query: &str, body: &Value) -> Option<(u16, Value)> {
        match path {
            ["namespaces", "kube-public", "configmaps", "local-registry-hosting"] => {
                let details = json!({"name": "local-registry-hosting", "kind": "configmaps"});
                let missing = || (404, status(404, "NotFound", "not found", &details));
                Some(self.declared.map_or_else(missing, |value| (200, config_map(value))))
            }
            ["clusterrolebindings", "local-registry-credentials"] => {
                self.writes.push(format!("{method} binding"));
                Some((self.revocation, status(self.revocation, "x", "no", &json!({}))))
            }
            ["namespaces", namespace, plural, NAME, rest @ ..] => {
                let kind = OBJECTS.into_iter().find(|known| known == plural).unwrap();
                let verb = if rest.is_empty() { method.as_str() } else { "TOKEN" };
                let is_dry_run = query.contains("dryRun=All") || body["dryRun"] == json!(["All"]);
                if !is_dry_run {
                    self.writes.push(format!("{verb} {kind} {namespace}"));
                }
                if self.fault == Some(Fault::Silent) {
                    return None;
                }
                let is_refused = self.refused == Some(format!("{verb} {kind}").as_str());
                if is_refused || self.refusing.contains(namespace) {
                    return Some((403, status(403, "Forbidden", "exceeded quota: objects", &json!({}))));
                }
                if self.fault == Some(Fault::Conflict) {
                    return Some((409, status(409, "Conflict", "it has changed", &json!({}))));
                }
                let (code, answer) = match (verb, rest) {
                    ("TOKEN", ["token"]) => self.token(namespace, body),
                    ("DELETE", []) => self.delete(kind, namespace, body, is_dry_run),
                    ("PATCH", []) => self.apply(kind, namespace, query, body, is_dry_run),
                    _ => panic!("{method} {path:?}"),
                };
                Some(self.spoilt(code, answer, body))
            }
            _ => panic!("{method} {path:?}"),
        }
    }

    /// What becomes of an answer on its way.
    fn spoilt(&self, code: u16, mut answer: Value, sent: &Value) -> (u16, Value) {
        let text = answer.to_string();
        match self.fault {
            Some(Fault::AboutElse) if code < 300 => {
                answer["metadata"]["namespace"] = json!("elsewhere");
                (code, answer)
            }
            Some(Fault::Garbled) if code < 300 => {
                // The token stands where no text can be, so that an error of the parser would quote it.
                let secret = answer["status"]["token"].as_str().or(answer["data"][".dockerconfigjson"].as_str());
                (code, json!({"metadata": secret.unwrap_or("x"), "all": text}))
            }
            Some(Fault::Quotes) if sent["metadata"]["annotations"] != json!({}) && sent["data"] != json!(null) => {
                let config = STANDARD.decode(sent["data"][".dockerconfigjson"].as_str().unwrap()).unwrap();
                let config: Value = serde_json::from_slice(&config).unwrap();
                let message = format!(
                    "admission webhook denied the request: {}",
                    config["auths"]["local-registry:5000"]["password"]
                );
                (403, status(403, "Forbidden", &message, &json!({})))
            }
            _ => (code, answer),
        }
    }

    fn token(&mut self, namespace: &str, body: &Value) -> (u16, Value) {
        let spec = &body["spec"];
        assert_eq!(spec["audiences"], json!(["local-registry"]));
        let bound = &spec["boundObjectRef"];
        assert_eq!([&bound["kind"], &bound["apiVersion"], &bound["name"]], ["Secret", "v1", NAME]);
        let uid =
            |kind| self.objects.get(&(kind, namespace.to_owned())).map(|object| object["metadata"]["uid"].clone());
        let (Some(account), Some(secret)) = (uid(ACCOUNTS), uid(SECRETS)) else {
            return (404, status(404, "NotFound", "not found", &json!({"name": NAME, "kind": ACCOUNTS})));
        };
        if secret != bound["uid"] {
            return (409, status(409, "Conflict", "the UID does not match", &json!({})));
        }
        let seconds = self.life.unwrap_or_else(|| spec["expirationSeconds"].as_i64().unwrap());
        let expires = self.now().checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
        let text = format!("eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.{}.signature", self.given.len());
        let text_of = |value: &Value| value.as_str().unwrap().to_owned();
        self.given.push(Given {
            namespace: namespace.to_owned(),
            text: text.clone(),
            at: self.start.elapsed(),
            account: text_of(&account),
            secret: text_of(&secret),
            expires,
        });
        let status = json!({"token": text, "expirationTimestamp": expires.to_string()});
        let metadata = json!({"name": NAME, "namespace": namespace});
        let mut spec = spec.clone();
        if self.fault == Some(Fault::AboutElse) {
            spec["audiences"] = json!(["something-else"]);
        }
        let kind = "TokenRequest";
        (
            201,
            json!({"apiVersion": "authentication.k8s.io/v1", "kind": kind, "metadata": metadata, "spec": spec, "status": status}),
        )
    }

    fn delete(&mut self, kind: &'static str, namespace: &str, body: &Value, is_dry_run: bool) -> (u16, Value) {
        let Some(object) = self.objects.get(&(kind, namespace.to_owned())).cloned() else {
            return (404, status(404, "NotFound", "not found", &json!({"name": NAME, "kind": kind})));
        };
        if body["preconditions"]["uid"] != object["metadata"]["uid"] {
            return (409, status(409, "Conflict", "the precondition does not hold", &json!({})));
        }
        if is_dry_run {
            return (200, object);
        }
        if object["metadata"]["finalizers"].is_array() {
            let mut object = object;
            object["metadata"]["deletionTimestamp"] = json!("2026-11-30T00:00:00Z");
            let object = self.store(kind, namespace, object);
            return (200, object);
        }
        self.objects.remove(&(kind, namespace.to_owned()));
        self.send(kind, "DELETED", &object);
        (200, json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}))
    }

    fn apply(
        &mut self,
        kind: &'static str,
        namespace: &str,
        query: &str,
        sent: &Value,
        is_dry_run: bool,
    ) -> (u16, Value) {
        assert!(query.contains("fieldManager=local-registry-credentials") && query.contains("force=true"), "{query}");
        assert_eq!((&sent["metadata"]["name"], &sent["kind"]), (&json!(NAME), &json!(name_of(kind))));
        if let Some((_, "Terminating")) = self.namespaces.get(namespace) {
            return (403, status(403, "Forbidden", "because it is being terminated", &json!({})));
        }
        let before = self.objects.get(&(kind, namespace.to_owned()));
        let uid = &sent["metadata"]["uid"];
        if !uid.is_null() && before.is_none_or(|before| before["metadata"]["uid"] != *uid) {
            return (409, status(409, "Conflict", "uid mismatch", &json!({})));
        }
        let fixed = |field: &str| before.is_some_and(|before| !before[field].is_null() && before[field] != sent[field]);
        let is_immutable =
            before.is_some_and(|before| before["immutable"] == json!(true) && before["data"] != sent["data"]);
        if kind == SECRETS && (fixed("type") || is_immutable) || kind == BINDINGS && fixed("roleRef") {
            return (422, status(422, "Invalid", "field is immutable", &json!({})));
        }
        let is_new = before.is_none();
        let mut object = before.cloned().unwrap_or_else(|| json!({"metadata": {}}));
        for (field, value) in sent.as_object().unwrap() {
            match (field.as_str(), &mut object[field]) {
                ("metadata", Value::Object(metadata)) => {
                    for part in ["labels", "annotations"] {
                        merge(metadata.entry(part).or_insert_with(|| json!({})), &sent["metadata"][part]);
                    }
                }
                // Keys that others have added stay, and what was applied before and is not applied any more goes.
                ("data", Value::Object(data)) => {
                    data.retain(|key, _| ![".dockerconfigjson", "ca.crt"].contains(&key.as_str()));
                    merge(&mut object["data"], value);
                }
                (_, place) => *place = value.clone(),
            }
        }
        if self.fault == Some(Fault::Changes) && kind == SECRETS {
            object["data"][".dockerconfigjson"] = json!("e30=");
        }
        if self.fault == Some(Fault::Strips) {
            object["metadata"]["labels"] = json!({});
        }
        if is_new {
            object["metadata"]["name"] = json!(NAME);
            object["metadata"]["namespace"] = json!(namespace);
            self.version += 1;
            object["metadata"]["uid"] = json!(format!("uid-{}", self.version));
        }
        if is_dry_run || before_equals(&self.objects, kind, namespace, &object) {
            return (200, object);
        }
        (if is_new { 201 } else { 200 }, self.store(kind, namespace, object))
    }

    /// Stores an object, and tells those who watch.
    pub(crate) fn store(&mut self, kind: &'static str, namespace: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.insert((kind, namespace.to_owned()), object.clone());
        self.send(kind, "MODIFIED", &object);
        object
    }

    /// Makes an object of ours, with this in it.
    pub(crate) fn put(&mut self, kind: &'static str, namespace: &str, content: Value) -> Value {
        self.version += 1;
        let mut object = content;
        object["kind"] = json!(name_of(kind));
        object["metadata"] = json!({
            "name": NAME, "namespace": namespace, "uid": format!("uid-{}", self.version),
            "labels": {"app.kubernetes.io/managed-by": "local-registry-credentials"},
        });
        self.store(kind, namespace, object)
    }

    /// Changes an object, as somebody who may write it does.
    pub(crate) fn edit(&mut self, kind: &'static str, namespace: &str, edit: impl FnOnce(&mut Value)) {
        let mut object = self.objects[&(kind, namespace.to_owned())].clone();
        edit(&mut object);
        self.store(kind, namespace, object);
    }

    /// Deletes an object, as somebody who may write it does.
    pub(crate) fn discard(&mut self, kind: &'static str, namespace: &str) {
        if let Some(object) = self.objects.remove(&(kind, namespace.to_owned())) {
            self.send(kind, "DELETED", &object);
        }
    }

    /// Sets the label of a namespace, or takes it away.
    pub(crate) fn label(&mut self, name: &str, value: Option<&'static str>) {
        let event = if value.is_some() { "MODIFIED" } else { "DELETED" };
        let state = (value.unwrap_or("true"), "Active");
        if value.is_some() {
            self.namespaces.insert(name.to_owned(), state);
        } else {
            self.namespaces.remove(name);
        }
        self.send("namespaces", event, &namespace(name, state));
    }

    pub(crate) fn declare(&mut self, value: Option<&'static str>) {
        let before = self.declared.map(config_map);
        self.declared = value;
        match (value, before) {
            (Some(value), _) => self.send("configmaps", "MODIFIED", &config_map(value)),
            (None, Some(before)) => self.send("configmaps", "DELETED", &before),
            (None, None) => {}
        }
    }

    /// The registries that the Secret of a namespace is good for: its token lives, is that of the account, and is bound to it.
    pub(crate) fn good_for(&self, namespace: &str) -> Vec<String> {
        let object = |kind| self.objects.get(&(kind, namespace.to_owned()));
        let (Some(account), Some(secret)) = (object(ACCOUNTS), object(SECRETS)) else { return Vec::new() };
        let config = secret["data"][".dockerconfigjson"].as_str().unwrap_or_default();
        let config: Value = serde_json::from_slice(&STANDARD.decode(config).unwrap()).unwrap_or_default();
        let entries: Vec<(&String, &Value)> = config["auths"].as_object().into_iter().flatten().collect();
        let is_good = |entry: &Value| {
            let auth = format!("{}:{}", entry["username"].as_str().unwrap(), entry["password"].as_str().unwrap());
            assert_eq!(entry["auth"], json!(STANDARD.encode(auth)));
            self.given.iter().any(|given| {
                entry["password"] == given.text.as_str()
                    && account["metadata"]["uid"] == given.account.as_str()
                    && secret["metadata"]["uid"] == given.secret.as_str()
                    && self.now() < given.expires
                    && given.namespace == namespace
            })
        };
        entries.into_iter().filter(|(_, entry)| is_good(entry)).map(|(host, _)| host.clone()).collect()
    }

    /// When a token ends, and for which host it is, as the account of a namespace says.
    pub(crate) fn promise(&self, namespace: &str) -> [&str; 2] {
        let annotations = &self.objects[&(ACCOUNTS, namespace.to_owned())]["metadata"]["annotations"];
        ["local-registry-hosting/expires", "local-registry-hosting/host"]
            .map(|name| annotations[name].as_str().unwrap_or_default())
    }

    /// The writes about a namespace.
    pub(crate) fn writes_in(&self, namespace: &str) -> usize {
        self.writes.iter().filter(|write| write.ends_with(&format!(" {namespace}"))).count()
    }
}

fn before_equals(
    objects: &BTreeMap<(&'static str, String), Value>,
    kind: &'static str,
    namespace: &str,
    object: &Value,
) -> bool {
    objects.get(&(kind, namespace.to_owned())) == Some(object)
}

fn merge(into: &mut Value, from: &Value) {
    for (key, value) in from.as_object().into_iter().flatten() {
        into[key] = value.clone();
    }
}

fn name_of(kind: &str) -> &'static str {
    match kind {
        ACCOUNTS => "ServiceAccount",
        BINDINGS => "RoleBinding",
        _ => "Secret",
    }
}

fn namespace(name: &str, (label, phase): (&str, &str)) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "resourceVersion": "1", "labels": {"local-registry-hosting/push": label}},
        "status": {"phase": phase},
    })
}
