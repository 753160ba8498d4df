//! The one search for a text within another, and the scheme of a URL by it.

/// Where `part` is in `text` first, as a position in bytes.
///
/// The same as `str::find`, which would make the module 5 KB larger wherever it is used first: it is fast for long texts, and all
/// texts here are short.
///
/// ```
/// use local_registry_core::text::find;
///
/// assert_eq!(find("name in namespace", "in"), Some(5));
/// assert_eq!(find("name", "namespace"), None);
/// ```
#[must_use]
#[inline(never)]
pub fn find(text: &str, part: &str) -> Option<usize> {
    (0..text.len()).find(|start| text.as_bytes().get(*start..).is_some_and(|rest| rest.starts_with(part.as_bytes())))
}

/// The scheme that a text begins with, up to its slashes, as in `https://`: whatever stands before the first `://`.
pub(crate) fn scheme(text: &str) -> Option<&str> {
    text.get(..find(text, "://")? + "://".len())
}
