//! The grammar of references.

use std::net::Ipv6Addr;

use super::super::digest::{self, DigestFlaw};
use super::super::tag::{self, TagFlaw};
use super::error::{LONGEST_PATH, ReferenceErrorKind};
use crate::text::scheme;

/// Checks a text by the grammar of [`ImageReference`](super::ImageReference). It is already split: `remainder` is what
/// follows the registry.
pub(super) fn check(text: &str, registry: Option<&str>, remainder: &str) -> Result<(), ReferenceErrorKind> {
    check_characters(text)?;
    if let Some(registry) = registry {
        check_registry(registry)?;
        if registry != "localhost" && !registry.contains(['.', ':']) {
            // Docker reads the `Team` of `Team/app` as a registry, go-containerregistry as a part of the path.
            check_component(registry, 0)?;
        }
    }
    let path = check_remainder(remainder, text.len() - remainder.len())?;
    if registry.is_none() {
        if !path.contains('/') && path.len() > LONGEST_PATH - "library/".len() {
            return Err(ReferenceErrorKind::OfficialPathTooLong(path.len()));
        }
        if digest::is_sha256(text) {
            return Err(ReferenceErrorKind::ImageId);
        }
    }
    Ok(())
}

fn check_characters(text: &str) -> Result<(), ReferenceErrorKind> {
    if text.is_empty() {
        return Err(ReferenceErrorKind::Empty);
    }
    for (index, character) in text.chars().enumerate() {
        if !character.is_ascii_graphic() {
            return Err(ReferenceErrorKind::ForeignCharacter { character: character.into(), at: index + 1 });
        }
    }
    match scheme(text) {
        Some(scheme) => Err(ReferenceErrorKind::Scheme(scheme.to_owned())),
        None => Ok(()),
    }
}

/// Checks a registry by distribution/reference's grammar, which is wider than [`RegistryHost`](crate::RegistryHost)'s:
/// another registry is only named in messages.
fn check_registry(registry: &str) -> Result<(), ReferenceErrorKind> {
    let invalid = || ReferenceErrorKind::Registry(registry.to_owned());
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (registry, None),
    };
    if port.is_some_and(|port| port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit())) {
        return Err(invalid());
    }
    let valid = match host.strip_prefix('[') {
        Some(rest) => {
            rest.strip_suffix(']').is_some_and(|address| !address.contains('.') && address.parse::<Ipv6Addr>().is_ok())
        }
        None => host.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        }),
    };
    if valid { Ok(()) } else { Err(invalid()) }
}

/// What follows a registry.
pub(super) struct Remainder<'a> {
    pub(super) path: &'a str,
    pub(super) tag: Option<&'a str>,
    pub(super) digest: Option<&'a str>,
}

impl<'a> Remainder<'a> {
    /// Splits `path [":" tag] ["@" digest]`, without a check of the parts.
    pub(super) fn split(text: &'a str) -> Self {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        // A colon before a slash does not start a tag; the check of the path reports it.
        let (path, tag) = match name.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (name, None),
        };
        Self { path, tag, digest }
    }
}

/// Checks what follows a registry, and starts `offset` characters into the text. Returns the path.
fn check_remainder(remainder: &str, offset: usize) -> Result<&str, ReferenceErrorKind> {
    let Remainder { path, tag, digest } = Remainder::split(remainder);
    check_path(path, offset)?;
    if let Some(tag) = tag {
        check_tag(tag, offset + path.len() + 1)?;
    }
    if let Some(digest) = digest {
        check_digest(digest)?;
    }
    Ok(path)
}

fn check_path(path: &str, offset: usize) -> Result<(), ReferenceErrorKind> {
    let mut start = offset;
    for component in path.split('/') {
        check_component(component, start)?;
        start += component.len() + 1;
    }
    match path.len() {
        1 => Err(ReferenceErrorKind::PathTooShort),
        length if length > LONGEST_PATH => Err(ReferenceErrorKind::PathTooLong(length)),
        _ => Ok(()),
    }
}

fn check_component(component: &str, start: usize) -> Result<(), ReferenceErrorKind> {
    let is_separator = |c: char| matches!(c, '.' | '_' | '-');
    if component.is_empty() {
        return Err(ReferenceErrorKind::EmptyComponent { at: start + 1 });
    }
    for (index, character) in component.chars().enumerate() {
        let at = start + index + 1;
        if character.is_ascii_uppercase() {
            return Err(ReferenceErrorKind::UpperCase { character: character.into(), at });
        }
        if !(character.is_ascii_lowercase() || character.is_ascii_digit() || is_separator(character)) {
            return Err(ReferenceErrorKind::PathCharacter { character: character.into(), at });
        }
    }
    let mut rest = component;
    loop {
        let from = rest.trim_start_matches(|c| !is_separator(c));
        if from.is_empty() {
            return Ok(());
        }
        let after = from.trim_start_matches(is_separator);
        let separator = from.strip_suffix(after).unwrap_or(from);
        let between = from.len() < component.len() && !after.is_empty();
        let known = matches!(separator, "." | "_" | "__") || separator.bytes().all(|b| b == b'-');
        if !between || !known {
            let at = start + component.len() - from.len() + 1;
            return Err(ReferenceErrorKind::Separator { separator: separator.to_owned(), at });
        }
        rest = after;
    }
}

fn check_tag(tag: &str, offset: usize) -> Result<(), ReferenceErrorKind> {
    let at_character = |character: char, index| ReferenceErrorKind::TagCharacter {
        character: character.into(),
        at: offset + index + 1,
    };
    match tag::flaws(tag).next() {
        None => Ok(()),
        Some(TagFlaw::Empty) => Err(ReferenceErrorKind::EmptyTag),
        Some(TagFlaw::Start(character)) => Err(at_character(character, 0)),
        Some(TagFlaw::Character { character, index }) => Err(at_character(character, index)),
        Some(TagFlaw::TooLong(length)) => Err(ReferenceErrorKind::TagTooLong(length)),
    }
}

fn check_digest(digest: &str) -> Result<(), ReferenceErrorKind> {
    digest::check(digest).map_err(|flaw| match flaw {
        DigestFlaw::Empty => ReferenceErrorKind::EmptyDigest,
        DigestFlaw::Algorithm => ReferenceErrorKind::DigestAlgorithm,
        DigestFlaw::Digits => ReferenceErrorKind::Digest,
    })
}
