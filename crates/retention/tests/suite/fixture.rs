//! A cluster, a registry, and a run.

use std::fmt::Write;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use local_registry_core::registry::{RegistryUrl, Scheme};
use local_registry_oci::{Limits, Registry};
use local_registry_retention::{PruneTask, Rules, Selection, UndatedRule, prune};
use serde_json::{Value, json};

use super::cluster::ApiServer;
use super::registry::StandIn;

pub(crate) const HOST: &str = "registry.infra.svc:5000";
pub(crate) const APP: &str = "team/app";

/// A registry and a cluster, both empty, and what is to be done.
pub(crate) struct Fixture {
    pub(crate) registry: StandIn,
    pub(crate) api_server: ApiServer,
    pub(crate) task: PruneTask,
}

/// What came of a run.
pub(crate) struct Ran {
    /// The reports as people read them.
    pub(crate) text: String,
    /// The same as programs do.
    pub(crate) reports: Vec<Value>,
    /// Whether all is in line, or the error.
    pub(crate) end: Result<bool, String>,
}

impl Fixture {
    /// Keeps so many images, and deletes.
    pub(crate) fn keeping(keep: usize) -> Self {
        let rules =
            Rules { keep: keep.try_into().unwrap(), newer_than: Duration::from_hours(24), undated: UndatedRule::Keep };
        let host = HOST.parse().unwrap();
        let (names, resources, selection) = (Vec::new(), Vec::new(), Selection::default());
        let task = PruneTask { host, names, selection, rules, resources, confirm: true };
        Self { registry: StandIn::default(), api_server: ApiServer::default(), task }
    }

    /// Pushes an image that was made so many days ago, and returns its digest.
    pub(crate) fn image(&self, tag: &str, days: i64) -> String {
        self.image_in(APP, Some(tag), days)
    }

    pub(crate) fn image_in(&self, repository: &str, tag: Option<&str>, days: i64) -> String {
        let created = Timestamp::now() - SignedDuration::from_hours(days * 24);
        self.image_of(repository, tag, &json!({"created": created.to_string(), "x": tag}))
    }

    pub(crate) fn image_of(&self, repository: &str, tag: Option<&str>, config: &Value) -> String {
        let mut store = self.registry.store();
        let config = store.put_blob(repository, config.to_string());
        let layer = store.put_blob(repository, format!("layer of {tag:?}"));
        store.put(repository, tag, &json!({"schemaVersion": 2, "config": config, "layers": [layer]}))
    }

    /// Pushes an index of these manifests.
    pub(crate) fn index(&self, tag: Option<&str>, children: &[&String]) -> String {
        let manifests: Vec<Value> = children.iter().map(|digest| json!({"digest": digest, "size": 1})).collect();
        self.registry.store().put(APP, tag, &json!({"schemaVersion": 2, "manifests": manifests}))
    }

    /// Pushes what cosign would attach to a manifest.
    pub(crate) fn attach(&self, subject: &str, end: &str) -> String {
        let tag = format!("{}{end}", subject.replace(':', "-"));
        self.registry.store().put(APP, Some(&tag), &json!({"schemaVersion": 2, "layers": [], "x": tag}))
    }

    pub(crate) fn name(&self, image: &str) {
        self.api_server.add("/apis/apps/v1/deployments", "web", image);
    }

    pub(crate) async fn run(&self) -> Ran {
        let url = RegistryUrl { scheme: Scheme::Http, host: HOST.parse().unwrap() };
        let limits = Limits { at_once: 8, per_second: None, retries: 1 };
        let registry = Registry::anonymous(&url, self.registry.clone(), limits).unwrap();
        let (mut text, mut reports) = (String::new(), Vec::new());
        let summary = prune(&self.api_server.cluster(), &registry, &self.task, |report| {
            writeln!(text, "{report}").unwrap();
            reports.push(serde_json::to_value(report).unwrap());
        })
        .await;
        let end = match summary {
            Ok(summary) => {
                writeln!(text, "{summary}").unwrap();
                Ok(summary.is_in_line())
            }
            Err(error) => Err(error.to_string()),
        };
        Ran { text, reports, end }
    }

    pub(crate) fn tags(&self) -> Vec<String> {
        self.registry.tags(APP)
    }

    /// Whether a manifest is there.
    pub(crate) fn has(&self, digest: &str) -> bool {
        self.registry.store().manifests.contains_key(&(APP.to_owned(), digest.to_owned()))
    }
}
