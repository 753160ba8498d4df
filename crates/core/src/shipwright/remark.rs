//! What the sender of an accepted Build or BuildRun is told.

use super::fields::{GROUP, ImageField, Role};
use super::phrase::DockerHubOutput;
use crate::json::Path;
use crate::message::{FieldPath, Quoted, See};

/// The text of a warning.
#[derive(Debug, thiserror::Error)]
pub(super) enum Remark<'a> {
    #[error(
        "{}: {} is local, but this cluster declares no local registry; BuildRuns will be rejected{}",
        FieldPath::of(path), Quoted(text), See(*.help)
    )]
    NoRegistry { path: Path, text: &'a str, help: Option<&'a str> },
    #[error("{}: the object has no {}, so the annotation does nothing", FieldPath::of(.0.annotation_path()), .0.noun())]
    IdleAnnotation(Role),
    #[error(
        "{}: {} stays local, as the Build's annotation {} recorded; set local: true to say so again, or local: false if it is not local",
        FieldPath::of(field.image), Quoted(text), field.role.annotation()
    )]
    StaysLocal { field: &'static ImageField, text: &'a str },
    #[error("{}: {output}; {}", FieldPath::of(path), DockerHubOutput::REMEDY)]
    OutputWithoutRegistry { path: Path, output: DockerHubOutput<'a> },
    #[error(
        "{}: there is no Build {} in namespace {}, which a dry run does not require; the output that the run inherits is not resolved here",
        FieldPath::of(path),
        Quoted(name),
        Quoted(namespace)
    )]
    NoSuchBuildYet { path: Path, name: &'a str, namespace: &'a str },
    #[error(
        "{}: Build {} is not looked up (lookupBuilds: false); if its output names no registry, it goes to Docker Hub",
        FieldPath::of(path),
        Quoted(name)
    )]
    NotLookedUp { path: Path, name: &'a str },
    #[error(
        "spec.output.insecure: Shipwright drops this from a v1alpha1 BuildRun; use v1beta1, or set it on the Build"
    )]
    InsecureDropped,
    #[error("{GROUP}/{}: this policy knows v1alpha1 and v1beta1 only; local images in this object are not resolved", Quoted(.0))]
    UnknownVersion(&'a str),
}
