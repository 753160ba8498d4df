//! `check --pull`: whether each node pulls an image by the declared name, and by the portable one, and runs it.

mod canary;
mod image;
mod password;
mod portable;
mod push;
mod transport;

use std::collections::BTreeSet;

use local_registry_core::RuntimeHost;

use self::canary::{Canary, Outcome};
use self::image::Image;
pub use self::password::Password;
use self::portable::nodes_that_know_it;
use self::push::push;
use super::config_map::config_map;
use super::link::Link;
use super::probe::Probe;
use super::release::upgrade;
use super::sign_in::SignIn;
use local_registry_cluster::Cluster;
use local_registry_cluster::pods::NodeSummary;
use local_registry_core::registry::{PORTABLE_HOST, RegistryUrl, Scheme};
use local_registry_core::text::with_causes;
use local_registry_declaration::{AllowedHosts, Declared};

/// The repository that the canary is pushed to, below the registry, and the namespace whose rights are those to push there.
const REPOSITORY: &str = "local-registry-check/canary";
const NAMESPACE: &str = "local-registry-check";

/// What `--pull` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullTask {
    /// The namespace in which the canary pods run.
    pub namespace: String,
    /// The namespace in which the nodes' agents run. Where one reports the portable name, its node pulls by that, too.
    pub agents: String,
    /// An image in the registry that the canary pods run, without its registry, such as `team/app:v1`. `None`: an image
    /// of this program is pushed for them.
    pub image: Option<String>,
    /// By what a registry with a token server takes that image: a Kubernetes token with the right to push
    /// `local-registry-check/canary`.
    pub password: Option<Password>,
}

/// Pushes an image of this program to the registry, and lets a pod on each node run it by the name that nodes pull by, and
/// another one by the portable name.
///
/// Every pod is deleted again. The image stays in the registry: a registry need not allow that it is deleted.
///
/// ```no_run
/// use local_registry_check::{PullTask, probe, pull};
/// use local_registry_cluster::Cluster;
/// use local_registry_declaration::AllowedHosts;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = Cluster::new(kube::Client::try_default().await?);
/// let task = PullTask {
///     namespace: "local-registry-check".to_owned(),
///     agents: "local-registry-nodes".to_owned(),
///     image: None,
///     password: None,
/// };
/// for link in pull(&cluster, &task, &AllowedHosts::default(), probe).await {
///     println!("{link}");
/// }
/// # Ok(())
/// # }
/// ```
pub async fn pull(
    cluster: &Cluster,
    task: &PullTask,
    allowed: &AllowedHosts,
    ask: impl AsyncFnOnce(&RuntimeHost) -> Probe,
) -> Vec<Link> {
    let declared = config_map(cluster, allowed).await.1.unwrap_or_else(Declared::absent);
    let names = declared.names();
    // The first name is the one for runtimes, and the last one that for pods.
    let (Some(by_nodes), Some(by_pods)) = (names.first(), names.last()) else {
        return vec![Link::failed("canary", "no registry is declared, so there is nothing to pull from")];
    };
    let path = match &task.image {
        Some(image) => image.clone(),
        None => match push_canary(cluster, by_pods, task.password.as_ref(), ask).await {
            Ok(digest) => format!("{REPOSITORY}@{digest}"),
            Err(link) => return vec![link],
        },
    };
    let nodes: Vec<NodeSummary> = match cluster.nodes().await {
        Ok(nodes) => nodes.into_iter().filter(|node| node.system != "windows").collect(),
        Err(error) => return vec![Link::failed("canary", with_causes(&error))],
    };
    let by_declared = format!("{by_nodes}/{path}");
    let by_portable = format!("{PORTABLE_HOST}/{path}");
    let mut portable = match declared.portable_for_nodes() {
        Some(_) => nodes_that_know_it(cluster, &task.agents, &nodes).await,
        None => BTreeSet::new(),
    };
    let canary = Canary { cluster, namespace: &task.namespace };
    if let Err(error) = canary.tidy().await {
        return vec![
            Link::failed("canary", with_causes(&error))
                .remedy("set check.pull=true in the release, or see --pull-namespace"),
        ];
    }
    let is_ours = task.image.is_none();
    let mut links = Vec::new();
    let mut pods = Vec::new();
    for node in &nodes {
        let subject = format!("pull on node {}", node.name);
        if !node.is_ready {
            links.push(Link::warning(subject, "the node is not ready, so it was not tried"));
        } else if is_ours && node.architecture != image::architecture() {
            let seen =
                format!("the node is {}, and the image of this program {}", node.architecture, image::architecture());
            links.push(Link::warning(subject, seen).remedy("name an image for that node by --pull-image"));
        } else {
            let mut trials = vec![(subject.clone(), &by_declared)];
            if portable.contains(&node.name) {
                trials.push((format!("{subject} by {PORTABLE_HOST}"), &by_portable));
            }
            for (subject, image) in trials {
                match canary.start(&node.name, image).await {
                    Ok(pod) if *image == by_portable && pod.image.as_ref() != Some(image) => {
                        // Admission does so for each of these pods, so the nodes are not asked by that name.
                        portable.clear();
                        links.push(changed_at_admission(image, pod.image.as_deref()));
                        links.extend(stop(&canary, &pod.name).await);
                    }
                    Ok(pod) => pods.push((subject, image, pod.name)),
                    Err(error) => links.push(Link::failed(subject, with_causes(&error)).remedy(
                        "if it is a right or the namespace that is missing: set check.pull=true in the release, or name another by --pull-namespace",
                    )),
                }
            }
        }
    }
    let names: Vec<String> = pods.iter().map(|(.., pod)| pod.clone()).collect();
    let outcomes = canary.outcomes(&names).await;
    for ((subject, image, pod), outcome) in pods.into_iter().zip(outcomes) {
        links.push(match outcome {
            Outcome::Ran => Link::ok(subject, format!("it pulled and ran {image}")),
            Outcome::Failed(reason) => Link::failed(subject, format!("it did not run {image}: {reason}"))
                .remedy("see the lines about this node above, and docs/nodes.md"),
        });
        links.extend(stop(&canary, &pod).await);
    }
    links
}

/// Deletes a pod; and the link of a pod that stays.
async fn stop(canary: &Canary<'_>, pod: &str) -> Option<Link> {
    let error = canary.stop(pod).await.err()?;
    Some(Link::warning(format!("pod {}/{pod}", canary.namespace), with_causes(&error)).remedy("delete it"))
}

/// The link of pods whose image a policy replaces. What they pull says nothing about the nodes' own files.
fn changed_at_admission(image: &str, found: Option<&str>) -> Link {
    let seen = format!("it was not tried, since admission replaces {image} by {}", found.unwrap_or("no image"));
    Link::warning(format!("pull by {PORTABLE_HOST}"), seen).remedy(format!(
        "the shipped policies change no pod in the namespace local-registry-check: leave --pull-namespace out, and {}",
        upgrade("workloads.enabled=true")
    ))
}

/// Pushes the image, and returns its digest: whatever the registry serves by that is what was pushed.
///
/// # Errors
/// The link that says why it could not be pushed.
async fn push_canary(
    cluster: &Cluster,
    host: &RuntimeHost,
    password: Option<&Password>,
    ask: impl AsyncFnOnce(&RuntimeHost) -> Probe,
) -> Result<String, Link> {
    let probe = ask(host).await;
    let scheme = if probe.https.is_ok() { Scheme::Https } else { Scheme::Http };
    let image = Image::of_this_program().map_err(|error| Link::failed("canary", error.to_string()))?;
    let url = RegistryUrl { scheme, host: host.clone() };
    let failed = |error: &str| {
        Link::failed("canary", format!("it cannot be pushed to {url}: {error}"))
            .remedy("run the check in a pod; or name an image that is in the registry by --pull-image")
    };
    let header = match (&probe.sign_in, password) {
        (Some(sign_in @ SignIn::Token { .. }), Some(password)) => {
            let password = password.read(cluster, host).await.map_err(|error| failed(&error))?;
            sign_in.to_push(REPOSITORY, &password).await.map_err(|error| failed(&error))?
        }
        _ => None,
    };
    match push(&url, REPOSITORY, &image, header).await {
        Ok(()) => Ok(image.manifest.digest.to_string()),
        Err(error) => Err(failed(&error.to_string())),
    }
}
