//! Everything that users read about a Build or BuildRun, in one place: what is wrong with it, what its sender is warned
//! about, and the phrases that both share.

use std::fmt;

use super::fields::{BUILDER_PARAMETER, GROUP, ImageField, Role};
use crate::admission::{Hint, ImageProblem, See};
use crate::json::Path;
use crate::message::{Code, Fault, FieldPath};
use crate::registry::PORTABLE_HOST;
use crate::text::Quoted;

/// What is wrong with a field.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuildProblem<'a> {
    #[error("found {}; expected \"true\" or \"false\" (\"recorded\" is written by this policy)", Quoted(.found))]
    AnnotationValue { found: &'a str },
    #[error("there is no Build {} in namespace {}; {remedy}", Quoted(.name), Quoted(.namespace))]
    NoSuchBuild { name: &'a str, namespace: &'a str, remedy: &'static str },
    #[error("Build {} cannot be read: {cause}; {remedy}", Quoted(.name))]
    Lookup { name: &'a str, cause: &'a str, remedy: &'static str },
    #[error("Build {} cannot be read: the answer is not a Build ({cause}); ask an operator to look at the policy server's log", Quoted(.name))]
    LookupAnswer { name: &'a str, cause: fmt::Arguments<'a> },
    #[error(
        "the request names no namespace, so the Build cannot be looked up; ask an operator to look at the policy server's log"
    )]
    NoNamespace,
    #[error("Build {} cannot be resolved: {fault}", Quoted(.name))]
    Build { name: &'a str, fault: Fault },
    #[error(
        "the {} {} of Build {} is local but does not name this cluster's registry {}{}",
        .role.noun(), Quoted(.text), Quoted(.name), Quoted(.host), stale_remedy(*.role)
    )]
    Stale { role: Role, name: &'a str, text: &'a str, host: &'a str },
    #[error(
        "the source image {} of Build {} is local, but this cluster declares no local registry, and a BuildRun cannot override it; \
         ask the cluster's operator to declare one, or re-apply the Build with an image that is not local{}",
        Quoted(.text), Quoted(.name), See(*.help)
    )]
    SourceWithoutRegistry { name: &'a str, text: &'a str, help: Option<&'a str> },
    #[error(
        "the builder image {} of Build {} is local, but this cluster declares no local registry; ask the cluster's operator to declare one, \
         or set the parameter {BUILDER_PARAMETER} of this BuildRun to an image with its registry{}",
        Quoted(.text), Quoted(.name), See(*.help)
    )]
    BuilderWithoutRegistry { name: &'a str, text: &'a str, help: Option<&'a str> },
    #[error(
        "{} names no registry, but the builder image of Build {} is local; name the registry, such as {PORTABLE_HOST}",
        Quoted(.text), Quoted(.name)
    )]
    OwnBuilder { text: &'a str, name: &'a str },
    #[error(
        "the builder image {} is local but names neither this cluster's registry {} nor {PORTABLE_HOST}, and nothing else is resolved in a \
         parameter; name {PORTABLE_HOST}, or, if the builder is not local, set the annotation {} to \"false\"",
        Quoted(.text), Quoted(.host), Role::Builder.annotation()
    )]
    BuilderParameter { text: &'a str, host: &'a str },
    #[error(
        "the annotation {} says that the output of Build {} is local, but Builds are not looked up (lookupBuilds: false); \
         give the BuildRun an output of its own, or mark that of the Build",
        Role::Output.annotation(), Quoted(.name)
    )]
    InheritedNotLookedUp { name: &'a str },
    #[error(
        "{} is the local image of Build {}, without the registry; leave the BuildRun's output out, or set local: true",
        Quoted(.text), Quoted(.name)
    )]
    InheritedWithoutRegistry { text: &'a str, name: &'a str },
    #[error(
        "the parameter {} names {PORTABLE_HOST}, but this cluster declares no local registry; ask its operator to declare one, or \
         name another registry{}",
        Quoted(.name), See(*.help)
    )]
    ParameterWithoutRegistry { name: &'a str, help: Option<&'a str> },
    #[error("more than {0} parameters name {PORTABLE_HOST}; put several into one list")]
    TooManyParameters(usize),
    #[error("{}, which this cluster's policy refuses (outputWithoutRegistry: reject); {}", .0, DockerHubOutput::REMEDY)]
    OutputWithoutRegistry(DockerHubOutput<'a>),
}

/// What to do about a local image of a Build that is not at the cluster's registry.
fn stale_remedy(role: Role) -> &'static str {
    match role {
        Role::Builder => {
            "; re-apply the Build's v1alpha1 manifest, set the parameter builder-image of this BuildRun to an image of that registry, \
             or, if the builder is not local, the annotation local-registry-hosting/builder of the Build to \"false\""
        }
        _ => ", and a BuildRun cannot override it; re-apply the Build, with a source image that names no registry",
    }
}

impl BuildProblem<'_> {
    /// The fault of the field at a path that has this problem.
    #[cold]
    pub(super) fn at(&self, path: impl Into<FieldPath>) -> Fault {
        let code = match self {
            Self::NoSuchBuild { .. } => Code::NotFound,
            Self::Lookup { .. } | Self::LookupAnswer { .. } => Code::Internal,
            _ => Code::BadRequest,
        };
        Fault::new(path, code, self)
    }
}

/// What the sender of an accepted Build or BuildRun is warned about.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuildWarning<'a> {
    #[error(
        "{}: {} is local, but this cluster declares no local registry; BuildRuns will be rejected{}",
        FieldPath::new(path), Quoted(text), See(*.help)
    )]
    NoRegistry { path: Path, text: &'a str, help: Option<&'a str> },
    #[error(
        "{}: {} names {PORTABLE_HOST}, so it is local, and the annotation {} does nothing; remove one of the two",
        FieldPath::new(field.image), Quoted(text), field.role.annotation()
    )]
    OverruledAnnotation { field: &'static ImageField, text: &'a str },
    #[error("{}: the object has no {}, so the annotation does nothing", FieldPath::new(.0.annotation_path()), .0.noun())]
    IdleAnnotation(Role),
    #[error(
        "{}: {} stays local, as the Build's annotation {} records; set local: true to say so again, or local: false",
        FieldPath::new(field.image), Quoted(text), field.role.annotation()
    )]
    StaysLocal { field: &'static ImageField, text: &'a str },
    #[error(
        "{}: {} is now {}, at this cluster's registry; if it is not local, write it again with local: false",
        FieldPath::new(path),
        Quoted(text),
        Quoted(moved)
    )]
    Moved { path: Path, text: &'a str, moved: &'a str },
    #[error(
        "{path}: the image names the registry {}, so it is not local any more; for a local one, write {remedy}",
        Quoted(registry)
    )]
    Released { path: FieldPath, registry: &'a str, remedy: &'static str },
    #[error("{}: {problem}; until then, the image stays as it is", FieldPath::new(path))]
    StaysElsewhere { path: Path, problem: ImageProblem<'a> },
    #[error("{}: {output}; {}", FieldPath::new(path), DockerHubOutput::REMEDY)]
    OutputWithoutRegistry { path: Path, output: DockerHubOutput<'a> },
    #[error(
        "{}: there is no Build {} in namespace {}, which a dry run does not require; the output that the run inherits is not resolved here",
        FieldPath::new(path),
        Quoted(name),
        Quoted(namespace)
    )]
    NoSuchBuildYet { path: Path, name: &'a str, namespace: &'a str },
    #[error(
        "{}: Build {} is not looked up (lookupBuilds: false); if its output names no registry, it goes to Docker Hub",
        FieldPath::new(path),
        Quoted(name)
    )]
    NotLookedUp { path: Path, name: &'a str },
    #[error(
        "spec.output.insecure: Shipwright drops this from a v1alpha1 BuildRun; use v1beta1, or set it on the Build"
    )]
    InsecureDropped,
    #[error(
        "{}: Shipwright's own push takes the secret of the Build, which names none, so only a strategy that pushes by itself uses {}; \
         name it in the Build, or, if the Build's output is local, change an annotation of the Build, which then gets it",
        FieldPath::new(path),
        Quoted(name)
    )]
    PushSecretOfRun { path: Path, name: &'a str },
    #[error("{GROUP}/{}: this policy knows v1alpha1 and v1beta1 only; local images in this object are not resolved", Quoted(.0))]
    UnknownVersion(&'a str),
}

impl BuildWarning<'_> {
    /// How an image that a field names becomes local again.
    pub(super) const AGAIN: &'static str = "no registry, and local: true";
    /// How a builder that is a parameter becomes local again.
    pub(super) const BUILDER_AGAIN: &'static str =
        "this cluster's, and the annotation local-registry-hosting/builder: \"true\"";
}

/// An output that goes to Docker Hub.
#[derive(Debug, Clone, Copy)]
pub(super) struct DockerHubOutput<'a> {
    pub(super) text: &'a str,
    /// The Build that the output is inherited from.
    pub(super) build: Option<&'a str>,
}

impl DockerHubOutput<'_> {
    pub(super) const REMEDY: &'static str = "set local: true for this cluster's registry, or name a registry";
}

impl fmt::Display for DockerHubOutput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(build) = self.build {
            write!(f, "the output image of Build {}, ", Quoted(build))?;
        }
        let comma = if self.build.is_some() { "," } else { "" };
        write!(
            f,
            "{}{comma} names no registry and is not local, so it goes to Docker Hub{}",
            Quoted(self.text),
            Hint(self.text)
        )
    }
}
