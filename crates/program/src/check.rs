//! `local-registry-sync check`: the whole chain.

use local_registry_check::{Credentials, LinkVerdict, Location, PullTask, Scope, check, probe, pull};
use local_registry_system::print_line;

use crate::arguments::{Arguments, CheckArguments};
use crate::connection::cluster;

pub(crate) async fn perform(arguments: &Arguments, check_arguments: &CheckArguments) -> anyhow::Result<bool> {
    let cluster = cluster(arguments).await?;
    let task = arguments.task(&check_arguments.policies);
    let location = if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        Location::InCluster
    } else {
        Location::OutOfCluster
    };
    let scope = Scope {
        policy_servers: check_arguments.kubewarden_namespace.clone(),
        agents: check_arguments.nodes_namespace.clone(),
        cluster_domain: check_arguments.cluster_domain.clone(),
        location,
        credentials: if check_arguments.credentials { Credentials::Kept } else { Credentials::NotKept },
    };
    let mut links = check(&cluster, &task, &scope, probe).await;
    if check_arguments.pull {
        let pulling = PullTask {
            namespace: check_arguments.pull_namespace.clone(),
            agents: scope.agents.clone(),
            image: check_arguments.pull_image.clone(),
            password: check_arguments.password(),
        };
        links.extend(pull(&cluster, &pulling, &task.allowed, probe).await);
    }
    for link in &links {
        print_line(&arguments.output.line(link)?)?;
    }
    Ok(links.iter().all(|link| link.verdict != LinkVerdict::Failed))
}
