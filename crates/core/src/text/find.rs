//! The one search for a text within another, and the scheme of a URL by it.

/// Where `part` is in `text` first, as a position in bytes.
///
/// The same as `str::find`, which would make the module some KB larger. It looks for the first byte of `part` before it compares:
/// a list of parameters may have a megabyte. An empty `part` is nowhere.
///
/// ```
/// use local_registry_core::text::find;
///
/// assert_eq!(find("name in namespace", "in"), Some(5));
/// assert_eq!(find("name", "namespace"), None);
/// assert_eq!(find("aab", "ab"), Some(1));
/// ```
#[must_use]
#[inline(never)]
pub fn find(text: &str, part: &str) -> Option<usize> {
    let (first, rest) = part.as_bytes().split_first()?;
    let mut start = 0;
    loop {
        start += text.as_bytes().get(start..)?.iter().position(|byte| byte == first)?;
        if text.as_bytes().get(start + 1..)?.starts_with(rest) {
            return Some(start);
        }
        start += 1;
    }
}

/// The scheme that a text begins with, up to its slashes, as in `https://`: whatever stands before the first `://`.
pub(crate) fn scheme(text: &str) -> Option<&str> {
    text.get(..find(text, "://")? + "://".len())
}
