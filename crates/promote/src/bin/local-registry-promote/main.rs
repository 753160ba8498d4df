//! `local-registry-promote`: promotes images by digest, from a staging registry to the one that everyone pulls from.

mod add;
mod arguments;
mod base;
mod printer;
mod selection;
mod snapshot;
mod summary;
mod tree_files;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{CommandFactory, Parser};
use local_registry_oci::Registries;
use local_registry_promote::{Signatures, plan, run, verify};
use local_registry_promotion_tree::{Edge, Finding, ProjectRules, Severity, Tree};
use local_registry_system::{Ended, Output, print_line, until_stopped};
use tokio::time::timeout;

use self::add::Wanted;
use self::arguments::{Arguments, BadArgument, Base, Command, Edges, LayoutArguments, RegistryArguments};
use self::base::tree_of;
use self::printer::Printer;
use self::selection::{Selection, none_stopped};
use self::tree_files::read_folder;

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

/// The registries that a command asks, once it asks any.
type Asked = OnceLock<Arc<Registries>>;

async fn perform(arguments: &Arguments, asked: &Asked) -> anyhow::Result<bool> {
    let Arguments { root, output, command } = arguments;
    let output = *output;
    match command {
        Command::Check { base } => check(root, base, output),
        Command::Plan { base, edges, layouts, registries } => {
            let prepared = Prepared::new(root, base, edges, (layouts, registries), output)?;
            plan(&prepared.registries, prepared.edges, &prepared.rules, prepared.printer.clone()).await;
            end(&prepared.printer, &prepared.stopped)
        }
        Command::Run { confirm, late_signatures, base, edges, layouts, registries } => {
            let prepared = Prepared::new(root, base, edges, (layouts, registries), output)?;
            let _ = asked.set(Arc::clone(&prepared.registries));
            if *confirm {
                let signatures = if *late_signatures { Signatures::Follow } else { Signatures::Ignore };
                run(&prepared.registries, prepared.edges, &prepared.rules, signatures, prepared.printer.clone()).await;
                return end(&prepared.printer, &prepared.stopped);
            }
            plan(&prepared.registries, prepared.edges, &prepared.rules, prepared.printer.clone()).await;
            let in_line = end(&prepared.printer, &prepared.stopped)?;
            eprintln!("nothing was changed; add --confirm to promote");
            Ok(in_line)
        }
        Command::Verify { without_signatures, base, edges, layouts, registries } => {
            let prepared = Prepared::new(root, base, edges, (layouts, registries), output)?;
            let signatures = if *without_signatures { Signatures::Ignore } else { Signatures::Follow };
            verify(&prepared.registries, prepared.edges, &prepared.rules, signatures, prepared.printer.clone()).await;
            end(&prepared.printer, &prepared.stopped)
        }
        Command::Add { images, tag, from, project, registries } => {
            let wanted = Wanted { images, tag: tag.as_ref(), from: from.as_deref(), project: project.as_deref() };
            add::perform(root, wanted, &connect(registries)?, output).await
        }
        Command::Snapshot { images, project, target, unnamed, registries } => {
            let (project, target) = (project.as_deref(), target.as_deref());
            let wanted = snapshot::Wanted { images, project, target, unnamed: *unnamed };
            snapshot::perform(root, wanted, &connect(registries)?, output).await
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "local-registry-promote", &mut script);
            std::io::stdout().write_all(&script)?;
            Ok(true)
        }
    }
}

/// What a command has that asks registries about edges.
struct Prepared {
    edges: Vec<Edge>,
    rules: ProjectRules,
    stopped: BTreeSet<String>,
    registries: Arc<Registries>,
    printer: Arc<Printer>,
}

impl Prepared {
    fn new(
        root: &Path,
        base: &Base,
        wanted: &Edges,
        (layouts, registries): (&LayoutArguments, &RegistryArguments),
        output: Output,
    ) -> anyhow::Result<Self> {
        let Selection { edges, rules, stopped } = Selection::read(root, base, wanted, output)?;
        let registries = Arc::new(with_layouts(connect(registries)?, layouts, &edges)?);
        let printer = Arc::new(Printer::new(output, wanted.all, edges.len()));
        Ok(Self { edges, rules, stopped, registries, printer })
    }
}

/// Ends the output. Returns whether no edge has a fault, and no project was left out.
fn end(printer: &Printer, stopped: &BTreeSet<String>) -> anyhow::Result<bool> {
    Ok(printer.end()? & none_stopped(stopped))
}

fn check(root: &Path, base: &Base, output: Output) -> anyhow::Result<bool> {
    let files = read_folder(root)?;
    let (tree, mut findings) = Tree::read(&files);
    if let Some(commit) = &base.base {
        let (before, earlier) = tree_of(root, commit)?;
        findings.extend(Finding::of_links(&files));
        Finding::hold_against(&mut findings, &earlier);
        findings.extend(tree.moved_tags(&before, commit));
        findings.extend(tree.changed_rules(&before, commit));
        findings.sort();
    }
    for finding in &findings {
        print_line(&output.line(finding)?)?;
    }
    let is_valid = findings.iter().all(|finding| finding.severity != Severity::Error);
    if is_valid && output == Output::Text {
        print_line(&format!("valid: {}", tree.size()))?;
    }
    Ok(is_valid)
}

fn connect(registries: &RegistryArguments) -> anyhow::Result<Registries> {
    Registries::new(registries.connection()).context("the certificate authorities of this machine cannot be used")
}

/// Folders in the place of the sources, or of the targets.
fn with_layouts(registries: Registries, layouts: &LayoutArguments, edges: &[Edge]) -> anyhow::Result<Registries> {
    let (option, folder, is_source) = match (&layouts.from_layouts, &layouts.to_layouts) {
        (Some(folder), _) => ("--from-layouts", folder, true),
        (None, Some(folder)) => ("--to-layouts", folder, false),
        (None, None) => return Ok(registries),
    };
    let sources: BTreeSet<&str> = edges.iter().map(|edge| edge.source.host()).collect();
    let targets: BTreeSet<&str> = edges.iter().map(|edge| edge.target.host()).collect();
    if let Some(host) = sources.intersection(&targets).next() {
        bail!(BadArgument(format!(
            "{option}: `{host}` is the host of a source and of a target; choose others with --project"
        )));
    }
    if is_source && !folder.is_dir() {
        bail!(BadArgument(format!("{option} {}: there is no such folder", folder.display())));
    }
    Ok(registries.with_layouts(folder, if is_source { sources } else { targets }))
}

/// How long uploads may take to be cancelled. Whoever sent a signal waits for the end, and then kills.
const CANCELLING: Duration = Duration::from_secs(5);

/// Performs until the end, or until a signal stops it. Uploads that have not ended are cancelled.
async fn perform_until_stopped(arguments: &Arguments) -> anyhow::Result<bool> {
    let asked = Asked::new();
    let ended = until_stopped(perform(arguments, &asked)).await?;
    if let Some(registries) = asked.get() {
        let _ = timeout(CANCELLING, registries.cancel_uploads()).await;
    }
    match ended {
        Ended::Done(result) => result,
        Ended::Stopped(signal) => bail!("stopped by {signal}; run it again, and it goes on"),
    }
}
