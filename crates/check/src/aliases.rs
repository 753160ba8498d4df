//! Whether the namespaces whose pods push have an alias of the registry.

use local_registry_cluster::Cluster;
use local_registry_cluster::aliases::{ALIAS, ALIAS_LABEL};
use local_registry_declaration::Declared;
use local_registry_sync::aliases::{NoTarget, Step, Survey, target};

use crate::link::Link;
use crate::mislabelled::mislabelled;
use crate::names::Names;

const LINK: &str = "aliases";

/// The links of the aliases; none if no namespace has the label.
pub(crate) async fn aliases(cluster: &Cluster, declared: &Declared, cluster_domain: &str) -> Vec<Link> {
    let (mut namespaces, mut aliases) = (cluster.follow_namespaces(None), cluster.follow_aliases());
    tokio::join!(namespaces.news(), aliases.news());
    let Some(survey) = Survey::of(&namespaces, &aliases) else {
        let lost = namespaces.lost().or(aliases.lost());
        return lost.map(|lost| Link::warning(LINK, lost.error.clone())).into_iter().collect();
    };
    let typo = mislabelled(LINK, ALIAS_LABEL, survey.mislabelled());
    link_of(&survey, target(declared, cluster_domain)).into_iter().chain(typo).collect()
}

fn link_of(survey: &Survey<'_>, found: Result<String, NoTarget>) -> Option<Link> {
    let (mut kept, mut missing, mut foreign, mut without) =
        (Names::default(), Names::default(), Names::default(), Names::default());
    for (namespace, step) in survey.steps(found.as_ref().ok().map(String::as_str)) {
        let names = match step {
            Step::Keep => &mut kept,
            Step::Apply | Step::Replace(_) => &mut missing,
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
            let remedy = "set alias.enabled=true in the release; if it is set, the sync job's log says what fails";
            Some(Link::failed(LINK, seen).remedy(remedy))
        }
        Ok(_) if foreign.count() > 0 => {
            let seen = format!("in its place is a Service {ALIAS} that somebody else has made: {foreign}");
            Some(
                Link::failed(LINK, seen)
                    .remedy("take the label from the namespace, or delete that Service if nobody needs it"),
            )
        }
        Ok(_) if kept.count() == 0 => None,
        Ok(to) => Some(Link::ok(LINK, format!("they lead to {to}: {kept}"))),
    }
}
