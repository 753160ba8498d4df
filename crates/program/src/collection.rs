//! `local-registry-sync collection`: a registry that takes no writes while its garbage is collected.

use local_registry_collection::hold;
use local_registry_system::print_line;

use crate::arguments::{Arguments, CollectionArguments};
use crate::connection::cluster;
use crate::running::until_stopped;

pub(crate) async fn perform(arguments: &Arguments, collection: &CollectionArguments) -> anyhow::Result<bool> {
    let cluster = cluster(arguments).await?;
    let mut succeeded = false;
    let held = async {
        let report = hold(&cluster, &collection.namespace, collection.replicas).await;
        succeeded = report.succeeded();
        print_line(&arguments.output.line(&report)?)?;
        Ok(())
    };
    until_stopped(Box::pin(held)).await?;
    Ok(succeeded)
}
