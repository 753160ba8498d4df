//! `check`: the whole chain from the ConfigMap to the policy, link by link, and what mends each.

mod builds;
mod crd;
mod policy;
mod registry;
mod rights;
mod scope;
mod selector;

use std::fmt;

use local_registry_core::Kind;
use serde::Serialize;
use serde_json::Value;

use self::builds::Stored;
use self::selector::Selector;
use crate::allowed::AllowedHosts;
use crate::cluster::Cluster;
use crate::config_map::{Declaration, read};
use crate::json::at;
use crate::probe::Probe;
use crate::run::{Task, chain};

/// One link of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Which one.
    pub link: String,
    /// How it holds.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// How a link holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It holds.
    Ok,
    /// It may hold, or holds only in part.
    Warning,
    /// It does not hold.
    Failed,
}

impl fmt::Display for Link {
    /// `✓ link: what was seen`, and the remedy after a semicolon.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.verdict {
            Verdict::Ok => '✓',
            Verdict::Warning => '!',
            Verdict::Failed => '✗',
        };
        write!(f, "{mark} {}: {}", self.link, self.seen)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

fn link(link: impl Into<String>, verdict: Verdict, seen: impl Into<String>, remedy: Option<&str>) -> Link {
    Link { link: link.into(), verdict, seen: seen.into(), remedy: remedy.map(ToOwned::to_owned) }
}

/// Where the program runs, and so which links mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a pod of the cluster.
    Inside,
    /// Elsewhere: what pods can reach is not known here.
    Outside,
}

/// Follows the chain. `probe` asks a registry; `namespace` is where Kubewarden's policy servers run.
pub async fn check(
    cluster: &Cluster,
    task: &Task,
    namespace: &str,
    place: Place,
    probe: impl AsyncFnOnce(&str) -> Probe,
) -> Vec<Link> {
    let mut links = Vec::new();
    let declaration = config_map(cluster, &task.allowed, &mut links).await;
    let mut found = Vec::new();
    for policy in &task.policies {
        found.push((policy, cluster.policy(policy).await));
    }
    if let Some(Declaration::Registry { host, .. }) = &declaration {
        links.push(link("host", Verdict::Ok, format!("{host} is what image parsers read back as a registry"), None));
        let insecure = found
            .iter()
            .flat_map(|(_, policy)| policy)
            .any(|policy| at(policy, &["spec", "settings", "insecure"]) == true);
        registry::registry(host, &probe(host.as_str()).await, place, insecure, &mut links);
    }
    for (kind, name) in [(Kind::Build, "builds.shipwright.io"), (Kind::BuildRun, "buildruns.shipwright.io")] {
        links.push(crd::crd(kind, name, cluster.custom_resource_definition(name).await));
    }
    let injects = found.iter().flat_map(|(_, policy)| policy).any(is_mutating);
    let selector = |policy: &Value| Selector::read(at(policy, &["spec", "objectSelector"]));
    let selectors = found.iter().flat_map(|(_, policy)| policy).filter_map(selector).collect();
    let looks_up = |policy: &Value| at(policy, &["spec", "settings", "lookupBuilds"]) != false;
    let mut policies = found.iter().flat_map(|(_, policy)| policy).peekable();
    let nobody_looks_up = policies.peek().is_some() && !policies.any(looks_up);
    let stored = Stored::read(cluster, selectors).await;
    for (name, policy) in found {
        match policy {
            Err(error) => links.push(link(format!("policy {name}"), Verdict::Failed, chain(&error), None)),
            Ok(policy) => {
                let subject = format!("policy {name}");
                let serves = policy::state(&subject, name, &policy, namespace, &mut links);
                policy::purpose(&subject, &policy, injects, &mut links);
                scope::scope(&subject, name, &policy, cluster, &stored, &mut links).await;
                links.extend(declaration.as_ref().map(|it| policy::settings(&subject, &policy, it, serves)));
                links.push(rights::rights(cluster, name, &policy, namespace).await);
            }
        }
    }
    stored.tell(nobody_looks_up, &mut links);
    links
}

fn is_mutating(policy: &Value) -> bool {
    at(policy, &["spec", "mutating"]) == true
}

async fn config_map(cluster: &Cluster, allowed: &AllowedHosts, links: &mut Vec<Link>) -> Option<Declaration> {
    let data = match cluster.config_map().await {
        Ok(data) => data,
        Err(error) => {
            links.push(link("ConfigMap", Verdict::Failed, chain(&error), None));
            return None;
        }
    };
    match data.as_ref().map(read) {
        None => {
            let remedy = "create it with the host under which pods reach the registry, as KEP-1755 says";
            links.push(link("ConfigMap", Verdict::Failed, Declaration::Absent.to_string(), Some(remedy)));
            Some(Declaration::Absent)
        }
        Some(Err(error)) => {
            links.push(link("ConfigMap", Verdict::Failed, error.to_string(), None));
            None
        }
        Some(Ok(declared)) => {
            if let Err(error) = allowed.check(&declared.declaration) {
                links.push(link("ConfigMap", Verdict::Failed, error.to_string(), None));
                return None;
            }
            let verdict = match declared.declaration {
                Declaration::Registry { .. } => Verdict::Ok,
                _ => Verdict::Failed,
            };
            links.push(link("ConfigMap", verdict, declared.declaration.to_string(), None));
            Some(declared.declaration)
        }
    }
}

/// Some of many names: how many there are, and the first few.
#[derive(Debug, Default)]
struct Names {
    count: usize,
    first: Vec<String>,
}

impl Names {
    const SHOWN: usize = 5;

    fn push(&mut self, name: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < Self::SHOWN {
            self.first.push(name());
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first.join(", "))?;
        match self.count - self.first.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
