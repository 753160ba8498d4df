//! What others wrote, without what a terminal obeys.

/// A text whose control characters, but for the ends of lines, are escaped. Others may have written it, and a terminal obeys
/// such characters.
///
/// ```
/// use local_registry_core::text::printable;
///
/// assert_eq!(printable("one\ntwo\u{1b}[31m"), "one\ntwo\\u{1b}[31m");
/// ```
#[must_use]
pub fn printable(text: &str) -> String {
    let escape = |character: char| {
        let is_plain = character == '\n' || !character.is_control();
        if is_plain { character.to_string() } else { character.escape_default().to_string() }
    };
    text.chars().map(escape).collect()
}

/// A text of others as one line of the output: without what a terminal or a log obeys, and with `\n` for ends of lines.
///
/// ```
/// use local_registry_core::text::one_line;
///
/// assert_eq!(one_line("two\nlines"), r"two\nlines");
/// ```
#[must_use]
pub fn one_line(text: &str) -> String {
    printable(text).replace('\n', r"\n")
}
