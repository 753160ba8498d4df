//! An API server for tests: it lists objects in short pages, and serves what it was made with.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use local_registry_cluster::Cluster;
use local_registry_testkit::api_server::{Answer, send, status};
use serde_json::{Value, json};
use tower_test::mock::pair;

/// The kinds that are there without anything installed.
const BUILT_IN: [(&str, &str); 9] = [
    ("/api/v1", "pods"),
    ("/api/v1", "podtemplates"),
    ("/api/v1", "replicationcontrollers"),
    ("/apis/apps/v1", "deployments"),
    ("/apis/apps/v1", "replicasets"),
    ("/apis/apps/v1", "statefulsets"),
    ("/apis/apps/v1", "daemonsets"),
    ("/apis/batch/v1", "jobs"),
    ("/apis/batch/v1", "cronjobs"),
];

type Hook = Box<dyn FnMut(&str) -> Option<(u16, String)> + Send>;

/// What the API server has, and what it was asked.
#[derive(Clone)]
pub(crate) struct ApiServer {
    /// Objects, by the path of their list.
    pub(crate) objects: Arc<Mutex<BTreeMap<String, Vec<Value>>>>,
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    hook: Arc<Mutex<Hook>>,
}

impl Default for ApiServer {
    fn default() -> Self {
        let objects = BUILT_IN.iter().map(|(group, plural)| (format!("{group}/{plural}"), Vec::new())).collect();
        Self {
            objects: Arc::new(Mutex::new(objects)),
            asked: Arc::default(),
            hook: Arc::new(Mutex::new(Box::new(|_| None))),
        }
    }
}

impl ApiServer {
    /// Adds an object with this image somewhere in it, and with it the kind.
    pub(crate) fn add(&self, list: &str, name: &str, image: &str) {
        let object =
            json!({"metadata": {"name": name, "namespace": "team"}, "spec": {"somewhere": [{"image": image}]}});
        self.objects.lock().unwrap().entry(list.to_owned()).or_default().push(object);
    }

    /// Answers in the place of the API server. It gets the path.
    pub(crate) fn hook(&self, hook: impl FnMut(&str) -> Option<(u16, String)> + Send + 'static) {
        *self.hook.lock().unwrap() = Box::new(hook);
    }

    pub(crate) fn cluster(&self) -> Cluster {
        let (service, mut handle) = pair::<Request<Body>, Response<Answer>>();
        let this = self.clone();
        tokio::spawn(async move {
            while let Some((request, response)) = handle.next_request().await {
                let (path, query) =
                    (request.uri().path().to_owned(), request.uri().query().unwrap_or_default().to_owned());
                let answered = (this.hook.lock().unwrap())(&path);
                this.asked.lock().unwrap().push(path.clone());
                let (code, body) = answered.unwrap_or_else(|| this.answer(&path, &query));
                send(response, code, &body);
            }
        });
        Cluster::new(Client::new(service, "default"))
    }

    fn answer(&self, path: &str, query: &str) -> (u16, String) {
        let objects = self.objects.lock().unwrap();
        if path == "/apis" {
            let mut groups: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
            for list in objects.keys() {
                if let Some((group, rest)) = list.strip_prefix("/apis/").and_then(|rest| rest.split_once('/')) {
                    let version = rest.split('/').next().unwrap();
                    let version = json!({"version": version, "groupVersion": format!("{group}/{version}")});
                    let versions = groups.entry(group).or_default();
                    if !versions.contains(&version) {
                        versions.push(version);
                    }
                }
            }
            let groups: Vec<Value> =
                groups.into_iter().map(|(name, versions)| json!({"name": name, "versions": versions})).collect();
            return (200, json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}).to_string());
        }
        if let Some(items) = objects.get(path) {
            let number = |key: &str| query.split('&').find_map(|part| part.strip_prefix(key)?.parse::<usize>().ok());
            // Shorter pages than were asked for, as after a change of the limit.
            let (start, limit) = (number("continue=").unwrap_or(0), number("limit=").unwrap().min(2));
            let page: Vec<&Value> = items.iter().skip(start).take(limit).collect();
            let end = start + page.len();
            let token = if end < items.len() { end.to_string() } else { String::new() };
            let (_, plural) = path.rsplit_once('/').unwrap();
            let kind = if plural == "deployments" {
                "Deployment"
            } else if plural == "pods" {
                "Pod"
            } else {
                "Other"
            };
            let list = json!({
                "kind": format!("{kind}List"), "apiVersion": "x/v1", "metadata": {"continue": token}, "items": page,
            });
            return (200, list.to_string());
        }
        let resources: Vec<Value> = objects
            .keys()
            .filter_map(|list| list.strip_prefix(path)?.strip_prefix('/'))
            .map(|name| json!({"name": name, "singularName": "", "namespaced": true, "kind": "X", "verbs": ["list"]}))
            .collect();
        if resources.is_empty() {
            return (
                404,
                status(404, "NotFound", "the server could not find the requested resource", &json!({})).to_string(),
            );
        }
        let version = path.trim_start_matches("/apis/").trim_start_matches("/api/");
        let list =
            json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources});
        (200, list.to_string())
    }
}
