//! The mark of ownership: the first line of every file of the agent.

use local_registry_core::RuntimeHost;

use super::name::Name;

/// The first words of every file of ours. The whole first line is the mark of ownership, and the rest of it says what the
/// file is about: a copy of a file under another name is not ours.
const MARKER: &str = "# local-registry-sync node";

/// With what the line begins that says which declared name a file's name stands for.
const STANDS_FOR: &str = "# In this cluster, the name stands for ";

/// The first line of a file about a name.
pub(super) fn first_line(name: &str) -> String {
    format!("{MARKER}: {name}")
}

/// The name that a file is about, by its first line.
pub(super) fn name_of(text: &str) -> Option<&str> {
    text.lines().next()?.strip_prefix(MARKER)?.strip_prefix(": ")
}

/// The declared name that the name of a file stands for. An agent that starts while the declaration cannot be used knows it
/// by this line, and so follows the Service all the same.
pub(super) fn stands_for(text: &str) -> Option<RuntimeHost> {
    RuntimeHost::parse(text.lines().find_map(|line| line.strip_prefix(STANDS_FOR))?).ok()
}

/// The first lines of a file about a name.
pub(super) fn header(name: &Name) -> String {
    let stands_for = name.stands_for.as_ref().map_or_else(String::new, |host| format!("{STANDS_FOR}{host}\n"));
    format!(
        "{}\n# The agent writes this file again wherever it differs. It leaves a file alone whose first line is another.\n{stands_for}",
        first_line(name.as_str())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_its_name_stands_for() {
        let declared: RuntimeHost = "registry.infra.svc:5000".parse().unwrap();
        let portable = header(&Name::portable(declared.clone()));
        assert_eq!((name_of(&portable), stands_for(&portable)), (Some("local-registry:5000"), Some(declared.clone())));
        let itself = header(&declared.into());
        assert_eq!((name_of(&itself), stands_for(&itself)), (Some("registry.infra.svc:5000"), None));
    }
}
