//! The changelog.

use std::path::Path;

use crate::error::Error;
use crate::files;

const CHANGELOG: &str = "CHANGELOG.md";

/// The changes of the newest version, without its heading.
pub(crate) fn newest(root: &Path) -> Result<String, Error> {
    section(&files::text(root, CHANGELOG)?)
        .ok_or_else(|| files::content(CHANGELOG, "no section; begin one with `## VERSION`"))
}

fn section(changelog: &str) -> Option<String> {
    let mut lines = changelog.lines();
    lines.find(|line| line.starts_with("## "))?;
    Some(lines.take_while(|line| !line.starts_with("## ")).flat_map(|line| [line, "\n"]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_section_is_printed_without_its_heading() {
        let changelog =
            "# Changelog\n\nAbout.\n\n## 0.2.0 (2026-01-01)\n\n### Added\n\n- This.\n\n## 0.1.0\n\n- That.\n";
        assert_eq!(section(changelog).as_deref(), Some("\n### Added\n\n- This.\n\n"));
        assert_eq!(section("## 0.1.0\n- That.\n").as_deref(), Some("- That.\n"));
        assert_eq!(section("# Changelog\n"), None);
    }
}
