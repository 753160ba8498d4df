//! `local-registry-sync aliases`: how the aliases are taken away.

use local_registry_sync::aliases::revoke_and_remove;
use local_registry_system::print_line;

use crate::arguments::{AliasesArguments, AliasesStep, Arguments};
use crate::connection::cluster;

pub(crate) async fn perform(arguments: &Arguments, aliases: &AliasesArguments) -> anyhow::Result<bool> {
    let AliasesStep::Remove = aliases.step;
    let cluster = cluster(arguments).await?;
    let (revocation, report) = revoke_and_remove(&cluster, &aliases.revoke, aliases.dry_run).await;
    print_line(&arguments.output.line(&revocation)?)?;
    let Some(report) = report else { return Ok(false) };
    print_line(&arguments.output.line(&report)?)?;
    Ok(report.succeeded())
}
