//! What can be wrong with a Build or BuildRun, in the words that users read.

use std::fmt;

use super::fields::{BUILDER_PARAMETER, Role};
use super::phrase::DockerHubOutput;
use crate::json::Path;
use crate::message::{Code, Fault, Quoted, See};

/// What is wrong with a field.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem<'a> {
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
        "the source image {} of Build {} is local but does not name this cluster's registry {}, and a BuildRun cannot override it; re-apply the Build",
        Quoted(.text), Quoted(.name), Quoted(.host)
    )]
    StaleSource { name: &'a str, text: &'a str, host: &'a str },
    #[error(
        "the builder image {} of Build {} is local but does not name this cluster's registry {}; re-apply the Build's v1alpha1 manifest, \
         set the parameter {BUILDER_PARAMETER} of this BuildRun, or, if the builder is not local any more, the annotation {} of the Build to \"false\"",
        Quoted(.text), Quoted(.name), Quoted(.host), Role::Builder.annotation()
    )]
    StaleBuilder { name: &'a str, text: &'a str, host: &'a str },
    #[error(
        "the source image {} of Build {} is local, but this cluster declares no local registry, and a BuildRun cannot override it; \
         ask the cluster's operator to declare one, or re-apply the Build with an image that is not local{}",
        Quoted(.text), Quoted(.name), See(*.help)
    )]
    SourceWithoutRegistry { name: &'a str, text: &'a str, help: Option<&'a str> },
    #[error(
        "the builder image {} of Build {} is local, but this cluster declares no local registry; ask the cluster's operator to declare one, \
         or set the parameter {BUILDER_PARAMETER} to another image in this BuildRun{}",
        Quoted(.text), Quoted(.name), See(*.help)
    )]
    BuilderWithoutRegistry { name: &'a str, text: &'a str, help: Option<&'a str> },
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
    #[error("{}, which this cluster's policy refuses (outputWithoutRegistry: reject); {}", .0, DockerHubOutput::REMEDY)]
    OutputWithoutRegistry(DockerHubOutput<'a>),
}

impl Problem<'_> {
    /// The fault of the field at a path that has this problem.
    #[cold]
    pub(super) fn at(&self, path: Path) -> Fault {
        let code = match self {
            Self::NoSuchBuild { .. } => Code::NotFound,
            Self::Lookup { .. } | Self::LookupAnswer { .. } => Code::Internal,
            _ => Code::BadRequest,
        };
        Fault::new(path, code, self)
    }
}
