//! Tags of images.

use std::cmp::Ordering;
use std::sync::Arc;

use thiserror::Error;

use super::checked_text::checked_text;

/// A tag of an image.
///
/// ```
/// use local_registry_core::Tag;
///
/// assert!("v1.2".parse::<Tag>().is_ok());
/// assert_eq!("v+1".parse::<Tag>().unwrap_err().to_string(), "has `+`, which no tag has");
/// ```
///
/// ```text
/// tag  = word *127( word | "." | "-" )
/// word = a-z | A-Z | 0-9 | "_"
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Arc<str>);

/// How many characters a tag may have.
pub(super) const LONGEST_TAG: usize = 128;

impl Tag {
    /// Checks `text` against the grammar above.
    ///
    /// # Errors
    /// A [`TagError`] that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, TagError> {
        // A character that no tag has says most about what the author meant, wherever it stands.
        let foreign = flaws(text).find(|flaw| matches!(flaw, TagFlaw::Character { .. }));
        match foreign.or_else(|| flaws(text).next()) {
            Some(flaw) => Err(flaw.into()),
            None => Ok(Self(text.into())),
        }
    }

    /// Whether the tag is one by which something is attached to an image: `sha256-HEX`, or that with `.sig`, `.att` or `.sbom`.
    #[must_use]
    pub fn is_attachment(&self) -> bool {
        let Some(rest) = self.0.strip_prefix("sha256-") else { return false };
        let (hex, end) = rest.split_once('.').unwrap_or((rest, ""));
        hex.len() == 64
            && hex.bytes().all(|digit| digit.is_ascii_hexdigit())
            && matches!(end, "" | "sig" | "att" | "sbom")
    }

    /// Orders tags as people read versions: `v1.9` before `v1.10`.
    #[must_use]
    pub fn natural_order(&self, other: &Self) -> Ordering {
        natural(&self.0).cmp(&natural(&other.0)).then_with(|| self.cmp(other))
    }
}

/// The numbers and words of a text, in which numbers come first. A number is compared by its length without zeros in front,
/// then by its digits.
fn natural(text: &str) -> Vec<(usize, &str)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_number = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != is_number).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        let digits = part.trim_start_matches('0');
        parts.push(if is_number { (digits.len(), digits) } else { (usize::MAX, part) });
        rest = after;
    }
    parts
}

/// Why a text is not a [`Tag`].
///
/// ```
/// let error = local_registry_core::Tag::parse("-rc1").unwrap_err();
/// assert_eq!(error.to_string(), "starts with `-`; a tag starts with a letter, a digit or `_`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(transparent)]
pub struct TagError(#[from] TagFlaw);

/// One thing that is wrong with a tag.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum TagFlaw {
    #[error("is empty")]
    Empty,
    #[error("starts with `{0}`; a tag starts with a letter, a digit or `_`")]
    Start(char),
    /// `index` counts characters from 0.
    #[error("has `{}`, which no tag has", .character.escape_debug())]
    Character { character: char, index: usize },
    #[error("has {0} characters; at most {LONGEST_TAG} are allowed")]
    TooLong(usize),
}

/// Everything that is wrong with a text by the grammar of [`Tag`], in the order of its characters.
pub(super) fn flaws(text: &str) -> impl Iterator<Item = TagFlaw> {
    let empty = text.is_empty().then_some(TagFlaw::Empty);
    let characters = text.chars().enumerate().filter_map(|(index, character)| match character {
        '.' | '-' if index == 0 => Some(TagFlaw::Start(character)),
        '.' | '-' | '_' => None,
        _ if character.is_ascii_alphanumeric() => None,
        _ => Some(TagFlaw::Character { character, index }),
    });
    let length = (text.len() > LONGEST_TAG).then_some(TagFlaw::TooLong(text.len()));
    empty.into_iter().chain(characters).chain(length)
}

checked_text!(Tag, TagError);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(), &str>) {
        let found = text.parse::<Tag>().map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn tags() {
        check("v1.0-rc_1", Ok(()));
        check("_", Ok(()));
        check(&"t".repeat(128), Ok(()));
        check(&"t".repeat(129), Err("has 129 characters; at most 128 are allowed"));
        check("", Err("is empty"));
        check(".v1", Err("starts with `.`; a tag starts with a letter, a digit or `_`"));
        check("v1\n", Err("has `\\n`, which no tag has"));
        check("ä", Err("has `ä`, which no tag has"));
        check(".v+1", Err("has `+`, which no tag has"));
    }

    #[test]
    fn versions_are_in_the_order_in_which_people_read_them() {
        let sorted = ["0.9.0", "0.9.1", "0.10.0", "v0.8.1", "v0.8.2", "v0.8.10", "v1"];
        let mut tags: Vec<Tag> = sorted.iter().rev().map(|tag| tag.parse().unwrap()).collect();
        tags.sort_by(Tag::natural_order);
        assert_eq!(tags.iter().map(Tag::as_str).collect::<Vec<_>>(), sorted);
    }
}
