//! Registries, as manifests name them.

use std::fmt;

use local_registry_oci::{NameError, Repository};

/// A registry, or a folder of one, as in `registry.example/team`.
///
/// ```text
/// registry = host [ "/" path ]
/// ```
///
/// The grammar of host and path is that of
/// [`ImageReference`](https://docs.rs/local-registry-core): both parsers of the ecosystem read them alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryName(String);

/// A path that is valid below any host.
const ANY_PATH: &str = "any";

impl RegistryName {
    /// Checks `text` against the grammar above.
    ///
    /// # Errors
    /// A [`NameError`] that says what is wrong and how to fix it.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let probe = format!("{text}/{ANY_PATH}");
        Repository::parse(&probe).map(|_| Self(text.to_owned()))
    }

    /// The repository of an image of this registry.
    ///
    /// # Errors
    /// A [`NameError`] if the image has no valid name.
    pub fn repository(&self, image: &str) -> Result<Repository, NameError> {
        Repository::parse(&format!("{}/{image}", self.0))
    }

    /// What tells two registries apart, however they are written.
    pub(crate) fn identity(&self) -> String {
        self.repository(ANY_PATH).map_or_else(|_| self.0.clone(), |any| any.identity())
    }

    /// The name as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RegistryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, image: &str, expected: Result<(&str, &str), &str>) {
        let found = RegistryName::parse(name).and_then(|name| name.repository(image));
        let found = found.as_ref().map(|found| (found.host(), found.path())).map_err(ToString::to_string);
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn repositories_are_below_a_host() {
        check("gcr.io/k8s-staging-jobset", "charts/jobset", Ok(("gcr.io", "k8s-staging-jobset/charts/jobset")));
        check("localhost:5000", "app", Ok(("localhost:5000", "app")));
        check("registry.example", "team/app", Ok(("registry.example", "team/app")));
        check("docker.io/team", "app", Ok(("docker.io", "team/app")));
        let no_host =
            "names no registry; start with its host, which has a dot or a port, as in `registry.example/team`";
        check("staging", "app", Err(no_host));
        check("team/staging", "app", Err(no_host));
        check("", "app", Err("has an empty path component at character 1"));
        check("reg.io/", "app", Err("has an empty path component at character 8"));
        check("https://reg.io", "app", Err("starts with a scheme; leave out `https://`"));
        check("reg.io", "app:v1", Err("has a tag or a digest; write the name alone"));
        check("reg.io", "App", Err("has the upper-case letter `A` at character 8; a path is lower case"));
        check(
            "reg.io",
            "../app",
            Err("has a misplaced `..` at character 8; `.`, `_`, `__` and dashes stand between letters or digits"),
        );
    }
}
