//! Whether the namespaces whose pods push have an alias of the registry.

use local_registry_cluster::Cluster;
use local_registry_cluster::aliases::{ALIAS, ALIAS_LABEL};
use local_registry_declaration::Declared;
use local_registry_sync::aliases::{Step, Survey, target};

use crate::link::Link;
use crate::names::Names;

const LINK: &str = "aliases";

/// The link of the aliases; none if no namespace has the label.
pub(crate) async fn aliases(cluster: &Cluster, declared: &Declared) -> Option<Link> {
    let (mut namespaces, mut aliases) = (cluster.follow_alias_namespaces(), cluster.follow_aliases());
    tokio::join!(namespaces.news(), aliases.news());
    let Some(survey) = Survey::of(&namespaces, &aliases) else {
        let lost = namespaces.lost().or(aliases.lost())?;
        return Some(Link::warning(LINK, lost.error.clone()));
    };
    let found = target(declared);
    let (mut kept, mut missing, mut foreign, mut without) =
        (Names::default(), Names::default(), Names::default(), Names::default());
    for (namespace, step) in survey.steps(found.as_ref().ok().map(String::as_str)) {
        let names = match step {
            Step::Keep => &mut kept,
            Step::Apply => &mut missing,
            Step::LeaveAlone => &mut foreign,
            Step::GoWithout => &mut without,
            // It goes. Nobody asks for it any more.
            Step::Delete(_) => continue,
        };
        names.push(|| namespace.to_owned());
    }
    match found {
        Err(_) if without.count() == 0 => None,
        Err(reason) => {
            let seen = format!("there is none for the namespaces with the label {ALIAS_LABEL} ({without}): {reason}");
            Some(Link::warning(LINK, seen))
        }
        Ok(_) if missing.count() > 0 => {
            let seen =
                format!("namespaces with the label {ALIAS_LABEL} have none that leads to the registry: {missing}");
            let remedy = "include deploy/alias in the kustomization of the sync job; if it is there, the job's log says what fails";
            Some(Link::failed(LINK, seen).remedy(remedy))
        }
        Ok(_) if foreign.count() > 0 => {
            let seen = format!("in its place is a Service {ALIAS} that somebody else has made: {foreign}");
            Some(Link::failed(LINK, seen).remedy("delete the Service, or take the label from the namespace"))
        }
        Ok(_) if kept.count() == 0 => None,
        Ok(to) => Some(Link::ok(LINK, format!("they lead to {to}: {kept}"))),
    }
}
