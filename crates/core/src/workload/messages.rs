//! Everything that users read about the annotation of a pod or revision, in one place: what is wrong with it, what its
//! sender is warned about, and the phrases that both share.

use std::fmt;

use super::fields::CONTAINERS_ANNOTATION;
use super::names::MOST_NAMES;
use crate::admission::See;
use crate::json::Path;
use crate::message::{Code, Fault};
use crate::text::Quoted;

/// What is wrong with the annotation.
#[derive(Debug, thiserror::Error)]
pub(super) enum ContainersProblem<'a> {
    #[error(
        "found an empty name in {}; expected the names of containers, separated by commas, as in `app, migrate`; write them, or remove the annotation",
        Quoted(.text)
    )]
    EmptyName { text: &'a str },
    #[error("found {count} names; expected at most {MOST_NAMES}; name only containers that run local images")]
    TooManyNames { count: usize },
    #[error("no container is named {}; expected names of the object's containers ({}); correct the annotation, or the container's name", List(.unknown, "or"), List(.known, "and"))]
    NoSuchContainer { unknown: &'a [&'a str], known: &'a [&'a str] },
    #[error(
        "a request for ephemeral containers cannot change the annotations of the pod, which name no {}; annotate the pod first, by `kubectl annotate`",
        List(.0, "or")
    )]
    NotYetNamed(&'a [&'a str]),
    #[error("more images have faults than those that are listed; correct these first")]
    More,
    #[error(
        "the local registry is {}; Knative needs one name for both, since it looks the image up from a pod, and a node pulls it; \
         ask the cluster's operator to declare one, or name a registry and remove the annotation{}",
        Hosts { for_pods: *.for_pods, for_nodes }, See(*.help)
    )]
    TwoHosts { for_pods: Option<&'a str>, for_nodes: &'a str, help: Option<&'a str> },
}

impl ContainersProblem<'_> {
    /// The fault of the field at a path that has this problem.
    #[cold]
    pub(super) fn at(&self, path: Path) -> Fault {
        Fault::new(path, Code::BadRequest, self)
    }
}

/// What the sender of an accepted pod or revision is warned about.
#[derive(Debug, thiserror::Error)]
pub(super) enum ContainersWarning<'a> {
    #[error("metadata.annotations[{CONTAINERS_ANNOTATION}]: the name {} occurs twice", Quoted(.0))]
    Repeated(&'a str),
    #[error(
        "metadata.annotations[{CONTAINERS_ANNOTATION}]: it no longer names {}, so that image is pulled from Docker Hub; name the container again, or write a registry",
        List(.0, "and")
    )]
    NoLongerNamed(&'a [&'a str]),
    #[error(
        "metadata.annotations[{CONTAINERS_ANNOTATION}]: a static pod runs the images in its file, which no policy sees; name the registry there"
    )]
    StaticPod,
}

/// How an author makes the image of a container not local.
pub(super) fn undo(container: &str) -> String {
    format!("remove {} from the annotation {CONTAINERS_ANNOTATION}", Quoted(container))
}

struct Hosts<'a> {
    for_pods: Option<&'a str>,
    for_nodes: &'a str,
}

impl fmt::Display for Hosts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let for_nodes = Quoted(self.for_nodes);
        match self.for_pods {
            Some(for_pods) => write!(f, "{} for pods and {for_nodes} for nodes", Quoted(for_pods)),
            None => write!(f, "{for_nodes} for nodes, and pods have none"),
        }
    }
}

/// Names in a sentence, of which a few are shown.
struct List<'a>(&'a [&'a str], &'static str);

impl List<'_> {
    const SHOWN: usize = 10;
}

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(names, conjunction) = self;
        let more = names.len().saturating_sub(Self::SHOWN);
        for (index, name) in names.iter().take(Self::SHOWN).enumerate() {
            match index {
                0 => {}
                _ if index + 1 == names.len() => write!(f, " {conjunction} ")?,
                _ => f.write_str(", ")?,
            }
            write!(f, "{}", Quoted(name))?;
        }
        match more {
            0 if names.is_empty() => f.write_str("none"),
            0 => Ok(()),
            _ => write!(f, " {conjunction} {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_short_and_reads_like_a_sentence() {
        let check = |names: &[&str], expected: &str| assert_eq!(List(names, "or").to_string(), expected);
        check(&[], "none");
        check(&["a"], "`a`");
        check(&["a", "b"], "`a` or `b`");
        check(&["a", "b", "c"], "`a`, `b` or `c`");
        let ten = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        check(&ten, "`a`, `b`, `c`, `d`, `e`, `f`, `g`, `h`, `i` or `j`");
        check(&[&ten[..], &["k", "l"]].concat(), "`a`, `b`, `c`, `d`, `e`, `f`, `g`, `h`, `i`, `j` or 2 more");
    }
}
