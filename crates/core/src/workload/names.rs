//! The annotation that names the containers whose images are local.

use super::fields::{ANNOTATION, ANNOTATIONS, CONTAINERS_ANNOTATION};
use crate::admission::value_at;
use crate::json::Node;
use crate::message::Fault;

/// What an object's annotation says; `None` if the object does not have it.
pub(super) fn annotation<'n>(object: &'n Node<'_>) -> Result<Option<&'n str>, Fault> {
    let annotations = match value_at(object, ANNOTATIONS)? {
        None => return Ok(None),
        Some(annotations @ Node::Object(_)) => annotations,
        Some(other) => return Err(Fault::wrong_type(ANNOTATIONS, other.type_name(), "an object")),
    };
    match annotations.field(CONTAINERS_ANNOTATION) {
        None => Ok(None),
        Some(Node::String(text)) => Ok(Some(text)),
        Some(other) => Err(Fault::wrong_type(ANNOTATION, other.type_name(), "a string with the names of containers")),
    }
}

/// The names of containers in an annotation, separated by commas. White space around a name is ignored.
#[derive(Debug, Default)]
pub(super) struct Names<'n> {
    kept: Vec<Name<'n>>,
    /// How many names there are. Those after the first [`MOST`] are not kept.
    pub(super) count: usize,
    /// Whether a name is empty. A template may have left it out.
    pub(super) has_empty: bool,
    /// The first name that occurs twice.
    pub(super) repeated: Option<&'n str>,
}

#[derive(Debug)]
struct Name<'n> {
    text: &'n str,
    /// Whether a container with this name was found.
    is_used: bool,
}

/// How many names an annotation may have. Each container is compared with each of them.
pub(super) const MOST: usize = 100;

impl<'n> Names<'n> {
    pub(super) fn parse(text: &'n str) -> Self {
        let mut found = Self::default();
        for name in text.split(',').map(str::trim) {
            found.count += 1;
            if name.is_empty() {
                found.has_empty = true;
            } else if found.contains(name) {
                found.repeated = found.repeated.or(Some(name));
            } else if found.kept.len() < MOST {
                found.kept.push(Name { text: name, is_used: false });
            }
        }
        found
    }

    /// Whether the annotation names this container, which counts as found then.
    pub(super) fn takes(&mut self, container: &str) -> bool {
        let name = self.kept.iter_mut().find(|name| name.text == container);
        name.map(|name| name.is_used = true).is_some()
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.kept.iter().any(|known| known.text == name)
    }

    /// The names of which no container was found.
    pub(super) fn unused(&self) -> impl Iterator<Item = &'n str> {
        self.kept.iter().filter(|name| !name.is_used).map(|name| name.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, names: &[&str], has_empty: bool, repeated: Option<&str>) {
        let found = Names::parse(text);
        assert_eq!(found.unused().collect::<Vec<_>>(), names);
        assert_eq!((found.has_empty, found.repeated), (has_empty, repeated));
    }

    #[test]
    fn names_are_separated_by_commas_and_space() {
        check("app", &["app"], false, None);
        check("app,migrate", &["app", "migrate"], false, None);
        check("  migrate ,\n\tapp\r\n", &["migrate", "app"], false, None);
        check("b,a,b,a,b", &["b", "a"], false, Some("b"));
    }

    #[test]
    fn an_empty_name_is_found() {
        for text in ["", " ", ",", " , "] {
            check(text, &[], true, None);
        }
        for text in ["app,", ",app", "app, ,app"] {
            check(text, &["app"], true, (text.len() > 4).then_some("app"));
        }
    }

    #[test]
    fn names_beyond_the_most_are_counted_and_not_kept() {
        let text = (0..=MOST).map(|number| format!("c{number}")).collect::<Vec<_>>().join(",");
        let found = Names::parse(&text);
        assert_eq!((found.count, found.unused().count()), (MOST + 1, MOST));
    }

    #[test]
    fn a_name_is_used_once_a_container_has_it() {
        let mut names = Names::parse("a,b");
        assert!(names.takes("b") && names.takes("b") && !names.takes("c"));
        assert_eq!(names.unused().collect::<Vec<_>>(), ["a"]);
        assert!(names.contains("b") && !names.contains("c"));
    }
}
