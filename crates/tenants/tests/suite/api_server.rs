//! A stand-in for the API server: it knows some tokens, some rights and one Secret. It may be silent, or answer about something else.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kube::Client;
use local_registry_cluster::Cluster;
use local_registry_tenants::{Peer, TokenServer, TokenTask};
use local_registry_testkit::api_server::{Answer, send, status};
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_test::mock::pair;

pub(crate) const SERVICE: &str = "registry:5000";
pub(crate) const SECRET: &str = "/api/v1/namespaces/local-registry/secrets/registry-token";

/// What makes the API server unkind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It never answers a review.
    Silent,
    /// It answers reviews about another token, or another right.
    AboutElse,
    /// It knows no audiences, and so names none.
    KnowsNoAudience,
    /// It forbids reviews.
    Forbids,
}

/// What the API server knows.
#[derive(Default)]
pub(crate) struct State {
    /// The name of the user whose token this is.
    pub(crate) tokens: BTreeMap<&'static str, &'static str>,
    /// Each right: the user, the verb, the namespace (empty for the whole cluster) and the name, or `*`.
    pub(crate) rights: BTreeSet<[String; 4]>,
    pub(crate) fault: Option<Fault>,
    /// The data of the Secret, if there is one, and how often it was written.
    pub(crate) secret: Option<BTreeMap<String, String>>,
    pub(crate) version: u32,
    /// How often somebody else writes the Secret just before this program does.
    pub(crate) rivals: u32,
    /// Every review that was asked for: its kind and its specification.
    pub(crate) reviews: Vec<(String, Value)>,
}

/// The API server, and a cluster that is connected to it.
#[derive(Clone)]
pub(crate) struct ApiServer {
    state: Arc<Mutex<State>>,
    pub(crate) cluster: Cluster,
}

impl ApiServer {
    pub(crate) fn start(state: State) -> Self {
        let (service, mut requests) = pair::<Request<kube::client::Body>, Response<Answer>>();
        let cluster = Cluster::new(Client::new(service, "default"));
        let server = Self { state: Arc::new(Mutex::new(state)), cluster };
        let answering = server.clone();
        tokio::spawn(async move {
            while let Some((request, response)) = requests.next_request().await {
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                let body = serde_json::from_slice(&body).unwrap_or_default();
                let answer = answering.state().answer(parts.method.as_str(), parts.uri.path(), body);
                match answer {
                    Some((code, answer)) => send(response, code, &answer),
                    // It is kept, so that it is never answered.
                    None => std::mem::forget(response),
                }
            }
        });
        server
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A token server with a key.
    pub(crate) async fn token_server(&self) -> TokenServer {
        let task = TokenTask {
            service: SERVICE.to_owned(),
            audiences: vec!["local-registry".to_owned()],
            secret: "local-registry/registry-token".parse().unwrap(),
        };
        let server = TokenServer::new(self.cluster.clone(), task, |_| {});
        let (sender, mut said) = tokio::sync::mpsc::unbounded_channel();
        let keeping = server.clone();
        tokio::spawn(async move {
            let say = |has_key| {
                // Nobody listens any more once there is a key.
                let _ = sender.send(has_key);
            };
            keeping.keep_key(say).await
        });
        // A new server waits for others before it makes a key.
        for _ in 0..10 {
            if said.recv().await.unwrap() {
                break;
            }
        }
        server
    }
}

impl State {
    /// A cluster with an empty Secret.
    pub(crate) fn with_secret() -> Self {
        Self { secret: Some(BTreeMap::new()), ..Self::default() }
    }

    pub(crate) fn grant(&mut self, user: &str, verb: &str, namespace: &str, name: &str) {
        self.rights.insert([user, verb, namespace, name].map(ToOwned::to_owned));
    }

    fn answer(&mut self, method: &str, path: &str, body: Value) -> Option<(u16, Value)> {
        match (method, path) {
            ("POST", "/apis/authentication.k8s.io/v1/tokenreviews") => self.review(body, Self::token_status),
            ("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews") => self.review(body, Self::access_status),
            (_, SECRET) => Some(self.secret(method, &body)),
            _ => panic!("{method} {path}"),
        }
    }

    fn review(&mut self, mut body: Value, judge: fn(&Self, &Value) -> Value) -> Option<(u16, Value)> {
        self.reviews.push((body["kind"].as_str().unwrap().to_owned(), body["spec"].clone()));
        body["status"] = judge(self, &body["spec"]);
        match self.fault {
            Some(Fault::Silent) => return None,
            Some(Fault::Forbids) => {
                return Some((403, status(403, "Forbidden", "tokenreviews is forbidden", &json!({}))));
            }
            Some(Fault::AboutElse) => {
                body["spec"] = json!({"token": "another", "user": "another", "resourceAttributes": {"verb": "pull"}});
            }
            Some(Fault::KnowsNoAudience) | None => {}
        }
        Some((201, body))
    }

    fn token_status(&self, spec: &Value) -> Value {
        let Some(user) = self.tokens.get(spec["token"].as_str().unwrap()) else {
            return json!({"authenticated": false, "user": {}, "error": "invalid bearer token"});
        };
        let user = json!({"username": user, "uid": "7", "groups": ["team"], "extra": {"of": ["it"]}});
        match self.fault {
            Some(Fault::KnowsNoAudience) => json!({"authenticated": true, "user": user}),
            _ => json!({"authenticated": true, "user": user, "audiences": spec["audiences"]}),
        }
    }

    fn access_status(&self, spec: &Value) -> Value {
        let attributes = &spec["resourceAttributes"];
        let of = |key: &str| attributes[key].as_str().unwrap_or_default().to_owned();
        assert_eq!([of("group"), of("resource")], ["registry.local-registry-hosting", "repositories"]);
        let user = spec["user"].as_str().unwrap().to_owned();
        let [verb, namespace, name] = ["verb", "namespace", "name"].map(of);
        // A right in the whole cluster is one in each namespace, and one on all names is one on each.
        let is_given = |right: &[String; 4]| {
            [&right[0], &right[1]] == [&user, &verb]
                && (right[2].is_empty() || right[2] == namespace)
                && (right[3] == "*" || right[3] == name)
        };
        json!({"allowed": self.rights.iter().any(is_given)})
    }

    fn secret(&mut self, method: &str, body: &Value) -> (u16, Value) {
        let Some(data) = &mut self.secret else {
            let details = json!({"name": "registry-token", "kind": "secrets"});
            return (404, status(404, "NotFound", "no such Secret", &details));
        };
        if method == "PATCH" {
            if self.rivals > 0 {
                self.rivals -= 1;
                self.version += 1;
            }
            if body["metadata"]["resourceVersion"] != json!(self.version.to_string()) {
                return (409, status(409, "Conflict", "it has changed", &json!({})));
            }
            for (key, value) in body["data"].as_object().unwrap() {
                data.insert(key.clone(), value.as_str().unwrap().to_owned());
            }
            self.version += 1;
        }
        let metadata = json!({"name": "registry-token", "namespace": "local-registry", "resourceVersion": self.version.to_string()});
        (200, json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}))
    }
}

/// What a token server answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) body: Value,
}

impl Answered {
    /// The claims of the token in it.
    pub(crate) fn claims(&self) -> Value {
        let token = self.body["token"].as_str().unwrap_or_else(|| panic!("{self:?}"));
        let claims = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
    }

    /// What the token gives: `repository:NAME:ACTION,…` for each.
    pub(crate) fn access(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let line = |access: &Value| {
            let actions: Vec<String> = access["actions"].as_array().unwrap().iter().map(text).collect();
            format!("{}:{}:{}", text(&access["type"]), text(&access["name"]), actions.join(","))
        };
        self.claims()["access"].as_array().unwrap().iter().map(line).collect()
    }
}

/// Sends a request from this address.
pub(crate) async fn ask_from(address: [u8; 4], routes: Router, request: Request<Body>) -> Answered {
    let mut request = request;
    request.extensions_mut().insert(Peer(IpAddr::V4(Ipv4Addr::from(address))));
    let (parts, body) = routes.oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Answered { status: parts.status, headers: parts.headers, body: serde_json::from_slice(&body).unwrap_or_default() }
}

pub(crate) async fn ask(server: &TokenServer, request: Request<Body>) -> Answered {
    ask_from([10, 0, 0, 1], server.routes(), request).await
}

/// A GET request with these scopes, and a password if there is one.
pub(crate) fn get(scopes: &[&str], password: Option<&str>) -> Request<Body> {
    let scopes = scopes.iter().map(|scope| format!("&scope={scope}")).collect::<Vec<_>>().concat();
    let request = Request::get(format!("/token?service={SERVICE}{scopes}"));
    let request = match password {
        Some(password) => {
            request.header("Authorization", format!("Basic {}", STANDARD.encode(format!("x:{password}"))))
        }
        None => request,
    };
    request.body(Body::empty()).unwrap()
}
