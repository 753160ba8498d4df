//! `check`: the whole chain from the ConfigMap to the policy, link by link, and what mends each.

use std::fmt;

use local_registry_core::{Kind, RegistryHost, Version, image_fields};
use serde::Serialize;
use serde_json::Value;

use crate::cluster::{Cluster, ClusterError, PolicyName};
use crate::config_map::{Declaration, read};
use crate::json::at;
use crate::plan::{Plan, plan};
use crate::probe::Probe;
use crate::run::chain;

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
    policies: &[PolicyName],
    namespace: &str,
    place: Place,
    probe: impl AsyncFnOnce(&str) -> Probe,
) -> Vec<Link> {
    let mut links = Vec::new();
    let declaration = config_map(cluster, &mut links).await;
    let mut found = Vec::new();
    for policy in policies {
        found.push((policy, cluster.policy(policy).await));
    }
    if let Some(Declaration::Registry { host, .. }) = &declaration {
        links.push(link("host", Verdict::Ok, format!("{host} is what image parsers read back as a registry"), None));
        let insecure = found
            .iter()
            .flat_map(|(_, policy)| policy)
            .any(|policy| at(policy, &["spec", "settings", "insecure"]) == true);
        registry(host, &probe(host.as_str()).await, place, insecure, &mut links);
    }
    for (kind, name) in [(Kind::Build, "builds.shipwright.io"), (Kind::BuildRun, "buildruns.shipwright.io")] {
        links.push(crd(kind, name, cluster.custom_resource_definition(name).await));
    }
    let injects = found.iter().flat_map(|(_, policy)| policy).any(is_mutating);
    for (name, policy) in found {
        match policy {
            Err(error) => links.push(link(format!("policy {name}"), Verdict::Failed, chain(&error), None)),
            Ok(policy) => {
                links.extend(self::policy(name, &policy, injects, declaration.as_ref()));
                links.push(rights(cluster, name, &policy, namespace).await);
            }
        }
    }
    links
}

async fn config_map(cluster: &Cluster, links: &mut Vec<Link>) -> Option<Declaration> {
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
            let verdict = match declared.declaration {
                Declaration::Registry { .. } => Verdict::Ok,
                _ => Verdict::Failed,
            };
            links.push(link("ConfigMap", verdict, declared.declaration.to_string(), None));
            Some(declared.declaration)
        }
    }
}

fn registry(host: &RegistryHost, probe: &Probe, place: Place, insecure: bool, links: &mut Vec<Link>) {
    // What only pods can reach is no fault when it is not reached from elsewhere.
    let (failed, elsewhere) = match place {
        Place::Inside => (Verdict::Failed, None),
        Place::Outside => {
            (Verdict::Warning, Some("this only means something inside the cluster: run the check in a pod"))
        }
    };
    links.push(match &probe.addresses {
        Ok(addresses) => {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            link("name", Verdict::Ok, format!("{host} is {}", addresses.join(", ")), None)
        }
        Err(error) => link(
            "name",
            failed,
            format!("{host} is not resolved: {error}"),
            elsewhere.or(Some("give the registry that name in the cluster's DNS, or declare another")),
        ),
    });
    let not_a_registry =
        |status: u16| (status != 200 && status != 401).then_some("expected 200 or 401: see what else answers there");
    links.push(match (&probe.https, &probe.http) {
        (Ok(status), _) if not_a_registry(*status).is_some() => {
            link("registry", Verdict::Warning, format!("https://{host}/v2/ answers {status}"), not_a_registry(*status))
        }
        (Ok(status), _) if insecure => {
            let remedy = "insecure: true is not needed in the policy's settings";
            link("registry", Verdict::Warning, format!("https://{host}/v2/ answers {status}"), Some(remedy))
        }
        (Ok(status), _) => link("registry", Verdict::Ok, format!("https://{host}/v2/ answers {status}"), None),
        (Err(_), Some(Ok(status))) if not_a_registry(*status).is_some() => {
            link("registry", Verdict::Warning, format!("http://{host}/v2/ answers {status}"), not_a_registry(*status))
        }
        (Err(_), Some(Ok(status))) if insecure => link(
            "registry",
            Verdict::Ok,
            format!("http://{host}/v2/ answers {status}, and the settings say insecure: true"),
            None,
        ),
        (Err(error), Some(Ok(status))) => link(
            "registry",
            Verdict::Failed,
            format!("http://{host}/v2/ answers {status}, but HTTPS does not ({error})"),
            Some("set insecure: true in the policy's settings, or give the registry a certificate"),
        ),
        (Err(https), http) => {
            let http = http.as_ref().and_then(|http| http.as_ref().err()).map(String::as_str).unwrap_or("not tried");
            let seen = format!("{host} does not answer: HTTPS: {https}; HTTP: {http}");
            link("registry", failed, seen, elsewhere.or(Some("start the registry, or declare where it is")))
        }
    });
}

/// Whether Shipwright's CRD knows `local` beside each image.
fn crd(kind: Kind, name: &str, found: Result<Option<Value>, ClusterError>) -> Link {
    let subject = format!("CRD {name}");
    let crd = match found {
        Err(error) => return link(subject, Verdict::Warning, chain(&error), None),
        Ok(None) => return link(subject, Verdict::Failed, "there is none", Some("install Shipwright")),
        Ok(Some(crd)) => crd,
    };
    let mut missing = Vec::new();
    for version in at(&crd, &["spec", "versions"]).as_array().map(Vec::as_slice).unwrap_or_default() {
        let name = at(version, &["name"]).as_str().unwrap_or_default();
        let Some(known) = Version::parse(name).filter(|_| at(version, &["served"]) != false) else { continue };
        for field in image_fields(kind, known) {
            let schema = field
                .path
                .iter()
                .fold(at(version, &["schema", "openAPIV3Schema"]), |schema, part| at(schema, &["properties", part]));
            if at(schema, &["properties", "local", "type"]) != "boolean" {
                missing.push(format!("{name} {}", field.path.join(".")));
            }
        }
    }
    if missing.is_empty() {
        return link(subject, Verdict::Ok, "it has the field local beside every image", None);
    }
    let remedy = "use the annotations local-registry-hosting/output, /source and /builder, or patch the CRD (Shipwright's operator puts its own back at every upgrade)";
    link(subject, Verdict::Warning, format!("it lacks the field local in {}", missing.join(", ")), Some(remedy))
}

fn is_mutating(policy: &Value) -> bool {
    at(policy, &["spec", "mutating"]) == true
}

/// `injects`: whether any of the policies that are checked may mutate.
fn policy(name: &PolicyName, policy: &Value, injects: bool, declaration: Option<&Declaration>) -> Vec<Link> {
    let subject = format!("policy {name}");
    let mut links = Vec::new();
    let status = at(policy, &["status", "policyStatus"]).as_str().unwrap_or("unknown");
    links.push(match status {
        "active" => link(&subject, Verdict::Ok, "it is active", None),
        other => {
            let remedy = format!(
                "see what the Kubewarden controller says of it: kubectl describe {} {}",
                name.kind().to_lowercase(),
                name.arguments()
            );
            link(&subject, Verdict::Failed, format!("its status is {other}, not active"), Some(&remedy))
        }
    });
    if !is_mutating(policy) {
        let subject = format!("{subject} mutating");
        links.push(if injects {
            link(subject, Verdict::Ok, "it is a guard: it rejects what another policy should have resolved", None)
        } else {
            let remedy = "set spec.mutating: true, or nothing is injected";
            link(subject, Verdict::Failed, "spec.mutating is not true", Some(remedy))
        });
    }
    if let Some(declaration) = declaration {
        let subject = format!("{subject} settings");
        links.push(match plan(declaration, policy) {
            Ok(Plan::Unchanged) => link(subject, Verdict::Ok, "they say what the cluster declares", None),
            Ok(Plan::Apply(wanted)) => link(
                subject,
                Verdict::Failed,
                format!(
                    "they are {}, and the cluster declares {}",
                    at(policy, &["spec", "settings"]),
                    wanted.to_json()
                ),
                Some("run local-registry-sync for this policy"),
            ),
            Ok(Plan::Foreign { field, managers }) => link(
                subject,
                Verdict::Warning,
                format!("{field} is set, which the cluster does not declare, and is owned by {}", managers.join(", ")),
                Some("remove it where it was set, if it is no longer right"),
            ),
            Err(error) => link(subject, Verdict::Failed, error.to_string(), None),
        });
    }
    links
}

/// Whether the policy, and the server that it runs on, may read Builds.
async fn rights(cluster: &Cluster, name: &PolicyName, policy: &Value, namespace: &str) -> Link {
    let subject = format!("policy {name} rights");
    if at(policy, &["spec", "settings", "lookupBuilds"]) == false {
        return link(subject, Verdict::Ok, "it looks no Builds up (lookupBuilds: false)", None);
    }
    if name.kind() == "AdmissionPolicy" {
        let remedy = "set lookupBuilds: false in its settings, or use a ClusterAdmissionPolicy";
        return link(subject, Verdict::Failed, "a namespaced policy may not look Builds up", Some(remedy));
    }
    let granted = at(policy, &["spec", "contextAwareResources"]).as_array().map(Vec::as_slice).unwrap_or_default();
    if !granted
        .iter()
        .any(|kind| at(kind, &["apiVersion"]) == "shipwright.io/v1beta1" && at(kind, &["kind"]) == "Build")
    {
        let remedy = "add apiVersion shipwright.io/v1beta1, kind Build to spec.contextAwareResources";
        return link(subject, Verdict::Failed, "spec.contextAwareResources does not list Builds", Some(remedy));
    }
    let server = at(policy, &["spec", "policyServer"]).as_str().unwrap_or("default");
    let account = match cluster.policy_server(server).await {
        Ok(found) => at(&found, &["spec", "serviceAccountName"]).as_str().unwrap_or("default").to_owned(),
        Err(error) => return link(subject, Verdict::Warning, chain(&error), None),
    };
    match cluster.may_get_builds(namespace, &account).await {
        Ok(true) => link(subject, Verdict::Ok, format!("service account {namespace}/{account} may get Builds"), None),
        Ok(false) => link(
            subject,
            Verdict::Failed,
            format!("service account {namespace}/{account} of policy server {server} may not get Builds"),
            Some("bind it to a ClusterRole with the verb get on builds.shipwright.io"),
        ),
        Err(error) => link(subject, Verdict::Warning, chain(&error), None),
    }
}
