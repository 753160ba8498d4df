//! Which edges a command is about: by its arguments, and by what is wrong with the files.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::bail;
use local_registry_core::Quoted;
use local_registry_promotion_tree::{Edge, Finding, ProjectRules, Severity, Tree};
use local_registry_system::Output;

use crate::arguments::{BadArgument, Base, Edges};
use crate::base::tree_of;
use crate::tree_files::read_folder;

/// The edges that a command is about.
pub(crate) struct Selection {
    pub(crate) edges: Vec<Edge>,
    pub(crate) rules: ProjectRules,
    /// The projects whose files have errors. Nothing is promoted by those.
    pub(crate) stopped: BTreeSet<String>,
}

impl Selection {
    /// Reads the files. What is wrong with the projects that are asked for is printed on stderr.
    pub(crate) fn read(root: &Path, base: &Base, edges: &Edges, output: Output) -> anyhow::Result<Self> {
        let (tree, mut findings) = Tree::read(&read_folder(root)?);
        let before = base.base.as_deref().map(|commit| tree_of(root, commit)).transpose()?;
        if let (Some((before, _)), Some(commit)) = (&before, &base.base) {
            findings.extend(tree.moved_tags(before, commit));
            findings.extend(tree.changed_rules(before, commit));
        }
        let is_wanted = |project: &str| edges.projects.is_empty() || edges.projects.iter().any(|name| name == project);
        let is_about = |finding: &&Finding| finding.projects().next().is_none() || finding.projects().any(is_wanted);
        // An edge that the rules refuse has a line of its own among the others.
        let has_own_line = |finding: &Finding| finding.severity == Severity::Error && !finding.stops_projects();
        findings.retain(|finding| is_about(&finding) && !has_own_line(finding));
        for finding in &findings {
            eprintln!("{}", output.line(finding)?);
        }
        let known: Vec<&str> = tree.sources().map(|(name, _)| name).collect();
        let stops = |project: &str| findings.iter().any(|finding| finding.stops(project));
        if let Some(name) = edges.projects.iter().find(|name| !known.contains(&name.as_str()) && !stops(name)) {
            bail!(BadArgument::no_such_project(name, &known));
        }
        let errors = || findings.iter().filter(|finding| finding.severity == Severity::Error);
        let is_promoted = |project: &str| is_wanted(project) && !stops(project);
        let promoted: BTreeSet<String> =
            known.iter().filter(|project| is_promoted(project)).map(|project| (*project).to_owned()).collect();
        if errors().next().is_some() && promoted.is_empty() {
            bail!("the files have errors; nothing was asked or changed");
        }
        let stopped = errors().flat_map(Finding::projects).filter(|name| is_wanted(name)).map(str::to_owned).collect();
        let tree = tree.without(|project| !promoted.contains(project));
        let rules = tree.rules();
        let edges = match before {
            // Nothing was promoted by files with errors.
            Some((before, findings)) => {
                tree.new_edges(&before.without(|project| findings.iter().any(|finding| finding.stops(project))))
            }
            None => tree.edges().collect(),
        };
        Ok(Self { edges, rules, stopped })
    }
}

/// Says which projects were left out. Returns whether none was.
pub(crate) fn none_stopped(stopped: &BTreeSet<String>) -> bool {
    if stopped.is_empty() {
        return true;
    }
    let names: Vec<String> = stopped.iter().map(|name| Quoted(name).to_string()).collect();
    let names = names.join(", ");
    eprintln!("error: the files of these projects have errors, so nothing of them was asked or changed: {names}");
    false
}
