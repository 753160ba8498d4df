//! `local-registry-sync repair`: broken entries in the files of a registry.

use local_registry_core::text::printable;
use local_registry_storage::repair;
use local_registry_system::{Output, print_line};

use crate::arguments::{Arguments, RepairArguments};

pub(crate) fn perform(
    arguments: &Arguments,
    RepairArguments { storage, dry_run }: &RepairArguments,
) -> anyhow::Result<bool> {
    let report = repair(storage, *dry_run)?;
    for entry in &report.entries {
        print_line(&match arguments.output {
            Output::Text => printable(&entry.to_string()),
            Output::Json => serde_json::to_string(entry)?,
        })?;
    }
    if arguments.output == Output::Text {
        let would = if *dry_run { " (dry run)" } else { "" };
        print_line(&format!("{} of {} entries are broken{would}", report.entries.len(), report.links))?;
    }
    Ok(true)
}
