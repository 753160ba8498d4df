//! The mark of ownership: the first line of every file of the agent.

use local_registry_core::RuntimeHost;

/// The first words of every file of ours. The whole first line is the mark of ownership, and the rest of it says what the
/// file is about: a copy of a file under another name is not ours.
const MARKER: &str = "# local-registry-sync node";

/// The first line of a file about a name.
pub(super) fn first_line(name: &str) -> String {
    format!("{MARKER}: {name}")
}

/// The name that a file is about, by its first line.
pub(super) fn name_of(text: &str) -> Option<&str> {
    text.lines().next()?.strip_prefix(MARKER)?.strip_prefix(": ")
}

/// The first lines of a file about a name.
pub(super) fn header(name: &RuntimeHost) -> String {
    format!(
        "{}\n# The agent writes this file again wherever it differs. It leaves a file alone whose first line is another.\n",
        first_line(name.as_str())
    )
}
