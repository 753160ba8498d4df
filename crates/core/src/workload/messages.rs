//! Everything that users read about the local images of a pod or revision, in one place: what is wrong with them and with the
//! annotations, what its sender is warned about, and the phrases that both share.

use std::fmt;

use super::names::MOST_NAMES;
use crate::admission::See;
use crate::message::{Code, Fault, FieldPath};
use crate::text::Quoted;

/// What is wrong with an annotation, or with an image that is local.
#[derive(Debug, thiserror::Error)]
pub(super) enum WorkloadProblem<'a> {
    #[error(
        "found an empty name in {}; expected the names of {noun}s, separated by commas, as in `app, migrate`; write them, or remove the annotation",
        Quoted(.text)
    )]
    EmptyName { text: &'a str, noun: &'static str },
    #[error("found {count} names; expected at most {MOST_NAMES}; name only {noun}s with local images")]
    TooManyNames { count: usize, noun: &'static str },
    #[error(
        "no {noun} is named {}; expected names of the object's {noun}s ({}); correct the annotation, or the {noun}'s name",
        List(.unknown, "or"), List(.known, "and")
    )]
    NoSuchName { unknown: &'a [&'a str], known: &'a [&'a str], noun: &'static str },
    #[error(
        "a request for ephemeral containers cannot change the annotations of the pod, which name no {}; annotate the pod first, by `kubectl annotate`",
        List(.0, "or")
    )]
    NotYetNamed(&'a [&'a str]),
    #[error("more images have faults than those that are listed; correct these first")]
    More,
    #[error(
        "the local registry is {}, and Knative looks a tag up from a pod, while a node pulls the image; name the image by its digest, \
         or ask the cluster's operator to declare one name for both{}",
        Hosts { for_pods: *.for_pods, for_nodes }, See(*.help)
    )]
    TwoHosts { for_pods: Option<&'a str>, for_nodes: &'a str, help: Option<&'a str> },
}

impl WorkloadProblem<'_> {
    /// The fault of the field at a path that has this problem.
    #[cold]
    pub(super) fn at(&self, path: impl Into<FieldPath>) -> Fault {
        Fault::new(path, Code::BadRequest, self)
    }
}

/// What the sender of an accepted pod or revision is warned about.
#[derive(Debug, thiserror::Error)]
pub(super) enum WorkloadWarning<'a> {
    #[error("metadata.annotations[{annotation}]: the name {} occurs twice", Quoted(.name))]
    Repeated { annotation: &'static str, name: &'a str },
    #[error(
        "metadata.annotations[{annotation}]: it no longer names {}, so that image is pulled from Docker Hub; name the {noun} again, or write a registry",
        List(.names, "and")
    )]
    NoLongerNamed { annotation: &'static str, names: &'a [&'a str], noun: &'static str },
    #[error(
        "metadata.annotations[{annotation}]: a static pod runs the images in its file, which no policy sees; name the registry there"
    )]
    StaticPod { annotation: &'static str },
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
