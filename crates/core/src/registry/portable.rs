//! The one host that means "the local registry of whatever cluster this is", and where it stands in a text.

use crate::text::find;

/// The portable name of a local registry, the same in every cluster: a host and a port.
///
/// Image parsers read it as a registry, so it is never taken for Docker Hub; and it is nobody's, so that what is not resolved
/// fails, and comes from nowhere else.
///
/// ```
/// use local_registry_core::RegistryHost;
/// use local_registry_core::registry::PORTABLE_HOST;
///
/// assert_eq!(PORTABLE_HOST, "local-registry:5000");
/// assert!(RegistryHost::parse(PORTABLE_HOST).is_ok());
/// ```
pub const PORTABLE_HOST: &str = "local-registry:5000";

/// Its host alone, by which near misses are known.
const NAME: &str = "local-registry";

/// Whether an image, which may be an invalid reference, names the portable host as its registry.
#[inline(never)]
pub(crate) fn names_portable_host(image: &str) -> bool {
    image.strip_prefix(PORTABLE_HOST).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether the text before the first `/` of an image is likely to be meant as the portable host, and is another one: it has no
/// port or another, an upper-case letter, or a dot at its end.
pub(crate) fn resembles_portable_host(image: &str) -> bool {
    let Some((name, rest)) = image.split_at_checked(NAME.len()) else { return false };
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    name.eq_ignore_ascii_case(NAME)
        && matches!(rest.bytes().next(), None | Some(b':' | b'/'))
        && !names_portable_host(image)
}

/// A text with `host` wherever it has the portable host; `None` if it has it nowhere.
///
/// The portable host stands as a host: neither within a longer name, a longer port or a tag, nor as a component of a path.
/// So what is before it is no letter, digit, `.`, `_` or `-`, and no `/` but that of `//`; and what is after it is no letter,
/// digit, `.`, `_`, `-`, `:` or `@`. What is not ASCII counts as a letter.
pub(crate) fn with_host(text: &str, host: &str) -> Option<String> {
    let mut result = String::new();
    let mut copied = 0;
    let mut from = 0;
    while let Some(found) = find(text.get(from..)?, PORTABLE_HOST) {
        let start = from + found;
        from = start + PORTABLE_HOST.len();
        if begins_a_host(text.as_bytes().get(..start)?) && ends_a_host(text.as_bytes().get(from..)?) {
            result.push_str(text.get(copied..start)?);
            result.push_str(host);
            copied = from;
        }
    }
    (copied > 0).then(|| result + text.get(copied..).unwrap_or_default())
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || matches!(byte, b'.' | b'_' | b'-')
}

/// Whether a host that follows this text stands as one there: see `with_host`.
#[must_use]
pub fn begins_a_host(before: &[u8]) -> bool {
    match before.strip_suffix(b"/") {
        Some(before) => before.ends_with(b"/") && !before.ends_with(b"//"),
        None => before.last().is_none_or(|last| !is_of_a_name(*last)),
    }
}

fn ends_a_host(after: &[u8]) -> bool {
    after.first().is_none_or(|next| !is_of_a_name(*next) && !matches!(next, b':' | b'@'))
}

#[cfg(test)]
mod tests {
    use super::super::{ImageReference, RegistryHost, RuntimeHost, named_registry};
    use super::*;

    #[test]
    fn the_portable_host_is_a_registry_for_everybody() {
        assert_eq!(RegistryHost::parse(PORTABLE_HOST).unwrap().as_str(), PORTABLE_HOST);
        assert_eq!(RuntimeHost::parse(PORTABLE_HOST).unwrap().as_str(), PORTABLE_HOST);
        let image = format!("{PORTABLE_HOST}/team/app:v1");
        assert_eq!(ImageReference::parse(&image).unwrap().registry(), Some(PORTABLE_HOST));
    }

    #[test]
    fn an_image_names_it_by_its_exact_text() {
        for (image, names, resembles) in [
            ("local-registry:5000/team/app", true, false),
            ("local-registry:5000/", true, false),
            ("local-registry:5000/A", true, false),
            ("local-registry:5000", false, true),
            ("local-registry", false, true),
            ("local-registry/team/app", false, true),
            ("local-registry:5001/app", false, true),
            ("local-registry:50000/app", false, true),
            ("local-registry:/app", false, true),
            ("Local-Registry:5000/app", false, true),
            ("local-registry.:5000/app", false, true),
            ("local-registry.internal:5000/app", false, false),
            ("my-local-registry:5000/app", false, false),
            ("quay.example/local-registry:5000/app", false, false),
            ("team/app", false, false),
            ("", false, false),
        ] {
            assert_eq!((names_portable_host(image), resembles_portable_host(image)), (names, resembles), "{image}");
            if names {
                assert_eq!(named_registry(image), Some(PORTABLE_HOST), "{image}");
            }
        }
    }

    #[test]
    fn it_is_found_in_a_text_where_it_stands_as_a_host() {
        for (text, expected) in [
            ("local-registry:5000", "H"),
            ("local-registry:5000/team/base:v1", "H/team/base:v1"),
            ("BASE=local-registry:5000/team/base:v1", "BASE=H/team/base:v1"),
            ("docker://local-registry:5000/a", "docker://H/a"),
            ("//local-registry:5000/a", "//H/a"),
            ("https://user:word@local-registry:5000/a", "https://user:word@H/a"),
            ("type=registry,ref=local-registry:5000/a:cache,mode=max", "type=registry,ref=H/a:cache,mode=max"),
            ("local-registry:5000,local-registry:5000", "H,H"),
            ("local-registry:5000 local-registry:5001", "H local-registry:5001"),
            ("a\nFROM local-registry:5000/b\n", "a\nFROM H/b\n"),
            ("[\"local-registry:5000\"]", "[\"H\"]"),
            ("local-registry:5000?x", "H?x"),
        ] {
            assert_eq!(with_host(text, "H").as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "local-registry",
            "local-registry:500",
            "local-registry:50001",
            "local-registry:5000a",
            "local-registry:5000-beta",
            "local-registry:5000.1",
            "local-registry:5000_1",
            "local-registry:5000@sha256:0",
            "local-registry:5000:v1",
            "my-local-registry:5000",
            "x.local-registry:5000",
            "x_local-registry:5000",
            "älocal-registry:5000",
            "local-registry:5000ä",
            "quay.example/local-registry:5000",
            "/local-registry:5000",
            "file:///local-registry:5000",
            "Local-Registry:5000",
        ] {
            assert_eq!(with_host(text, "H"), None, "{text}");
        }
    }
}
