//! The one way to write where a source is.

/// Where a source is, without what names the tool (`git+`), the version (`@refs/heads/main`, `#main`) or the kind of folder
/// (`.git`). A [`Provenance`](crate::Provenance) has its source so.
///
/// ```
/// use local_registry_signatures::plain_source;
///
/// assert_eq!(plain_source("git+https://git.example/team/app.git@refs/heads/main"), "https://git.example/team/app");
/// ```
#[must_use]
pub fn plain_source(source: &str) -> String {
    let source = source.strip_prefix("git+").unwrap_or(source);
    let source = source.split_once('#').map_or(source, |(before, _)| before);
    // A user's name may stand before the host, as in `ssh://git@host/team/app`. A version only follows a path.
    let after_scheme = source.find("://").map_or(0, |at| at + "://".len());
    let host = source.get(after_scheme..).and_then(|rest| rest.find('/'));
    let path = host.map_or(source.len(), |host| after_scheme + host);
    let version = source.get(path..).and_then(|path| path.find('@'));
    let source = version.and_then(|at| source.get(..path + at)).unwrap_or(source);
    source.strip_suffix(".git").unwrap_or(source).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        assert_eq!(plain_source(source), expected);
        assert_eq!(plain_source(expected), expected);
    }

    #[test]
    fn a_source_is_named_without_tool_version_and_kind_of_folder() {
        check("https://github.com/team/app", "https://github.com/team/app");
        check("git+https://github.com/team/app.git@refs/heads/main", "https://github.com/team/app");
        check("git+https://github.com/team/app@refs/tags/@scope/v1@2", "https://github.com/team/app");
        check("https://github.com/team/app.git#refs/heads/main:dir", "https://github.com/team/app");
        check("git+ssh://git@host.example/team/app.git", "ssh://git@host.example/team/app");
        check("git@github.com:team/app.git", "git@github.com:team/app");
        check("https://user@host.example", "https://user@host.example");
        check("", "");
    }

    #[test]
    fn another_repository_stays_another_one() {
        for other in [
            "https://github.com/team/app.gitea",
            "https://github.com/team/git+app",
            "https://github.com@evil.example/team/app",
            "https://evil.example/https://github.com/team/app",
        ] {
            check(other, other);
        }
    }
}
