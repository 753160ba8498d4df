//! How a file of the agent's changes.

use similar::TextDiff;

/// The lines of a file; `-` and `+` mark those that differ. A line that the agent never writes is not shown: whoever
/// added it may have put a password there.
pub(super) fn diff(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let line = |change: similar::Change<&str>| {
        let text = change.value().trim_end();
        let text = if is_of_the_agent(text) { text } else { "(a line of others)" };
        format!("  {}{text}", change.tag())
    };
    diff.iter_all_changes().map(line).collect::<Vec<String>>().join("\n")
}

fn is_of_the_agent(line: &str) -> bool {
    let starts = [
        "# ",
        "server = ",
        "capabilities = ",
        "ca = ",
        "[host.",
        "[[registry]]",
        "prefix = ",
        "location = ",
        "insecure = ",
    ];
    let line = line.trim_start();
    line.is_empty()
        || (starts.iter().any(|start| line.starts_with(start)) && !line.contains('@') && !line.contains("header"))
}
