//! What an accepted request is told all the same: kubectl shows each as a line of its own.

use crate::fault::{Help, OutputWithoutRegistry, Place};
use crate::fields::{GROUP, ImageField, Path, Role};
use crate::quote::Quoted;

/// A remark to whoever sent an accepted request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct Warning(#[from] Remark);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Remark {
    #[error(
        "{}: {} is local, but this cluster declares no local registry; BuildRuns will be rejected{help}",
        Place(path),
        Quoted(text)
    )]
    NoRegistry { path: Path, text: String, help: Help },
    #[error("{}: there is no {} that it could speak of, so the annotation does nothing", Place(.0.annotation_path()), .0.noun())]
    IdleAnnotation(Role),
    #[error(
        "{}: {} stays local, as the Build's annotation {} recorded; set local: true to say so again, or local: false if it is not local",
        Place(field.image),
        Quoted(text),
        field.role.annotation()
    )]
    StaysLocal { field: &'static ImageField, text: String },
    #[error("{}: {output}; {}", Place(path), OutputWithoutRegistry::REMEDY)]
    OutputWithoutRegistry { path: Path, output: OutputWithoutRegistry },
    #[error(
        "{}: there is no Build {} in namespace {}, which a dry run does not require; the output that the run inherits is not resolved here",
        Place(path),
        Quoted(name),
        Quoted(namespace)
    )]
    NoSuchBuildYet { path: Path, name: String, namespace: String },
    #[error(
        "{}: Build {} is not looked up (lookupBuilds: false); if its output names no registry, it goes to Docker Hub",
        Place(path),
        Quoted(name)
    )]
    NotLookedUp { path: Path, name: String },
    #[error(
        "spec.output.insecure: Shipwright drops this from a v1alpha1 BuildRun; use v1beta1, or set it on the Build"
    )]
    InsecureDropped,
    #[error("{GROUP}/{}: this policy knows v1alpha1 and v1beta1 only; local images in this object are not resolved", Quoted(.0))]
    UnknownVersion(String),
}
