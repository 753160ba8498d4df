//! The link of each guard.

use local_registry_cluster::Cluster;
use local_registry_cluster::guards::{FoundGuard, Guard, GuardFault};
use local_registry_core::text::with_causes;

use super::shipped::differences;
use crate::builds::StoredBuilds;
use crate::link::{Link, LinkVerdict};
use crate::release::upgrade;

/// The links of these guards, each with whether it has to be there. Where a guard need not be there, and is not, the others
/// say no more.
pub(crate) async fn guards(cluster: &Cluster, wanted: &[(Guard, bool)], stored: &StoredBuilds) -> Vec<Link> {
    let mut links = Vec::new();
    for (guard, is_required) in wanted {
        let subject = format!("guard {guard}");
        let found = match cluster.guard(*guard).await {
            Err(error) => {
                links.push(Link::warning(subject, with_causes(&error)));
                continue;
            }
            Ok(found) => found,
        };
        let link = link(subject, *guard, &found, stored);
        if *is_required || link.verdict == LinkVerdict::Ok {
            links.push(link);
            continue;
        }
        let link = Link { verdict: LinkVerdict::Warning, ..link };
        if found.faults().iter().any(GuardFault::is_absence) {
            let remedy = "a policy for one namespace does without; whoever may install it for the whole cluster installs the chart with policy.enabled=false, guard.enabled=true";
            links.push(link.remedy(remedy));
            break;
        }
        links.push(link);
    }
    links
}

fn link(link: String, guard: Guard, found: &FoundGuard, stored: &StoredBuilds) -> Link {
    let apply = upgrade("guard.enabled=true");
    let restore = format!("remove what was changed, and {apply}");
    let faults = found.faults();
    if faults.is_empty() {
        let different = differences(guard, found.spec()).join(", ");
        let different = (!different.is_empty()).then(|| {
            format!("its {different} differ from those that this version ships, so objects may be left out, or refused")
        });
        let seen: Vec<String> =
            different.into_iter().chain(found.oddities().into_iter().map(ToOwned::to_owned)).collect();
        return if seen.is_empty() {
            Link::ok(link, "it is bound, and denies what the policy does not see")
        } else {
            Link::warning(link, seen.join(", ")).remedy(restore)
        };
    }
    let seen: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let goes = if faults.iter().all(GuardFault::is_unbound) { "may go" } else { "goes" };
    let seen = format!("{}, so what the policy does not see {goes} to Docker Hub", seen.join(", "));
    if matches!(faults.as_slice(), [fault] if fault.is_warning()) && matches!(guard, Guard::Images | Guard::Inherited) {
        // What docs/install.md says to do while stored Builds lack their label.
        let (verdict, remedy) = match stored.unlabelled() {
            Some(0) => (LinkVerdict::Failed, format!("all Builds have their label: {apply}")),
            Some(_) => {
                let remedy = "bind it with Deny once all Builds have the label local-registry-hosting/output=local";
                (LinkVerdict::Warning, remedy.to_owned())
            }
            None => {
                let remedy = "it is not known whether all Builds have the label local-registry-hosting/output=local: once they have it, bind it with Deny";
                (LinkVerdict::Warning, remedy.to_owned())
            }
        };
        return Link::new(link, verdict, seen).remedy(remedy);
    }
    let remedy = if faults.iter().any(GuardFault::is_of_api_server) {
        "it needs Kubernetes 1.30 or newer: upgrade the cluster".to_owned()
    } else if faults.iter().any(GuardFault::is_absence) {
        apply
    } else {
        restore
    };
    Link::failed(link, seen).remedy(remedy)
}
