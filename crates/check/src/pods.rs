//! Whether pods are ready.

use local_registry_cluster::Cluster;
use local_registry_core::text::with_causes;

use crate::link::Link;

/// The link of the pods with these labels: whether any is ready, and what troubles one. `remedy`: what to do if there is none.
pub(crate) async fn ready_pods(cluster: &Cluster, link: &str, namespace: &str, selector: &str, remedy: &str) -> Link {
    let pods = match cluster.pods(namespace, selector).await {
        Ok(pods) => pods,
        Err(error) => return Link::warning(link, with_causes(&error)),
    };
    let ready = pods.iter().filter(|pod| pod.trouble.is_none()).count();
    let seen = format!("{ready} of {} ready in {namespace}, by the labels {selector}", pods.len());
    let trouble = pods.iter().find_map(|pod| Some((&pod.name, pod.trouble.as_ref()?)));
    match (ready, trouble) {
        (0, None) => Link::failed(link, seen).remedy(remedy),
        (0, Some((name, trouble))) => Link::failed(link, format!("{seen}; {name}: {trouble}"))
            .remedy(format!("see `kubectl describe pod --namespace {namespace} {name}`, and its log")),
        (_, Some((name, trouble))) => Link::warning(link, format!("{seen}; {name}: {trouble}")),
        (_, None) => Link::ok(link, seen),
    }
}
