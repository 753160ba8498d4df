//! Why a request is rejected: every fault with its place, in the words that the user reads.

use std::fmt;

use crate::fields::{BUILDER_PARAMETER, Path, Role};
use crate::image::ReferenceError;
use crate::quote::Quoted;

/// Everything that is wrong with a request, together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection(Vec<Fault>);

impl Rejection {
    /// A rejection for at least one fault.
    pub(crate) fn of(faults: Vec<Fault>) -> Option<Self> {
        if faults.is_empty() { None } else { Some(Self(faults)) }
    }

    /// The status code for the whole: that of the user's own faults, where there are any.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.iter().map(Fault::code).min().unwrap_or(Code::BadRequest)
    }
}

impl fmt::Display for Rejection {
    /// A line for each fault.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            write!(f, "{}{fault}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

/// The HTTP status code of a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// 400: the user, or the cluster's configuration, has to change something.
    BadRequest = 400,
    /// 404: the Build that a BuildRun names does not exist.
    NotFound = 404,
    /// 500: the lookup of the Build failed.
    Internal = 500,
}

/// One thing that is wrong, and the field where it is: ``path: what was found; what was expected; how to fix it``.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    place: Place,
    /// In a box, since faults are returned in many places, and found in few requests.
    problem: Box<Problem>,
}

impl Fault {
    #[cold]
    pub(crate) fn new(path: Path, problem: Problem) -> Self {
        Self { place: Place(path), problem: Box::new(problem) }
    }

    pub(crate) fn is_at_same_place(&self, other: &Self) -> bool {
        self.place == other.place
    }

    /// The status code for this fault alone.
    #[must_use]
    pub fn code(&self) -> Code {
        match &*self.problem {
            Problem::NoSuchBuild { .. } => Code::NotFound,
            Problem::Lookup { .. } | Problem::LookupAnswer { .. } => Code::Internal,
            _ => Code::BadRequest,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

/// A field's path as users write it; an annotation's key stands in brackets, since it has dots of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) Path);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            match index {
                0 => f.write_str(part)?,
                _ if part.contains('/') => write!(f, "[{part}]")?,
                _ => write!(f, ".{part}")?,
            }
        }
        Ok(())
    }
}

/// What made an image local; the way out of it differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    /// The field `local` beside the image.
    Field,
    /// The annotation for images of that role.
    Annotation(Role),
    /// The same annotation, as the record of a field `local: true` that is gone.
    Record(Role),
    /// The annotation of the BuildRun that inherits the image.
    Run,
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field => f.write_str("set local: false"),
            Self::Annotation(role) => write!(f, "remove the annotation {}", role.annotation()),
            Self::Record(role) => {
                write!(f, "set local: false, or the annotation {} to \"false\"", role.annotation())
            }
            Self::Run => write!(f, "remove the annotation {} of the BuildRun", Role::Output.annotation()),
        }
    }
}

/// The cluster has no registry to use, and where to read about that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Help(pub(crate) Option<String>);

impl fmt::Display for Help {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(url) => write!(f, "; see {url}"),
            None => Ok(()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("found {found}; expected {expected}")]
    Type { found: &'static str, expected: &'static str },
    #[error("found {}; expected \"true\" or \"false\" (\"recorded\" is written by this policy)", Quoted(.found))]
    AnnotationValue { found: String },
    #[error("found {found}; expected a reference without a registry, as in `team/app:v1`; write one or {marker}")]
    NoImage { found: &'static str, marker: Marker },
    #[error("{} {error}; write a reference without a registry, as in `team/app:v1`, or {marker}", Quoted(.text))]
    Reference { text: String, error: ReferenceError, marker: Marker },
    #[error(
        "{} names the registry {}, and a local image must not name one; write {} or {marker}",
        Quoted(.text), Quoted(.registry), Quoted(.remainder)
    )]
    ForeignRegistry { text: String, registry: String, remainder: String, marker: Marker },
    #[error(
        "{} is local, but this cluster declares no local registry; ask its operator to declare one, or name a registry and {marker}{help}",
        Quoted(.text)
    )]
    NoRegistry { text: String, marker: Marker, help: Help },
    #[error("there is no Build {} in namespace {}; {remedy}", Quoted(.name), Quoted(.namespace))]
    NoSuchBuild { name: String, namespace: String, remedy: &'static str },
    #[error("Build {} cannot be read: {cause}; {remedy}", Quoted(.name))]
    Lookup { name: String, cause: String, remedy: &'static str },
    #[error("Build {} cannot be read: the answer is not a Build ({cause}); ask an operator to look at the policy server's log", Quoted(.name))]
    LookupAnswer { name: String, cause: String },
    #[error(
        "the request names no namespace, so the Build cannot be looked up; ask an operator to look at the policy server's log"
    )]
    NoNamespace,
    #[error("Build {} cannot be resolved: {fault}", Quoted(.name))]
    Build { name: String, fault: Fault },
    #[error(
        "the source image {} of Build {} is local but does not name this cluster's registry {}, and a BuildRun cannot override it; re-apply the Build",
        Quoted(.text), Quoted(.name), Quoted(.host)
    )]
    StaleSource { name: String, text: String, host: String },
    #[error(
        "the builder image {} of Build {} is local but does not name this cluster's registry {}; re-apply the Build's v1alpha1 manifest, \
         set the parameter {BUILDER_PARAMETER} of this BuildRun, or, if the builder is not local any more, the annotation {} of the Build to \"false\"",
        Quoted(.text), Quoted(.name), Quoted(.host), Role::Builder.annotation()
    )]
    StaleBuilder { name: String, text: String, host: String },
    #[error(
        "the source image {} of Build {} is local, but this cluster declares no local registry, and a BuildRun cannot override it; \
         ask the cluster's operator to declare one, or re-apply the Build with an image that is not local{help}",
        Quoted(.text), Quoted(.name)
    )]
    SourceWithoutRegistry { name: String, text: String, help: Help },
    #[error(
        "the builder image {} of Build {} is local, but this cluster declares no local registry; ask the cluster's operator to declare one, \
         or set the parameter {BUILDER_PARAMETER} to another image in this BuildRun{help}",
        Quoted(.text), Quoted(.name)
    )]
    BuilderWithoutRegistry { name: String, text: String, help: Help },
    #[error(
        "the annotation {} says that the output of Build {} is local, but Builds are not looked up (lookupBuilds: false); \
         give the BuildRun an output of its own, or mark that of the Build",
        Role::Output.annotation(), Quoted(.name)
    )]
    InheritedNotLookedUp { name: String },
    #[error(
        "{} is the local image of Build {}, without the registry; leave the BuildRun's output out, or set local: true",
        Quoted(.text), Quoted(.name)
    )]
    InheritedWithoutRegistry { text: String, name: String },
    #[error("{}, which this cluster's policy refuses (outputWithoutRegistry: reject); {}", .0, OutputWithoutRegistry::REMEDY)]
    OutputWithoutRegistry(OutputWithoutRegistry),
}

/// An output that is not local and names no registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutputWithoutRegistry {
    pub(crate) text: String,
    /// The Build that it is inherited from.
    pub(crate) build: Option<String>,
}

impl OutputWithoutRegistry {
    pub(crate) const REMEDY: &str = "set local: true for this cluster's registry, or name a registry";
}

impl fmt::Display for OutputWithoutRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(build) = &self.build {
            write!(f, "the output image of Build {}, ", Quoted(build))?;
        }
        write!(
            f,
            "{}{} names no registry and is not local, so it goes to Docker Hub",
            Quoted(&self.text),
            if self.build.is_some() { "," } else { "" }
        )
    }
}
