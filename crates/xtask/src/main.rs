//! What `make` needs to know of the repository's own files: the digests, manifests and notes of a release.
//!
//! It runs in the repository's root, and only `make` calls it: each subcommand says which target does.

mod changelog;
mod error;
mod files;
mod hauler;
mod manifests;
mod metadata;
mod presets;
mod publisher;
mod release;
mod rendered;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use clap::{Parser, Subcommand};

use self::error::Error;
use self::manifests::Given;
use self::presets::Preset;
use self::publisher::Publisher;
use self::release::Release;

#[derive(Parser)]
#[command(about)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Print an annotation of the policy's metadata
    Annotation {
        /// Its name
        name: String,
    },
    /// Print the presets of the chart that `make manifests` renders, each with its namespace
    Presets,
    /// Render a release's manifests into target/manifests (`make manifests`)
    Manifests {
        /// The program that renders a chart
        #[arg(long, default_value = "helm")]
        helm: PathBuf,
        /// The digest of local-registry-policy, in place of the released one
        #[arg(long, env = "MODULE_DIGEST")]
        module_digest: Option<String>,
        /// The digest of local-registry-sync, in place of the released one
        #[arg(long, env = "IMAGE_DIGEST")]
        image_digest: Option<String>,
        /// The digest of local-registry-promote, in place of the released one
        #[arg(long, env = "PROMOTE_DIGEST")]
        promote_digest: Option<String>,
    },
    /// Print the digest of the released local-registry-promote (`make promote-digest`)
    PromoteDigest,
    /// Write a publisher's registry, repository and address into every file that names them (`make publisher`)
    Publisher {
        /// The registry, with the folder in it
        #[arg(long, env = "REGISTRY", value_parser = NonEmptyStringValueParser::new())]
        registry: Option<String>,
        /// The repository of the sources
        #[arg(long, env = "SOURCE_URL", value_parser = NonEmptyStringValueParser::new())]
        source_url: Option<String>,
        /// The address of the authors
        #[arg(long, env = "EMAIL", value_parser = NonEmptyStringValueParser::new())]
        email: Option<String>,
    },
    /// List what is released, by digest (`make released`)
    Released,
    /// Print the changes of the newest version (`make release-notes`)
    ReleaseNotes,
}

fn main() -> ExitCode {
    match perform(Path::new("."), Arguments::parse().task) {
        Ok(output) => {
            print!("{output}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What the task prints.
fn perform(root: &Path, task: Task) -> Result<String, Error> {
    match task {
        Task::Annotation { name } => Ok(metadata::annotation(root, &name)? + "\n"),
        Task::Presets => Ok(presets::all(root)?.iter().map(Preset::to_string).collect::<Vec<_>>().join("\n") + "\n"),
        Task::Manifests { helm, module_digest, image_digest, promote_digest } => {
            let given = Given { module: module_digest, sync: image_digest, promote: promote_digest };
            manifests::render(root, &helm, &given.digests(&Release::read(root)?)?)?;
            Ok(String::new())
        }
        Task::PromoteDigest => Ok(Release::read(root)?.digest(release::PROMOTE)?.to_string() + "\n"),
        Task::Publisher { registry, source_url, email } => {
            publisher::write(root, &Publisher { registry, source_url, email })?;
            Ok(String::new())
        }
        Task::Released => Ok(Release::read(root)?.list(&metadata::registry(root)?)),
        Task::ReleaseNotes => Ok(changelog::newest(root)?),
    }
}
