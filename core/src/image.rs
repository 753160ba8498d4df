//! Image references: what was written, and which registry it names.

use std::fmt;
use std::net::Ipv6Addr;

use crate::host::RegistryHost;
use crate::quote::Quoted;

/// An image reference that both parsers of the ecosystem (distribution/reference and
/// go-containerregistry) accept and understand alike. It keeps the text as written: nothing is
/// normalised, trimmed or re-ordered.
///
/// ```text
/// reference = [ registry "/" ] path [ ":" tag ] [ "@" digest ]
/// registry  = what stands before the first "/", if it has a "." or ":" or is "localhost"
/// path      = component *( "/" component )               ; 2 to 255 bytes
/// component = alnum *( separator alnum )                 ; alnum = 1*( a-z | 0-9 )
/// separator = "." | "_" | "__" | 1*"-"
/// tag       = ( word ) *127( word | "." | "-" )          ; word = a-z | A-Z | 0-9 | "_"
/// digest    = "sha256:" 64( 0-9 | a-f )
/// ```
///
/// Without a registry, a path of one component is also limited to 247 bytes (Docker puts `library/`
/// in front), and 64 hexadecimal digits alone are an image ID, not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageReference<'a> {
    text: &'a str,
    registry: Option<&'a str>,
    remainder: &'a str,
}

impl<'a> ImageReference<'a> {
    /// Parses `text` by the grammar above.
    ///
    /// # Errors
    /// A [`ReferenceError`] that says what is wrong and where.
    pub fn parse(text: &'a str) -> Result<Self, ReferenceError> {
        let (registry, remainder) = split_registry(text);
        check_characters(text)?;
        let offset = text.len() - remainder.len();
        if let Some(registry) = registry {
            check_registry(registry)?;
            if registry != "localhost" && !registry.contains(['.', ':']) {
                // Docker takes `Team` of `Team/app` for a registry, go-containerregistry for a part of the path.
                check_component(registry, 0)?;
            }
        }
        let path = check_remainder(remainder, offset)?;
        if registry.is_none() {
            if !path.contains('/') && path.len() > LONGEST_PATH - "library/".len() {
                return Err(ReferenceError::OfficialPathTooLong(path.len()));
            }
            if text.len() == 64 && text.bytes().all(is_lower_hexadecimal) {
                return Err(ReferenceError::ImageId);
            }
        }
        Ok(Self { text, registry, remainder })
    }

    /// The registry that the text names, as written.
    #[must_use]
    pub fn registry(&self) -> Option<&'a str> {
        self.registry
    }

    /// Path, tag and digest, as written: what follows the registry.
    #[must_use]
    pub fn remainder(&self) -> &'a str {
        self.remainder
    }

    /// The same path, tag and digest at another registry.
    #[must_use]
    pub fn at(&self, host: &RegistryHost) -> String {
        format!("{host}/{}", self.remainder)
    }
}

impl fmt::Display for ImageReference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// The registry that `text` names, whether or not the rest of it is valid: the part before the first
/// `/`, where image parsers take that for a host.
#[must_use]
pub(crate) fn named_registry(text: &str) -> Option<&str> {
    split_registry(text).0
}

fn split_registry(text: &str) -> (Option<&str>, &str) {
    match text.split_once('/') {
        Some((first, rest))
            if first == "localhost" || first.bytes().any(|b| matches!(b, b'.' | b':') || b.is_ascii_uppercase()) =>
        {
            (Some(first), rest)
        }
        _ => (None, text),
    }
}

const LONGEST_PATH: usize = 255;
const LONGEST_TAG: usize = 128;

/// What is wrong with an image reference, and where: positions count characters from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// There is no text.
    #[error("is empty")]
    Empty,
    /// White space, a control character or a character outside ASCII.
    #[error("has {} at character {at}, which no reference may have", Quoted(.character))]
    ForeignCharacter {
        /// The character.
        character: String,
        /// Its position.
        at: usize,
    },
    /// `https://` and the like.
    #[error("starts with a scheme; leave out `{0}`")]
    Scheme(String),
    /// The part that names a registry can be no host.
    #[error("names the registry {}, which is no host and port", Quoted(.0))]
    Registry(String),
    /// Two slashes in a row, or one at either end.
    #[error("has an empty path component at character {at}")]
    EmptyComponent {
        /// Where the component should start.
        at: usize,
    },
    /// An upper-case letter in the path.
    #[error("has the upper-case letter {} at character {at}; a path is lower case", Quoted(.character))]
    UpperCase {
        /// The letter.
        character: String,
        /// Its position.
        at: usize,
    },
    /// A character that no path has.
    #[error("has {} at character {at}; a path has lower-case letters, digits, `.`, `_`, `-` and `/`", Quoted(.character))]
    PathCharacter {
        /// The character.
        character: String,
        /// Its position.
        at: usize,
    },
    /// A separator at either end of a component, or one that is doubled.
    #[error("has a misplaced {} at character {at}; `.`, `_`, `__` and dashes stand between letters or digits", Quoted(.separator))]
    Separator {
        /// The separators in a row.
        separator: String,
        /// Where they start.
        at: usize,
    },
    /// A path of one character.
    #[error("has a path of one character; go-containerregistry wants at least 2")]
    PathTooShort,
    /// A path over 255 characters.
    #[error("has a path of {0} characters; at most {LONGEST_PATH} are allowed")]
    PathTooLong(usize),
    /// A path of one component, too long once `library/` stands in front.
    #[error(
        "has a path of {0} characters without a `/`; at most 247 are allowed, since Docker puts `library/` in front"
    )]
    OfficialPathTooLong(usize),
    /// Nothing after the colon.
    #[error("has an empty tag")]
    EmptyTag,
    /// A tag over 128 characters.
    #[error("has a tag of {0} characters; at most {LONGEST_TAG} are allowed")]
    TagTooLong(usize),
    /// A character that no tag has at that place.
    #[error("has {} at character {at}; a tag has letters, digits, `_`, `.` and `-`, and starts with neither `.` nor `-`", Quoted(.character))]
    TagCharacter {
        /// The character.
        character: String,
        /// Its position.
        at: usize,
    },
    /// Nothing after the `@`.
    #[error("has an empty digest")]
    EmptyDigest,
    /// Another algorithm than sha256.
    #[error("has a digest that is not `sha256:`; go-containerregistry knows no other")]
    DigestAlgorithm,
    /// Anything but 64 lower-case hexadecimal digits.
    #[error("has a digest that is not `sha256:` and 64 lower-case hexadecimal digits")]
    Digest,
    /// 64 hexadecimal digits alone.
    #[error("is 64 hexadecimal digits, which image parsers take for an image ID")]
    ImageId,
}

fn check_characters(text: &str) -> Result<(), ReferenceError> {
    if text.is_empty() {
        return Err(ReferenceError::Empty);
    }
    for (index, character) in text.chars().enumerate() {
        if !character.is_ascii_graphic() {
            return Err(ReferenceError::ForeignCharacter { character: character.into(), at: index + 1 });
        }
    }
    match text.split_once("://") {
        Some((scheme, _)) => Err(ReferenceError::Scheme(format!("{scheme}://"))),
        None => Ok(()),
    }
}

/// The grammar that distribution/reference has for the host of a reference; wider than
/// [`RegistryHost`], since a foreign registry is only named in messages.
fn check_registry(registry: &str) -> Result<(), ReferenceError> {
    let invalid = || ReferenceError::Registry(registry.to_owned());
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
fn check_remainder(remainder: &str, offset: usize) -> Result<&str, ReferenceError> {
    let (name, digest) = match remainder.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (remainder, None),
    };
    // A colon before a slash is no tag's: the path's own check points at it.
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

fn check_path(path: &str, offset: usize) -> Result<(), ReferenceError> {
    let mut start = offset;
    for component in path.split('/') {
        check_component(component, start)?;
        start += component.len() + 1;
    }
    match path.len() {
        1 => Err(ReferenceError::PathTooShort),
        length if length > LONGEST_PATH => Err(ReferenceError::PathTooLong(length)),
        _ => Ok(()),
    }
}

fn check_component(component: &str, start: usize) -> Result<(), ReferenceError> {
    let is_separator = |c: char| matches!(c, '.' | '_' | '-');
    if component.is_empty() {
        return Err(ReferenceError::EmptyComponent { at: start + 1 });
    }
    for (index, character) in component.chars().enumerate() {
        let at = start + index + 1;
        if character.is_ascii_uppercase() {
            return Err(ReferenceError::UpperCase { character: character.into(), at });
        }
        if !(character.is_ascii_lowercase() || character.is_ascii_digit() || is_separator(character)) {
            return Err(ReferenceError::PathCharacter { character: character.into(), at });
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
            return Err(ReferenceError::Separator { separator: separator.to_owned(), at });
        }
        rest = after;
    }
}

fn check_tag(tag: &str, offset: usize) -> Result<(), ReferenceError> {
    if tag.is_empty() {
        return Err(ReferenceError::EmptyTag);
    }
    for (index, character) in tag.chars().enumerate() {
        let word = character.is_ascii_alphanumeric() || character == '_';
        if !(word || index > 0 && matches!(character, '.' | '-')) {
            return Err(ReferenceError::TagCharacter { character: character.into(), at: offset + index + 1 });
        }
    }
    if tag.len() > LONGEST_TAG {
        return Err(ReferenceError::TagTooLong(tag.len()));
    }
    Ok(())
}

fn check_digest(digest: &str) -> Result<(), ReferenceError> {
    if digest.is_empty() {
        return Err(ReferenceError::EmptyDigest);
    }
    let hexadecimal = digest.strip_prefix("sha256:").ok_or(ReferenceError::DigestAlgorithm)?;
    if hexadecimal.len() == 64 && hexadecimal.bytes().all(is_lower_hexadecimal) {
        Ok(())
    } else {
        Err(ReferenceError::Digest)
    }
}

fn is_lower_hexadecimal(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[track_caller]
    fn check(text: &str, registry: Option<&str>, remainder: &str) {
        let reference = ImageReference::parse(text).unwrap();
        assert_eq!((reference.registry(), reference.remainder()), (registry, remainder));
        assert_eq!(reference.to_string(), text);
    }

    #[track_caller]
    fn check_invalid(text: &str, message: &str) {
        assert_eq!(ImageReference::parse(text).unwrap_err().to_string(), message);
    }

    #[test]
    fn references_without_a_registry() {
        for text in [
            "app",
            "team/app",
            "team/app:v1",
            "ab_c__d-e---f/g.h",
            "app:5000",
            "reg.io",
            "localhost:5000",
            "localhost",
            "team/localhost/app",
            "a/b.c:_x.Y-9",
            "ab",
            "1/2",
        ] {
            check(text, None, text);
        }
        check(&format!("app@sha256:{HEX}"), None, &format!("app@sha256:{HEX}"));
        check(&format!("team/app:v1@sha256:{HEX}"), None, &format!("team/app:v1@sha256:{HEX}"));
        check(&format!("team/{HEX}"), None, &format!("team/{HEX}"));
        check(&format!("{HEX}:v1"), None, &format!("{HEX}:v1"));
        check(&format!("app:{}", "t".repeat(128)), None, &format!("app:{}", "t".repeat(128)));
        let longest = format!("{}/{}", "a".repeat(127), "b".repeat(127));
        check(&longest, None, &longest);
        check(&"a".repeat(247), None, &"a".repeat(247));
    }

    #[test]
    fn references_with_a_registry() {
        check("docker.io/team/app:v1", Some("docker.io"), "team/app:v1");
        check("kind-registry:5000/app", Some("kind-registry:5000"), "app");
        check("localhost/app", Some("localhost"), "app");
        check("Registry.io/app", Some("Registry.io"), "app");
        check("[fd00::1]:5000/team/app", Some("[fd00::1]:5000"), "team/app");
        check("10.0.0.5/app:v1", Some("10.0.0.5"), "app:v1");
        check(&format!("reg.io/{HEX}"), Some("reg.io"), HEX);
        check(&format!("reg.io/{}", "a".repeat(255)), Some("reg.io"), &"a".repeat(255));
    }

    #[test]
    fn paths() {
        check_invalid("", "is empty");
        check_invalid("../app", "names the registry `..`, which is no host and port");
        check_invalid("a//b", "has an empty path component at character 3");
        check_invalid("/a", "has an empty path component at character 1");
        check_invalid("a/", "has an empty path component at character 3");
        check_invalid("reg.io/", "has an empty path component at character 8");
        check_invalid("team/App", "has the upper-case letter `A` at character 6; a path is lower case");
        check_invalid("teAm/app", "has the upper-case letter `A` at character 3; a path is lower case");
        check_invalid("App", "has the upper-case letter `A` at character 1; a path is lower case");
        check_invalid(
            "team/a+b",
            "has `+` at character 7; a path has lower-case letters, digits, `.`, `_`, `-` and `/`",
        );
        check_invalid(
            "team/app:v1/x",
            "has `:` at character 9; a path has lower-case letters, digits, `.`, `_`, `-` and `/`",
        );
        check_invalid("a:b:c", "has `:` at character 2; a path has lower-case letters, digits, `.`, `_`, `-` and `/`");
        let ends = "stand between letters or digits";
        for (text, separator, at) in [
            ("-app", "-", 1),
            ("app-", "-", 4),
            ("a..b", "..", 2),
            ("a___b", "___", 2),
            ("a/b_-c", "_-", 4),
            ("ab/.c", ".", 4),
        ] {
            check_invalid(
                text,
                &format!("has a misplaced `{separator}` at character {at}; `.`, `_`, `__` and dashes {ends}"),
            );
        }
        check_invalid("a", "has a path of one character; go-containerregistry wants at least 2");
        check_invalid("reg.io/a", "has a path of one character; go-containerregistry wants at least 2");
        let long = format!("{}/{}", "a".repeat(127), "b".repeat(128));
        check_invalid(&long, "has a path of 256 characters; at most 255 are allowed");
        check_invalid(
            &"a".repeat(248),
            "has a path of 248 characters without a `/`; at most 247 are allowed, since Docker puts `library/` in front",
        );
        check_invalid(HEX, "is 64 hexadecimal digits, which image parsers take for an image ID");
    }

    #[test]
    fn tags() {
        check_invalid("app:", "has an empty tag");
        check_invalid(
            "app:v1:",
            "has `:` at character 4; a path has lower-case letters, digits, `.`, `_`, `-` and `/`"
                .replace("app", "")
                .as_str(),
        );
        let rule = "a tag has letters, digits, `_`, `.` and `-`, and starts with neither `.` nor `-`";
        check_invalid("app:.v1", &format!("has `.` at character 5; {rule}"));
        check_invalid("app:-v1", &format!("has `-` at character 5; {rule}"));
        check_invalid("app:v+1", &format!("has `+` at character 6; {rule}"));
        check_invalid(&format!("app:{}", "t".repeat(129)), "has a tag of 129 characters; at most 128 are allowed");
    }

    #[test]
    fn digests() {
        check_invalid("app@", "has an empty digest");
        check_invalid(
            &format!("app@sha512:{HEX}{HEX}"),
            "has a digest that is not `sha256:`; go-containerregistry knows no other",
        );
        let rule = "has a digest that is not `sha256:` and 64 lower-case hexadecimal digits";
        check_invalid("app@sha256:", rule);
        check_invalid(&format!("app@sha256:{}", HEX.to_uppercase()), rule);
        check_invalid(&format!("app@sha256:{HEX}0"), rule);
        check_invalid(&format!("app@sha256:{HEX}@sha256:{HEX}"), rule);
        check_invalid(&format!("app:@sha256:{HEX}"), "has an empty tag");
        check_invalid(&format!("@sha256:{HEX}"), "has an empty path component at character 1");
    }

    #[test]
    fn texts_that_are_no_reference() {
        check_invalid("https://x/y", "starts with a scheme; leave out `https://`");
        check_invalid("a_:5000/bc", "names the registry `a_:5000`, which is no host and port");
        check_invalid("a:b/cd", "names the registry `a:b`, which is no host and port");
        for (text, character, at) in
            [(" app", " ", 1), ("app\n", "\\n", 4), ("a\tb", "\\t", 2), ("ä/b", "ä", 1), ("a/b\0", "\\0", 4)]
        {
            check_invalid(text, &format!("has `{character}` at character {at}, which no reference may have"));
        }
    }

    #[test]
    fn the_registry_of_an_invalid_reference_is_still_known() {
        assert_eq!(named_registry("reg.io/UPPER"), Some("reg.io"));
        assert_eq!(named_registry("team/app"), None);
    }
}
