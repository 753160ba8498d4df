//! The portable host in the parameters of Builds and runs. It stands in the middle of texts: a build argument, a list of
//! registries that speak plain HTTP, a cache.
//!
//! Parameters that a run or an embedded specification sets are resolved in place. A Build stays as it is written, as its
//! output does: a run gets entries of its own for what it takes from the Build. Values from ConfigMaps and Secrets are read
//! by Shipwright, later, and are left as they are.

use super::fields::{PARAMETER_MASK, PARAMETERS};
use super::messages::BuildProblem;
use super::request::BuildRequest;
use crate::admission::Outcome;
use crate::json::{Node, Path, copy, elements, json_string};
use crate::message::{Fault, FieldPath};
use crate::registry::{PORTABLE_HOST, with_host};
use crate::text::find;

/// How many parameters a rejection lists. The remedy is the same for all.
const LISTED: usize = 10;

/// How many parameters of a Build may have the portable host. Each is compared with all that the run sets.
const MOST: usize = 100;

/// A parameter and its text.
struct Parameter<'t> {
    text: &'t str,
    node: Node<'t>,
}

impl<'t> Parameter<'t> {
    /// The parameters at a path of an object that has them raw; `None` if they cannot be read.
    fn list(object: &Node<'t>, path: Path) -> Option<Vec<Self>> {
        let mut list = Vec::new();
        if let Some(Node::Raw(text)) = object.at(path).ok()? {
            elements(text, &mut |text| {
                list.push(Self { text, node: Node::parse(text, PARAMETER_MASK).unwrap_or(Node::Null) });
            })?;
        }
        Some(list)
    }

    fn name(&self) -> Option<&str> {
        self.node.field("name")?.text()
    }

    /// Its text with a host in the place of the portable one; `None` if it does not have that.
    fn at(&self, host: &str) -> Option<String> {
        let mut result = String::new();
        let mut copied = 0;
        let mut copy_with_host = |node: &Node<'_>| {
            let Node::Object(object) = node else { return };
            let Some(entry) = object.entry("value") else { return };
            // Of a parameter that has a string and, before it, a list, Shipwright refuses both.
            if entry.span.start < copied {
                return;
            }
            if let Some(text) = entry.value.text().and_then(|text| with_host(text, host)) {
                copy(self.text, copied..entry.span.start, &mut result);
                result.push_str(&json_string(&text));
                copied = entry.span.end;
            }
        };
        copy_with_host(&self.node);
        if let Some(Node::Array(items)) = self.node.field("values") {
            items.iter().for_each(copy_with_host);
        }
        copy(self.text, copied..self.text.len(), &mut result);
        (copied > 0).then_some(result)
    }

    /// Whether one of these has the same name.
    fn is_among(&self, others: &[Self]) -> bool {
        others.iter().any(|other| other.name() == self.name())
    }

    /// The fault of one that has the portable host in a cluster without a registry.
    fn without_registry(&self, index: usize, path: Path, request: &BuildRequest<'_>) -> Fault {
        let (name, help) = (self.name().unwrap_or_default(), request.settings.help.as_deref());
        BuildProblem::ParameterWithoutRegistry { name, help }.at(FieldPath::in_element(path, index, &[]))
    }
}

/// Decides about the parameters at a path of the object that a request writes. Those of a Build that its runs resolve stay
/// portable.
pub(super) fn decide(request: &BuildRequest<'_>, path: Path, stay_portable: bool, outcome: &mut Outcome) {
    if !may_have_portable_host(request.object, path) {
        return;
    }
    let Some(parameters) = Parameter::list(request.object, path) else { return };
    let host = request.settings.host_text();
    let is_unchanged = request.old.is_some_and(|old| old.at(path) == request.object.at(path));
    let mut list = String::from("[");
    let mut resolved = 0;
    for (index, parameter) in parameters.iter().enumerate() {
        let text = parameter.at(host.unwrap_or_default());
        if text.is_some() {
            resolved += 1;
            if host.is_none() && resolved <= LISTED && !is_unchanged {
                let fault = parameter.without_registry(index, path, request);
                if stay_portable { outcome.warn(&fault) } else { outcome.fault(fault) }
            }
        }
        push(&mut list, text.as_deref().unwrap_or(parameter.text));
    }
    if resolved > 0 && host.is_some_and(|host| host != PORTABLE_HOST) && !stay_portable {
        outcome.edits.set_json(path, list + "]");
    }
}

/// Gives a run its own entries for those parameters of its Build that have the portable host and that the run does not set
/// itself. Returns the faults of these.
pub(super) fn inherit(request: &BuildRequest<'_>, build: &Node<'_>, outcome: &mut Outcome) -> Vec<Fault> {
    let mut faults = Vec::new();
    let host = request.settings.host_text();
    if !may_have_portable_host(build, PARAMETERS) || host == Some(PORTABLE_HOST) {
        return faults;
    }
    // What is no list is left to the API server's schema.
    let (Some(of_build), Some(own)) = (Parameter::list(build, PARAMETERS), Parameter::list(request.object, PARAMETERS))
    else {
        return faults;
    };
    let text_of = |parameter: &Parameter<'_>| parameter.at(host.unwrap_or_default());
    let mut list = String::from("[");
    for parameter in &own {
        push(&mut list, text_of(parameter).as_deref().unwrap_or(parameter.text));
    }
    let own_length = list.len();
    let mut count = 0;
    for (index, parameter) in of_build.iter().enumerate() {
        let Some(text) = text_of(parameter) else { continue };
        count += 1;
        // Of two entries with one name, Shipwright takes the last one.
        let later = of_build.get(index + 1..).unwrap_or_default();
        if count > MOST {
            faults = vec![BuildProblem::TooManyParameters(MOST).at(PARAMETERS)];
            break;
        }
        if parameter.is_among(&own) || parameter.is_among(later) {
            continue;
        }
        match host {
            None if faults.len() < LISTED => faults.push(parameter.without_registry(index, PARAMETERS, request)),
            None => {}
            Some(_) => push(&mut list, &text),
        }
    }
    if list.len() > own_length {
        outcome.edits.set_json(PARAMETERS, list + "]");
    }
    faults
}

/// Whether a run has lost a parameter in an UPDATE. Those that it got for its Build's are at the end.
pub(super) fn has_lost_any(object: &Node<'_>, before: &Node<'_>) -> bool {
    let Some(now) = Parameter::list(object, PARAMETERS) else { return false };
    let before = Parameter::list(before, PARAMETERS).unwrap_or_default();
    before.iter().rev().take(MOST).any(|parameter| !parameter.is_among(&now))
}

/// Whether the portable host may be among the parameters at a path. Most lists do not have it, and need not be parsed.
fn may_have_portable_host(object: &Node<'_>, path: Path) -> bool {
    matches!(object.at(path), Ok(Some(Node::Raw(text))) if find(text, PORTABLE_HOST).is_some() || find(text, "\\u").is_some())
}

/// Adds an element to the text of a JSON list.
fn push(list: &mut String, element: &str) {
    if list.len() > 1 {
        list.push(',');
    }
    list.push_str(element);
}
