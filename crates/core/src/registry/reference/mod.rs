//! Image references: what was written, and which registry it names.

mod check;
mod error;

use std::fmt;

use self::check::Remainder;
pub use self::error::ReferenceError;
use super::host::Host;
use super::portable::PORTABLE_HOST;

/// An image reference that both parsers of the ecosystem (distribution/reference and go-containerregistry) accept and
/// read alike. The text stays as it was written: nothing is normalised, trimmed or reordered.
///
/// ```
/// use local_registry_core::{ImageReference, RegistryHost};
///
/// let reference = ImageReference::parse("team/app:v1")?;
/// assert_eq!(reference.registry(), None);
/// let host = RegistryHost::parse("kind-registry:5000").expect("a host with a port");
/// assert_eq!(reference.at(&host), "kind-registry:5000/team/app:v1");
///
/// let foreign = ImageReference::parse("quay.example/team/app:v1")?;
/// assert_eq!((foreign.registry(), foreign.remainder()), (Some("quay.example"), "team/app:v1"));
/// assert_eq!((foreign.path(), foreign.tag(), foreign.digest()), ("team/app", Some("v1"), None));
/// # Ok::<(), local_registry_core::registry::ReferenceError>(())
/// ```
///
/// ```text
/// reference = [ registry "/" ] path [ ":" tag ] [ "@" digest ]
/// registry  = what stands before the first "/", if it has a "." or ":" or is "localhost"
/// path      = component *( "/" component )               ; 2 to 255 bytes
/// component = alnum *( separator alnum )                 ; alnum = 1*( a-z | 0-9 )
/// separator = "." | "_" | "__" | 1*"-"
/// tag       = that of Tag
/// digest    = that of Digest
/// ```
///
/// A tag is one by [`Tag`](crate::Tag)'s grammar, and a digest by [`Digest`](crate::Digest)'s.
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
        check::check(text, registry, remainder)?;
        Ok(Self { text, registry, remainder })
    }

    /// The registry that the text names, as written.
    #[must_use]
    pub fn registry(&self) -> Option<&'a str> {
        self.registry
    }

    /// What follows the registry: path, tag and digest, as written.
    #[must_use]
    pub fn remainder(&self) -> &'a str {
        self.remainder
    }

    /// The path of the repository below its registry.
    #[must_use]
    pub fn path(&self) -> &'a str {
        Remainder::split(self.remainder).path
    }

    /// Whether the path begins with this name, as one or more whole components.
    ///
    /// ```
    /// let reference = local_registry_core::ImageReference::parse("quay.example/team/app:v1")?;
    /// assert!(reference.is_below("team"));
    /// assert!(!reference.is_below("te") && !reference.is_below("app"));
    /// # Ok::<(), local_registry_core::registry::ReferenceError>(())
    /// ```
    #[must_use]
    pub fn is_below(&self, name: &str) -> bool {
        self.remainder.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The tag, if the text has one; it is a [`Tag`](crate::Tag).
    #[must_use]
    pub fn tag(&self) -> Option<&'a str> {
        Remainder::split(self.remainder).tag
    }

    /// The digest, if the text has one; it is a [`Digest`](crate::Digest).
    #[must_use]
    pub fn digest(&self) -> Option<&'a str> {
        Remainder::split(self.remainder).digest
    }

    /// The same path, tag and digest at another registry.
    #[must_use]
    pub fn at(&self, host: &dyn Host) -> String {
        format!("{}/{}", host.as_ref(), self.remainder)
    }
}

impl AsRef<str> for ImageReference<'_> {
    /// The text as it was written.
    fn as_ref(&self) -> &str {
        self.text
    }
}

impl fmt::Display for ImageReference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// The registry that `text` names, even if the rest of it is invalid: the part before the first `/`, if image parsers
/// read that as a host.
#[must_use]
pub(crate) fn named_registry(text: &str) -> Option<&str> {
    split_registry(text).0
}

/// The registry that an image names, unless that is the portable host.
#[inline(never)]
pub(crate) fn other_registry(image: &str) -> Option<&str> {
    named_registry(image).filter(|registry| *registry != PORTABLE_HOST)
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

#[cfg(test)]
mod tests {
    use super::super::{Digest, Tag};
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
        check_invalid("../app", "names the registry `..`, which is not a host and port");
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
        check_invalid("a", "has a path of one character; go-containerregistry requires at least 2");
        check_invalid("reg.io/a", "has a path of one character; go-containerregistry requires at least 2");
        let long = format!("{}/{}", "a".repeat(127), "b".repeat(128));
        check_invalid(&long, "has a path of 256 characters; at most 255 are allowed");
        check_invalid(
            &"a".repeat(248),
            "has a path of 248 characters without a `/`; at most 247 are allowed, since Docker puts `library/` in front",
        );
        check_invalid(HEX, "is 64 hexadecimal digits, which image parsers read as an image ID");
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
            "has a digest that is not `sha256:`; go-containerregistry supports no other",
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
    fn texts_that_are_not_references() {
        check_invalid("https://x/y", "starts with a scheme; leave out `https://`");
        check_invalid("a_:5000/bc", "names the registry `a_:5000`, which is not a host and port");
        check_invalid("a:b/cd", "names the registry `a:b`, which is not a host and port");
        for (text, character, at) in
            [(" app", " ", 1), ("app\n", "\\n", 4), ("a\tb", "\\t", 2), ("ä/b", "ä", 1), ("a/b\0", "\\0", 4)]
        {
            check_invalid(text, &format!("has `{character}` at character {at}, which no reference may have"));
        }
    }

    #[test]
    fn references_know_their_parts() {
        let digest = format!("sha256:{HEX}");
        for (text, path, tag, has_digest) in [
            ("team/app".to_owned(), "team/app", None, false),
            ("reg.io:5000/app:v1".to_owned(), "app", Some("v1"), false),
            (format!("[fd00::1]:5000/team/app@{digest}"), "team/app", None, true),
            (format!("app:v1@{digest}"), "app", Some("v1"), true),
        ] {
            let reference = ImageReference::parse(&text).unwrap();
            let expected = (path, tag, has_digest.then_some(digest.as_str()));
            assert_eq!((reference.path(), reference.tag(), reference.digest()), expected, "{text}");
        }
    }

    #[test]
    fn a_tag_or_digest_alone_is_valid_if_it_is_in_a_reference() {
        for text in ["v1", "_", "", ".v1", "-", "v+1", "v.-_1", &"t".repeat(128), &"t".repeat(129)] {
            assert_eq!(ImageReference::parse(&format!("app:{text}")).is_ok(), Tag::parse(text).is_ok(), "{text}");
        }
        for text in [&format!("sha256:{HEX}"), "sha256:", "", &format!("sha512:{HEX}"), HEX] {
            assert_eq!(ImageReference::parse(&format!("app@{text}")).is_ok(), Digest::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_registry_of_an_invalid_reference_is_still_known() {
        assert_eq!(named_registry("reg.io/UPPER"), Some("reg.io"));
        assert_eq!(named_registry("team/app"), None);
    }
}
