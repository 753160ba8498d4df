//! Adds images to the text of an `images.yaml`. Everything else in it stays as it was written, comments too.

use std::cmp::Ordering;

use thiserror::Error;

use super::images::{self, Image};
use super::yaml::{self, Node, Value};
use crate::finding::{Finding, Findings};
use local_registry_core::Digest;
use local_registry_core::Tag;

/// An image to add, by digest, under one tag or none.
///
/// ```
/// use local_registry_oci::digest_of;
/// use local_registry_promotion_tree::Addition;
///
/// let digest = digest_of(b"an image");
/// let addition = Addition { image: "app".to_owned(), digest: digest.clone(), tag: "v1".parse().ok() };
/// assert_eq!(addition.apply(""), Ok(format!("- name: app\n  dmap:\n    \"{digest}\": [\"v1\"]\n")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// Its name below each registry of the project.
    pub image: String,
    /// The image.
    pub digest: Digest,
    /// Its tag.
    pub tag: Option<Tag>,
}

/// Why nothing was added.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(transparent)]
pub struct AddError(#[from] AddErrorKind);

#[derive(Debug, Clone, PartialEq, Eq, Error)]
enum AddErrorKind {
    #[error(
        "the tag `{tag}` of `{image}` is {found} already; a tag that people pull must not move, so use another one"
    )]
    Moves { image: String, tag: Tag, found: Digest },
    #[error("the file cannot be read, so nothing was added: {0}")]
    Invalid(Finding),
    #[error("the file is laid out in a way that cannot be changed safely; add this by hand:\n{0}")]
    ByHand(String),
}

impl Addition {
    /// The text of an `images.yaml` with the image added: images in the order of their names, digests in the order of their
    /// first tags, as people read versions. The same text if it has the image already.
    ///
    /// # Errors
    /// An [`AddError`] if the tag names another digest, or if the file is laid out in an unusual way.
    pub fn apply(&self, text: &str) -> Result<String, AddError> {
        let mut findings = Findings::new("images.yaml");
        if yaml::read(text, &mut findings).is_none()
            && let Some(finding) = findings.into_vec().into_iter().next()
        {
            return Err(AddErrorKind::Invalid(finding).into());
        }
        let before = meaning(text);
        let image = before.iter().find(|image| image.name == self.image);
        if let Some((image, tag)) = image.zip(self.tag.as_ref())
            && let Some(found) =
                image.digests.iter().find(|promoted| promoted.tags.iter().any(|(other, _)| other == tag))
            && found.digest != self.digest
        {
            let (image, tag, found) = (image.name.clone(), tag.clone(), found.digest.clone());
            return Err(AddErrorKind::Moves { image, tag, found }.into());
        }
        let mut expected = facts(&before);
        let fact = fact(&self.image, &self.digest, self.tag.as_ref());
        let known = image.and_then(|image| image.digests.iter().find(|promoted| promoted.digest == self.digest));
        if expected.contains(&fact) || (known.is_some() && self.tag.is_none()) {
            return Ok(text.to_owned());
        }
        // A digest without tags has one now.
        expected.retain(|(image, digest, tag)| !(tag.is_none() && *image == fact.0 && *digest == fact.1));
        expected.push(fact);
        expected.sort();
        let by_hand = || AddErrorKind::ByHand(image_block("", "\n", self)).into();
        let after = edited(text, self).ok_or_else(by_hand)?;
        if facts(&meaning(&after)) == expected { Ok(after) } else { Err(by_hand()) }
    }
}

/// What a text says, as far as it is valid.
fn meaning(text: &str) -> Vec<Image> {
    images::read(text, &mut Findings::new(""))
}

/// What is said, without where and in which order.
type Fact = (String, Digest, Option<Tag>);

fn fact(image: &str, digest: &Digest, tag: Option<&Tag>) -> Fact {
    (image.to_owned(), digest.clone(), tag.cloned())
}

fn facts(images: &[Image]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for image in images {
        for promoted in &image.digests {
            if promoted.tags.is_empty() {
                facts.push(fact(&image.name, &promoted.digest, None));
            }
            facts.extend(promoted.tags.iter().map(|(tag, _)| fact(&image.name, &promoted.digest, Some(tag))));
        }
    }
    facts.sort();
    facts
}

/// The text with the image in it; `None` if its layout is not one that is known here. The caller checks what it says.
fn edited(text: &str, addition: &Addition) -> Option<String> {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let Some(root) = yaml::read(text, &mut Findings::new("")) else {
        return Some(format!("{}{}", with_end(text, newline), image_block("", newline, addition)));
    };
    let Value::List(elements) = &root.value else { return None };
    let named = |element: &Node| field(element, "name").and_then(|(_, name)| name.text()).map(str::to_owned);
    let blocks = elements.iter().filter(|element| named(element).as_deref() == Some(&addition.image));
    let blocks: Vec<&Node> = blocks.collect();
    let has_digest =
        |block: &&&Node| digests(block).iter().any(|(key, _)| key.text() == Some(addition.digest.as_str()));
    // The last block is that of the newest release.
    if let Some(block) = blocks.iter().find(has_digest).or(blocks.last()) {
        let (key, value) = field(block, "dmap")?;
        return match digests(block) {
            [] if is_flow(text, block) => None,
            [] => with_first_digest(text, key, value, newline, addition),
            entries => with_digest(text, value, entries, newline, addition),
        };
    }
    if elements.is_empty() {
        let (before, after) = (text.get(..root.bytes.start)?, text.get(root.bytes.end..)?);
        if text.get(root.bytes.clone())?.contains('#') {
            return None;
        }
        let after = after.strip_prefix(newline).unwrap_or(after);
        return Some(format!("{}{}{after}", with_end(before, newline), image_block("", newline, addition)));
    }
    if is_flow(text, &root) {
        return None;
    }
    let next = elements.iter().find(|element| named(element).is_some_and(|name| name > addition.image));
    let at = next.map_or_else(|| line_after(text, elements.last()), |next| line_of(text, next));
    let indent = indentation(text, elements.first()?)?;
    Some(spliced(text, at, newline, &image_block(indent, newline, addition)))
}

/// The digests of a block, and their tags.
fn digests(block: &Node) -> &[(Node, Node)] {
    match field(block, "dmap").map(|(_, digests)| &digests.value) {
        Some(Value::Mapping(entries)) => entries,
        _ => &[],
    }
}

/// The text with the digest as the first one of a block that has none: `dmap:` alone, or `dmap: {}`.
fn with_first_digest(text: &str, key: &Node, value: &Node, newline: &str, addition: &Addition) -> Option<String> {
    if !(value.is_null() || matches!(&value.value, Value::Mapping(_))) {
        return None;
    }
    let colon = key.bytes.end + text.get(key.bytes.end..)?.find(':')? + 1;
    let (before, after) = (text.get(..colon)?, text.get(value.bytes.end.max(colon)..)?);
    // A comment would go.
    if text.get(colon..value.bytes.end).is_some_and(|replaced| replaced.contains('#')) {
        return None;
    }
    let indent = " ".repeat(usize::try_from(key.start.column).ok()? + 1);
    Some(format!("{before}{newline}{indent}{}{after}", digest_line(addition)))
}

/// The text with the digest in this mapping, or with another tag at the digest that is there.
fn with_digest(
    text: &str,
    digests: &Node,
    entries: &[(Node, Node)],
    newline: &str,
    addition: &Addition,
) -> Option<String> {
    if let Some((_, tags)) = entries.iter().find(|(key, _)| key.text() == Some(addition.digest.as_str())) {
        return with_tag(text, tags, newline, addition.tag.as_ref()?);
    }
    if is_flow(text, digests) {
        return None;
    }
    let first_tag = |node: &Node| match &node.value {
        Value::List(tags) => tags.first()?.text()?.parse::<Tag>().ok(),
        _ => None,
    };
    let is_later = |(_, tags): &&(Node, Node)| is_after(first_tag(tags).as_ref(), addition.tag.as_ref());
    let at = match entries.iter().find(is_later) {
        Some((key, _)) => line_of(text, key),
        None => line_after(text, entries.last().map(|(_, tags)| tags)),
    };
    let (key, _) = entries.first()?;
    let indent = indentation(text, key)?;
    Some(spliced(text, at, newline, &format!("{indent}{}{newline}", digest_line(addition))))
}

/// Whether an entry with this first tag comes after the new one. Digests without tags come last.
fn is_after(tag: Option<&Tag>, new: Option<&Tag>) -> bool {
    match (tag, new) {
        (Some(tag), Some(new)) => tag.natural_order(new) == Ordering::Greater,
        (tag, new) => tag.is_none() && new.is_some(),
    }
}

fn with_tag(text: &str, tags: &Node, newline: &str, tag: &Tag) -> Option<String> {
    let Value::List(elements) = &tags.value else { return None };
    let is_later = |node: &&Node| {
        node.text().and_then(|text| text.parse().ok()).is_some_and(|other: Tag| is_after(Some(&other), Some(tag)))
    };
    let next = elements.iter().find(is_later);
    if is_flow(text, tags) {
        let (at, new) = match (next, elements.last()) {
            (Some(next), _) => (next.bytes.start, format!("\"{tag}\", ")),
            (None, Some(last)) => (last.bytes.end, format!(", \"{tag}\"")),
            (None, None) => (tags.bytes.start + 1, format!("\"{tag}\"")),
        };
        return splice(text, at, &new);
    }
    let at = next.map_or_else(|| line_after(text, elements.last()), |next| line_of(text, next));
    let indent = indentation(text, elements.first()?)?;
    Some(spliced(text, at, newline, &format!("{indent}- \"{tag}\"{newline}")))
}

fn image_block(indent: &str, newline: &str, addition: &Addition) -> String {
    let (image, digest) = (yaml::scalar(&addition.image), digest_line(addition));
    format!("{indent}- name: {image}{newline}{indent}  dmap:{newline}{indent}    {digest}{newline}")
}

fn digest_line(addition: &Addition) -> String {
    let tag = addition.tag.as_ref().map_or_else(String::new, |tag| format!("\"{tag}\""));
    format!("\"{}\": [{tag}]", addition.digest)
}

/// A field of a mapping: its key, and its value.
fn field<'n>(node: &'n Node, name: &str) -> Option<&'n (Node, Node)> {
    match &node.value {
        Value::Mapping(entries) => entries.iter().find(|(key, _)| key.text() == Some(name)),
        _ => None,
    }
}

fn is_flow(text: &str, node: &Node) -> bool {
    text.get(node.bytes.start..).is_some_and(|rest| rest.starts_with(['[', '{']))
}

/// The white space in front of an element: up to its dash, or up to the element itself. `None` if there is anything else.
fn indentation<'t>(text: &'t str, node: &Node) -> Option<&'t str> {
    let line = text.get(start_of_line(text, node.bytes.start)..node.bytes.start)?;
    let indent = line.trim_end_matches([' ', '-', '\t']);
    let white = line.len() - line.trim_start_matches(' ').len();
    if indent.is_empty() { line.get(..white) } else { None }
}

/// Where the lines of an element begin: those of the comments right above it, too.
fn line_of(text: &str, node: &Node) -> usize {
    let mut at = start_of_line(text, node.bytes.start);
    while at > 0 {
        let above = start_of_line(text, at - 1);
        if !text.get(above..at).is_some_and(|line| line.trim_start().starts_with('#')) {
            break;
        }
        at = above;
    }
    at
}

/// Where the line after an element begins.
fn line_after(text: &str, node: Option<&Node>) -> usize {
    let end = node.map_or(text.len(), |node| end(text, node));
    let rest = text.get(end..).unwrap_or_default();
    rest.find('\n').map_or(text.len(), |length| end + length + 1)
}

/// Where the last character of a value ends. A parser says of a block that it ends where the next one begins.
fn end(text: &str, node: &Node) -> usize {
    let last = match &node.value {
        _ if is_flow(text, node) => None,
        Value::Mapping(entries) => entries.last().map(|(_, value)| value),
        Value::List(elements) => elements.last(),
        Value::Scalar { .. } => None,
    };
    last.map_or(node.bytes.end, |last| end(text, last))
}

fn start_of_line(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// The text with whole lines put in at the start of a line.
fn spliced(text: &str, at: usize, newline: &str, lines: &str) -> String {
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    format!("{}{lines}{after}", with_end(before, newline))
}

fn splice(text: &str, at: usize, new: &str) -> Option<String> {
    let (before, after) = text.split_at_checked(at)?;
    Some(format!("{before}{new}{after}"))
}

/// The text with a newline at its end, unless it is empty.
fn with_end(text: &str, newline: &str) -> String {
    if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}{newline}") }
}
