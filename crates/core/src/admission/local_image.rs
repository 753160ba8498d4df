//! A local image that a field names: what becomes of it in this cluster, or what is wrong with it.

use std::fmt;

use crate::json::Node;
use crate::message::{Code, Fault, FieldPath};
use crate::registry::{
    Host, ImageReference, PORTABLE_HOST, ReferenceError, names_portable_host, other_registry, resembles_portable_host,
};
use crate::text::Quoted;

/// What becomes of an image in this cluster.
#[derive(Debug)]
pub(crate) enum Fate<'n> {
    /// It is not local, so it may name any registry.
    NotLocal,
    /// It names the cluster's registry already.
    Keep,
    /// It becomes this reference, with the cluster's registry in front. It is that already if the cluster declares the portable
    /// host itself.
    Inject(String),
    /// It names no registry but the portable one, as it should, but the cluster has none.
    NoRegistry,
    /// It cannot be local as it is written.
    Invalid(ImageProblem<'n>),
}

/// What is wrong with a local image, in the words that users read. `undo` says how its author makes it not local; if it begins
/// with `name`, that is by a registry.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageProblem<'a> {
    #[error("found {found}; expected a reference without a registry, as in `team/app:v1`; write one or {undo}")]
    NoImage { found: &'static str, undo: String },
    #[error("{} {error}; write {}, or {undo}{}", Quoted(.text), Expected(.text), Hint(.text))]
    Reference { text: &'a str, error: ReferenceError, undo: String },
    #[error(
        "{} names the registry {}, and a local image must not name one; write {} or {undo}{}",
        Quoted(.reference.as_ref()), Quoted(.reference.registry().unwrap_or_default()), Quoted(.reference.remainder()),
        Hint(.reference.as_ref())
    )]
    ForeignRegistry { reference: ImageReference<'a>, undo: String },
    #[error(
        "{} names {PORTABLE_HOST}, which is the local registry of every cluster, but local: false says that the image is not local; \
         remove local: false, or name another registry",
        Quoted(.0)
    )]
    Contradiction(&'a str),
    #[error(
        "{} does not begin with its namespace, as this cluster's policy asks of local outputs (repositories: namespace); write {}",
        Quoted(.text), Quoted(.right)
    )]
    OutsideOfNamespace { text: &'a str, right: String },
    #[error(
        "{} is local, but this cluster declares no local registry{whose}; ask its operator to declare one, or {}{undo}{}",
        Quoted(.text), if .undo.starts_with("name ") { "" } else { "name a registry and " }, See(*.help)
    )]
    NoRegistry {
        text: &'a str,
        /// Whom the registry is missing for, if it may be there for others.
        whose: &'static str,
        undo: String,
        help: Option<&'a str>,
    },
}

/// How an author makes an image not local, if `mark` says how the mark beside it is undone. The portable host in the image has to
/// go, too.
pub(crate) fn undo(image: &str, mark: Option<&dyn fmt::Display>) -> String {
    match mark {
        Some(mark) if names_portable_host(image) => format!("name another registry and {mark}"),
        Some(mark) => mark.to_string(),
        None => "name another registry".to_owned(),
    }
}

/// What the reference of a local image looks like: with the portable host, if the image has that.
struct Expected<'a>(&'a str);

impl fmt::Display for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if names_portable_host(self.0) {
            write!(f, "a reference as in `{PORTABLE_HOST}/team/app:v1`")
        } else {
            f.write_str("a reference without a registry, as in `team/app:v1`")
        }
    }
}

/// The end of a message about an image: the portable name, if the image is likely to be meant to have it.
pub(crate) struct Hint<'a>(pub(crate) &'a str);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if resembles_portable_host(self.0) {
            write!(f, " (the name of the local registry in every cluster is {PORTABLE_HOST})")?;
        }
        Ok(())
    }
}

impl ImageProblem<'_> {
    /// The fault of the field that has this problem.
    #[cold]
    pub(crate) fn at(&self, path: impl Into<FieldPath>) -> Fault {
        Fault::new(path, Code::BadRequest, self)
    }
}

/// The end of a message about a missing registry: the settings' `help`, if there is one.
pub(crate) struct See<'a>(pub(crate) Option<&'a str>);

impl fmt::Display for See<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(url) => write!(f, "; see {url}"),
            None => Ok(()),
        }
    }
}

/// What becomes of the local image that a field has as its value. `host` is the cluster's registry, if it has one.
pub(crate) fn fate_of_local_image<'n>(
    value: Option<&'n Node<'_>>,
    host: Option<&dyn Host>,
    undo: &dyn Fn() -> String,
) -> Fate<'n> {
    let Some(Node::String(text)) = value else {
        let found = value.map_or("nothing", Node::type_name);
        return Fate::Invalid(ImageProblem::NoImage { found, undo: undo() });
    };
    let reference = match ImageReference::parse(text) {
        Ok(reference) => reference,
        Err(error) => return Fate::Invalid(ImageProblem::Reference { text, error, undo: undo() }),
    };
    match (other_registry(text), host) {
        (None, Some(host)) => Fate::Inject(reference.at(host)),
        (Some(registry), Some(host)) if registry == host.as_ref() => Fate::Keep,
        (None, None) => Fate::NoRegistry,
        (Some(_), _) => Fate::Invalid(ImageProblem::ForeignRegistry { reference, undo: undo() }),
    }
}
