//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use local_registry_core::{Quoted, Tag};
use local_registry_oci::{Connection, Credentials, Limits, Repository};
use local_registry_system::Output;

/// Promotes container images by digest, from a staging registry to the one that everyone pulls from.
///
/// What is promoted stands in two files for each project, in the format of Kubernetes' image promoter:
/// manifests/PROJECT/promoter-manifest.yaml names the registries, and images/PROJECT/images.yaml the images. If there is a
/// manifests/PROJECT/rules.yaml, it says what an image has to be.
/// Credentials are taken from where Docker, Podman and Kubernetes keep them (`REGISTRY_AUTH_FILE`, `DOCKER_CONFIG`).
/// Exit codes: 0 nothing is wrong, 1 something is and the output says what, 2 bad arguments.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// The folder that has `manifests` and `images`.
    #[arg(long, value_name = "FOLDER", default_value = ".", env = "LOCAL_REGISTRY_PROMOTE_ROOT", global = true)]
    pub(crate) root: PathBuf,
    /// How to print the result on stdout. JSON has an object a line.
    #[arg(long, value_enum, default_value_t = Output::Text, env = "LOCAL_REGISTRY_PROMOTE_OUTPUT", global = true)]
    pub(crate) output: Output,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check the files. No registry is asked.
    Check {
        #[command(flatten)]
        base: Base,
    },
    /// Show what a promotion would do. Nothing is changed.
    ///
    /// Asks for each edge whether the target has it, by HEAD requests. With rules, it reads what is attached to an image, too.
    /// Exit codes: 0 nothing stands in the way of a promotion, 1 something does, 2 bad arguments.
    Plan {
        #[command(flatten)]
        base: Base,
        #[command(flatten)]
        edges: Edges,
        #[command(flatten)]
        layouts: LayoutArguments,
        #[command(flatten)]
        registries: RegistryArguments,
    },
    /// Promote. Without --confirm, only show what would be done.
    ///
    /// An edge that fails does not stop the others. Stop it whenever you like, and run it again: what is there is not sent
    /// again.
    Run {
        /// Do it.
        #[arg(long, env = "LOCAL_REGISTRY_PROMOTE_CONFIRM")]
        confirm: bool,
        /// Also look for signatures of images that are there already, and copy those.
        #[arg(long, env = "LOCAL_REGISTRY_PROMOTE_LATE_SIGNATURES")]
        late_signatures: bool,
        #[command(flatten)]
        base: Base,
        #[command(flatten)]
        edges: Edges,
        #[command(flatten)]
        layouts: LayoutArguments,
        #[command(flatten)]
        registries: RegistryArguments,
    },
    /// Compare what the targets have with the files.
    ///
    /// Reads each image by tag and by digest. The rules have to accept what is there. What is attached to it at the source, such
    /// as a signature, has to be at the target, as long as the source has the image.
    Verify {
        /// Do not ask the source for signatures.
        #[arg(long, env = "LOCAL_REGISTRY_PROMOTE_WITHOUT_SIGNATURES")]
        without_signatures: bool,
        #[command(flatten)]
        base: Base,
        #[command(flatten)]
        edges: Edges,
        #[command(flatten)]
        layouts: LayoutArguments,
        #[command(flatten)]
        registries: RegistryArguments,
    },
    /// Add images of the staging registry to images.yaml, by the digests that their tags name now.
    Add {
        /// The image, as in staging.example/team/app:v1. With --project, or if there is one project only, its name and tag
        /// are enough: app:v1. With a digest (app:v1@sha256:...), the tag has to name that digest; without a tag
        /// (app@sha256:...), the image is promoted by its digest alone.
        #[arg(value_name = "IMAGE")]
        images: Vec<String>,
        /// The tag of every image that has none. Without any image: every image of the project that has this tag in the
        /// staging registry, by the names in images.yaml.
        #[arg(long, value_name = "TAG", env = "LOCAL_REGISTRY_PROMOTE_TAG")]
        tag: Option<Tag>,
        /// A file with an image a line, as ko prints them; `-` for stdin. What follows `#` is ignored.
        #[arg(long, value_name = "FILE", env = "LOCAL_REGISTRY_PROMOTE_FROM")]
        from: Option<PathBuf>,
        /// The project that promotes them.
        #[arg(long, value_name = "NAME", env = "LOCAL_REGISTRY_PROMOTE_PROJECT")]
        project: Option<String>,
        #[command(flatten)]
        registries: RegistryArguments,
    },
    /// Print what a target has, as an images.yaml.
    ///
    /// Lists the tags of the project's images at the target, and asks for the digest of each. Tags of signatures are left out.
    /// With --output json, it prints an object for each image.
    Snapshot {
        /// Names of images that the project's images.yaml does not have, as in app.
        #[arg(value_name = "IMAGE")]
        images: Vec<String>,
        /// The project. May be left out if there is one only.
        #[arg(long, value_name = "NAME", env = "LOCAL_REGISTRY_PROMOTE_PROJECT")]
        project: Option<String>,
        /// One of the project's targets, as its promoter-manifest.yaml names it. By default, the first.
        #[arg(long, value_name = "REGISTRY", env = "LOCAL_REGISTRY_PROMOTE_TARGET")]
        target: Option<String>,
        /// Print only the tags that images.yaml does not have, or has with another digest.
        #[arg(long, env = "LOCAL_REGISTRY_PROMOTE_UNNAMED")]
        unnamed: bool,
        #[command(flatten)]
        registries: RegistryArguments,
    },
    /// Print a script that completes the arguments in a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Base {
    /// A commit, such as origin/main. `check` then reports every tag that names another digest than there; other commands
    /// only look at what is new since then. Needs git.
    #[arg(long, value_name = "GIT_REF", env = "LOCAL_REGISTRY_PROMOTE_BASE")]
    pub(crate) base: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Edges {
    /// Print the edges that are in line, too.
    #[arg(long, env = "LOCAL_REGISTRY_PROMOTE_ALL")]
    pub(crate) all: bool,
    /// Only look at this project. May be repeated.
    #[arg(long = "project", value_name = "NAME", env = "LOCAL_REGISTRY_PROMOTE_PROJECT", value_delimiter = ',')]
    pub(crate) projects: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct LayoutArguments {
    /// A folder that stands for all sources: the image of registry.example/team/app is in the image layout of the OCI in
    /// FOLDER/registry.example/team/app. A colon before a port is written as `_`.
    #[arg(long, value_name = "FOLDER", env = "LOCAL_REGISTRY_PROMOTE_FROM_LAYOUTS")]
    pub(crate) from_layouts: Option<PathBuf>,
    /// A folder that stands for all targets in the same way, to carry images to where no network leads.
    #[arg(long, value_name = "FOLDER", conflicts_with = "from_layouts", env = "LOCAL_REGISTRY_PROMOTE_TO_LAYOUTS")]
    pub(crate) to_layouts: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RegistryArguments {
    /// Registry that speaks plain HTTP, as in kind-registry:5000. Loopback addresses that do not speak TLS do,
    /// too. May be repeated.
    #[arg(long, value_name = "HOST", env = "LOCAL_REGISTRY_PROMOTE_PLAIN_HTTP", value_delimiter = ',', value_parser = host)]
    plain_http: Vec<String>,
    /// How many requests to a registry are under way at once. Blobs that are read count apart.
    #[arg(long, value_name = "NUMBER", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256), env = "LOCAL_REGISTRY_PROMOTE_AT_ONCE")]
    at_once: u16,
    /// How many requests are sent to a registry in a second at most. By default, there is no limit but --at-once, and a
    /// registry that answers 429 is left alone as it wants, for five minutes in all.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=10_000), env = "LOCAL_REGISTRY_PROMOTE_PER_SECOND")]
    per_second: Option<u32>,
    /// How often a request is sent again that failed for a reason that may pass, such as 429 or 503.
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u16).range(..=20), env = "LOCAL_REGISTRY_PROMOTE_RETRIES")]
    retries: u16,
    /// How long a registry may say nothing, in seconds. What is read has a minute at most, but for blobs.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600), env = "LOCAL_REGISTRY_PROMOTE_TIMEOUT")]
    timeout: u64,
}

impl RegistryArguments {
    pub(crate) fn connection(&self) -> Connection {
        Connection {
            program: "local-registry-promote",
            plain_http: self.plain_http.iter().cloned().collect(),
            credentials: Credentials::from_environment(|name| std::env::var_os(name)),
            limits: Limits { at_once: self.at_once.into(), per_second: self.per_second, retries: self.retries.into() },
            timeout: Duration::from_secs(self.timeout),
        }
    }
}

/// An argument that names something which is not there, or not in the files.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadArgument(pub(crate) String);

impl BadArgument {
    /// A project that the files do not have.
    pub(crate) fn no_such_project(name: &str, known: &[&str]) -> Self {
        Self(format!("--project {}: there is no such project; known are {}", Quoted(name), known.join(", ")))
    }
}

/// A registry's host, as files name it.
fn host(text: &str) -> Result<String, String> {
    let repository = Repository::parse(&format!("{text}/any")).map_err(|error| error.to_string())?;
    if repository.host() != text {
        return Err(format!("is more than a host; write `{}`", repository.host()));
    }
    Ok(text.to_ascii_lowercase())
}
