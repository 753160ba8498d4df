//! The link of each guard.

use local_registry_cluster::Cluster;
use local_registry_cluster::guards::{Guard, GuardFault};
use local_registry_core::text::with_causes;

use super::shipped::differences;
use crate::builds::StoredBuilds;
use crate::link::{Link, LinkVerdict};

/// The links of these guards, each with whether it has to be there. Where a guard need not be there, and is not, the others
/// say no more.
pub(crate) async fn guards(cluster: &Cluster, wanted: &[(Guard, bool)], stored: &StoredBuilds) -> Vec<Link> {
    let mut links = Vec::new();
    for (guard, is_required) in wanted {
        let link = link(cluster, *guard, stored).await;
        if *is_required || link.verdict == LinkVerdict::Ok {
            links.push(link);
            continue;
        }
        let remedy = "a policy for one namespace does without; whoever may install it for the whole cluster runs: kubectl apply -k deploy/guard";
        links.push(Link { verdict: LinkVerdict::Warning, ..link }.remedy(remedy));
        break;
    }
    links
}

async fn link(cluster: &Cluster, guard: Guard, stored: &StoredBuilds) -> Link {
    let link = format!("guard {guard}");
    let found = match cluster.guard(guard).await {
        Err(error) => return Link::warning(link, with_causes(&error)),
        Ok(found) => found,
    };
    let folder = match guard {
        Guard::Images | Guard::Inherited => "deploy/guard",
        Guard::Workloads => "deploy/workloads",
    };
    let apply = format!("run: kubectl apply -k {folder}");
    let faults = found.faults();
    if faults.is_empty() {
        let different = differences(guard, found.spec()).join(", ");
        return if different.is_empty() {
            Link::ok(link, "it is bound, and denies what the policy does not see")
        } else {
            let seen = format!("its {different} differ from those that this version ships, so objects may be left out");
            Link::warning(link, seen).remedy(apply)
        };
    }
    let seen: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let seen = format!("{}, so what the policy does not see goes to Docker Hub", seen.join(", "));
    if matches!(faults.as_slice(), [fault] if fault.is_warning()) && guard != Guard::Workloads {
        // What docs/install.md says to do while stored Builds lack their label.
        let all_have_it = stored.unlabelled() == Some(0);
        let remedy = "bind it with Deny once all Builds have the label local-registry-hosting/output=local";
        let verdict = if all_have_it { LinkVerdict::Failed } else { LinkVerdict::Warning };
        let remedy = if all_have_it { format!("all Builds have their label: {apply}") } else { remedy.to_owned() };
        return Link::new(link, verdict, seen).remedy(remedy);
    }
    let is_absent = faults.iter().any(GuardFault::is_absence);
    Link::failed(link, seen).remedy(if is_absent { apply } else { format!("remove what was changed, and {apply}") })
}
