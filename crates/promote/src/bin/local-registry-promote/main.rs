//! `local-registry-promote`: promotes images by digest, from a staging registry to the one that everyone pulls from.

mod add;
mod arguments;
mod printer;
mod summary;
mod tree_files;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{CommandFactory, Parser};
use local_registry_oci::Registries;
use local_registry_promote::{Edge, Finding, Severity, Signatures, Tree, plan, run, verify};
use local_registry_system::{Ended, Output, print_line, until_stopped};

use self::arguments::{Arguments, BadArgument, Base, Command, Edges, RegistryArguments};
use self::printer::Printer;
use self::tree_files::{read_commit, read_folder};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match perform_until_stopped(&arguments).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            // The code that clap exits with, too.
            if error.is::<BadArgument>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

async fn perform(arguments: &Arguments) -> anyhow::Result<bool> {
    let Arguments { root, output, command } = arguments;
    let output = *output;
    match command {
        Command::Check { base } => check(root, base, output),
        Command::Plan { base, edges, registries } => {
            let (selected, registries) = (select(root, base, edges, output)?, connect(registries)?);
            let printer = Arc::new(Printer::new(output, edges.all, selected.len()));
            plan(&registries, selected, printer.clone()).await;
            Ok(printer.end()?)
        }
        Command::Run { confirm, late_signatures, base, edges, registries } => {
            let (selected, registries) = (select(root, base, edges, output)?, connect(registries)?);
            let printer = Arc::new(Printer::new(output, edges.all, selected.len()));
            if *confirm {
                let signatures = if *late_signatures { Signatures::Follow } else { Signatures::Ignore };
                run(&registries, selected, signatures, printer.clone()).await;
                return Ok(printer.end()?);
            }
            plan(&registries, selected, printer.clone()).await;
            let in_line = printer.end()?;
            eprintln!("nothing was changed; add --confirm to promote");
            Ok(in_line)
        }
        Command::Verify { without_signatures, base, edges, registries } => {
            let (selected, registries) = (select(root, base, edges, output)?, connect(registries)?);
            let printer = Arc::new(Printer::new(output, edges.all, selected.len()));
            let signatures = if *without_signatures { Signatures::Ignore } else { Signatures::Follow };
            verify(&registries, selected, signatures, printer.clone()).await;
            Ok(printer.end()?)
        }
        Command::Add { images, project, registries } => {
            add::perform(root, images, project.as_deref(), &connect(registries)?, output).await
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "local-registry-promote", &mut script);
            std::io::stdout().write_all(&script)?;
            Ok(true)
        }
    }
}

fn check(root: &Path, base: &Base, output: Output) -> anyhow::Result<bool> {
    let (tree, mut findings) = Tree::read(&read_folder(root)?);
    if let Some(commit) = &base.base {
        findings.extend(tree.moved_tags(&tree_of(root, commit)?.0, commit));
        findings.sort();
    }
    for finding in &findings {
        print_line(&output.line(finding)?)?;
    }
    let is_valid = !has_errors(&findings);
    if is_valid && output == Output::Text {
        print_line(&format!("valid: {}", tree.size()))?;
    }
    Ok(is_valid)
}

/// The tree of a commit, as far as it is valid, and whether all of it is. If not, nothing was promoted by it.
fn tree_of(root: &Path, commit: &str) -> anyhow::Result<(Tree, bool)> {
    let files = read_commit(root, commit).context("--base")?;
    let (tree, findings) = Tree::read(&files);
    let is_valid = !has_errors(&findings);
    if !is_valid {
        eprintln!("warning: --base {commit}: its files have errors; what is wrong there is not compared");
    }
    Ok((tree, is_valid))
}

fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// The edges that the arguments are about. Nothing is promoted by files that have an error anywhere.
fn select(root: &Path, base: &Base, edges: &Edges, output: Output) -> anyhow::Result<Vec<Edge>> {
    let (tree, mut findings) = Tree::read(&read_folder(root)?);
    let before = base.base.as_deref().map(|commit| tree_of(root, commit)).transpose()?;
    if let (Some((before, _)), Some(commit)) = (&before, &base.base) {
        findings.extend(tree.moved_tags(before, commit));
    }
    for finding in &findings {
        eprintln!("{}", output.line(finding)?);
    }
    if has_errors(&findings) {
        bail!("the files have errors; nothing was asked or changed");
    }
    for wanted in &edges.projects {
        if !tree.sources().any(|(name, _)| name == wanted) {
            let known: Vec<&str> = tree.sources().map(|(name, _)| name).collect();
            let known = known.join(", ");
            bail!(BadArgument(format!("--project {wanted}: there is no such project; known are {known}")));
        }
    }
    let all: Vec<Edge> = match before {
        Some((before, true)) => tree.new_edges(&before),
        _ => tree.edges().collect(),
    };
    let is_wanted = |edge: &Edge| edges.projects.is_empty() || edges.projects.contains(&edge.project);
    Ok(all.into_iter().filter(is_wanted).collect())
}

fn connect(registries: &RegistryArguments) -> anyhow::Result<Registries> {
    Registries::new(registries.connection()).context("the certificate authorities of this machine cannot be used")
}

/// Performs until the end, or until a signal stops it.
async fn perform_until_stopped(arguments: &Arguments) -> anyhow::Result<bool> {
    match until_stopped(perform(arguments)).await? {
        Ended::Done(result) => result,
        Ended::Stopped(signal) => bail!("stopped by {signal}; run it again, and it goes on"),
    }
}
