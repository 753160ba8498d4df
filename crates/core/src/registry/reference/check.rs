//! The grammar of references.

use std::net::Ipv6Addr;

use super::error::{LONGEST_PATH, LONGEST_TAG, ReferenceErrorKind};

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
        if text.len() == 64 && text.bytes().all(is_lower_hexadecimal) {
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
    match text.split_once("://") {
        Some((scheme, _)) => Err(ReferenceErrorKind::Scheme(format!("{scheme}://"))),
        None => Ok(()),
    }
}

/// Checks a registry by distribution/reference's grammar, which is wider than [`RegistryHost`](super::RegistryHost)'s: another registry is
/// only named in messages.
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

/// Checks `path [":" tag] ["@" digest]`, which starts `offset` characters into the text, and returns the path.
fn check_remainder(remainder: &str, offset: usize) -> Result<&str, ReferenceErrorKind> {
    let (name, digest) = match remainder.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (remainder, None),
    };
    // A colon before a slash does not start a tag; the check of the path reports it.
    let (path, tag) = match name.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (name, None),
    };
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
    if tag.is_empty() {
        return Err(ReferenceErrorKind::EmptyTag);
    }
    for (index, character) in tag.chars().enumerate() {
        let word = character.is_ascii_alphanumeric() || character == '_';
        if !(word || index > 0 && matches!(character, '.' | '-')) {
            return Err(ReferenceErrorKind::TagCharacter { character: character.into(), at: offset + index + 1 });
        }
    }
    if tag.len() > LONGEST_TAG {
        return Err(ReferenceErrorKind::TagTooLong(tag.len()));
    }
    Ok(())
}

fn check_digest(digest: &str) -> Result<(), ReferenceErrorKind> {
    if digest.is_empty() {
        return Err(ReferenceErrorKind::EmptyDigest);
    }
    let hexadecimal = digest.strip_prefix("sha256:").ok_or(ReferenceErrorKind::DigestAlgorithm)?;
    if hexadecimal.len() == 64 && hexadecimal.bytes().all(is_lower_hexadecimal) {
        Ok(())
    } else {
        Err(ReferenceErrorKind::Digest)
    }
}

fn is_lower_hexadecimal(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}
