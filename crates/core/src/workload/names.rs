//! An annotation that names the containers, or the image volumes, whose images are local.

use super::fields::ImageHolders;
use crate::admission::annotations;
use crate::json::Node;
use crate::message::Fault;
use crate::registry::named_registry;

/// What an object's annotation about these says; `None` if the object does not have it.
pub(super) fn annotation<'n>(object: &'n Node<'_>, about: &ImageHolders) -> Result<Option<&'n str>, Fault> {
    let Some(annotations) = annotations(object)? else { return Ok(None) };
    match annotations.field(about.annotation) {
        None => Ok(None),
        Some(Node::String(text)) => Ok(Some(text)),
        Some(other) => Err(Fault::wrong_type(about.annotation_path, other.type_name(), "a string with names")),
    }
}

/// The names in an annotation, separated by commas. White space around a name is ignored.
#[derive(Debug, Default)]
pub(super) struct Names<'n> {
    kept: Vec<Name<'n>>,
    /// Whether one of the names is `*`, which means all whose images name no registry.
    has_all: bool,
    /// How many names there are. Those after the first [`MOST_NAMES`] are not kept.
    pub(super) count: usize,
    /// Whether a name is empty. A template may have left it out.
    pub(super) has_empty: bool,
    /// The first name that occurs twice.
    pub(super) repeated: Option<&'n str>,
}

#[derive(Debug)]
struct Name<'n> {
    text: &'n str,
    /// Whether the object has something of this name.
    is_known: bool,
}

/// The name that means all.
const ALL: &str = "*";

/// How many names an annotation may have. Each container is compared with each of them.
pub(super) const MOST_NAMES: usize = 100;

impl<'n> Names<'n> {
    pub(super) fn parse(text: &'n str) -> Self {
        let mut found = Self::default();
        for name in text.split(',').map(str::trim) {
            found.count += 1;
            if name.is_empty() {
                found.has_empty = true;
            } else if name == ALL {
                found.has_all = true;
            } else if found.contains(name) {
                found.repeated = found.repeated.or(Some(name));
            } else if found.kept.len() < MOST_NAMES {
                found.kept.push(Name { text: name, is_known: false });
            }
        }
        found
    }

    /// Takes in whether all are meant.
    pub(super) fn set_all(&mut self, has_all: bool) {
        self.has_all = has_all;
    }

    /// Whether all whose images name no registry are meant.
    pub(super) fn has_all(&self) -> bool {
        self.has_all
    }

    /// Forgets what is wrong with the text itself.
    pub(super) fn forgive(&mut self) {
        self.has_empty = false;
        self.count = 0;
    }

    /// Notes that the object has something of this name.
    pub(super) fn note(&mut self, name: &str) {
        for known in self.kept.iter_mut().filter(|known| known.text == name) {
            known.is_known = true;
        }
    }

    /// Whether an image of this name is meant: by its name, or as one of all that name no registry.
    pub(super) fn mean(&self, name: &str, image: &str) -> bool {
        self.contains(name) || self.has_all && named_registry(image).is_none()
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.kept.iter().any(|known| known.text == name)
    }

    /// The names that nothing in the object has.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &'n str> {
        self.kept.iter().filter(|name| !name.is_known).map(|name| name.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, names: &[&str], has_empty: bool, repeated: Option<&str>) {
        let found = Names::parse(text);
        assert_eq!(found.unknown().collect::<Vec<_>>(), names);
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
    fn a_star_means_all_that_name_no_registry() {
        check("*", &[], false, None);
        check("*, app", &["app"], false, None);
        let names = Names::parse("app, *");
        assert!(names.mean("other", "team/app") && names.mean("app", "reg.io/app"));
        assert!(!names.mean("other", "reg.io/app") && !names.contains("*"));
        assert!(!Names::parse("app").mean("other", "team/app"));
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
        let text = (0..=MOST_NAMES).map(|number| format!("c{number}")).collect::<Vec<_>>().join(",");
        let found = Names::parse(&text);
        assert_eq!((found.count, found.unknown().count()), (MOST_NAMES + 1, MOST_NAMES));
    }

    #[test]
    fn a_name_counts_once_a_container_has_it() {
        let mut names = Names::parse("a,b");
        for name in ["b", "b", "c"] {
            names.note(name);
        }
        assert_eq!(names.unknown().collect::<Vec<_>>(), ["a"]);
        assert!(names.contains("b") && !names.contains("c"));
    }
}
