//! Texts of others, as one line of the output.

use local_registry_core::text::printable;

/// A text without what a terminal or a log obeys, ends of lines too. Parts of it may come from others.
pub(crate) fn one_line(text: &str) -> String {
    printable(text).replace('\n', r"\n")
}
