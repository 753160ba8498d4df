//! An earlier state of the files: that of a commit.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;
use local_registry_core::Quoted;
use local_registry_promotion_tree::{Finding, Tree};

use crate::tree_files::read_commit;

/// The tree of a commit, as far as it is valid, and what is wrong with it.
pub(crate) fn tree_of(root: &Path, commit: &str) -> anyhow::Result<(Tree, Vec<Finding>)> {
    let files = read_commit(root, commit).context("--base")?;
    let (tree, findings) = Tree::read(&files);
    let errors = || findings.iter().filter(|finding| finding.stops_projects());
    if errors().next().is_some() {
        let projects: BTreeSet<String> =
            errors().flat_map(Finding::projects).map(|name| Quoted(name).to_string()).collect();
        let projects: Vec<String> = projects.into_iter().collect();
        let of = if projects.is_empty() { String::new() } else { format!(" of {}", projects.join(", ")) };
        eprintln!("warning: --base {commit}: the files{of} have errors there; what is wrong there is not compared");
    }
    Ok((tree, findings))
}
