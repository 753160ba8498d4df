//! A publisher's own names in the files that are published.

use std::path::Path;

use crate::error::Error;
use crate::files;

/// What stands for the registry in the sources.
const REGISTRY: &str = "registry.example";
/// What stands for the repository.
const SOURCE_URL: &str = "https://example.org/local-registry";
/// What stands for the authors' address.
const EMAIL: &str = "authors@example.org";

/// The files that are published with the names in them. In the pages of `docs/`, they stand for the reader's own.
const FILES: [&str; 13] = [
    "policy-metadata/metadata.yml",
    "policy-metadata/usage.md",
    "charts/local-registry/Chart.yaml",
    "charts/local-registry/README.md",
    "charts/local-registry/values.yaml",
    "charts/local-registry/files/monitoring/nodes/alerts.yaml",
    "charts/local-registry/files/monitoring/registry/alerts.yaml",
    "charts/local-registry/files/monitoring/sync/alerts.yaml",
    "release/manifests/local-registry/promoter-manifest.yaml",
    ".github/ISSUE_TEMPLATE/config.yml",
    "artifacthub/artifacthub-repo.yml",
    "CODE_OF_CONDUCT.md",
    ".github/CODEOWNERS",
];

/// What a publisher writes in place of the names of the sources, where it is given.
#[derive(Default)]
pub(crate) struct Publisher {
    /// The registry, with the folder in it.
    pub(crate) registry: Option<String>,
    /// The repository of the sources.
    pub(crate) source_url: Option<String>,
    /// The authors' address.
    pub(crate) email: Option<String>,
}

/// Writes the names into every file.
pub(crate) fn write(root: &Path, publisher: &Publisher) -> Result<(), Error> {
    FILES.into_iter().try_for_each(|path| files::write(root, path, publisher.named(&files::text(root, path)?)))
}

impl Publisher {
    /// The text with the publisher's names. Nothing else of it changes.
    fn named(&self, text: &str) -> String {
        let given = |given: &Option<String>, placeholder: &str| given.clone().unwrap_or_else(|| placeholder.to_owned());
        // What `registry.example` is the beginning of, such as `registry.examples`, is another name.
        let mut parts = text.split(REGISTRY);
        let mut named = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let other = part.starts_with(|c: char| c.is_alphanumeric() || c == '_');
            named += &if other { REGISTRY.to_owned() } else { given(&self.registry, REGISTRY) };
            named += part;
        }
        named.replace(SOURCE_URL, &given(&self.source_url, SOURCE_URL)).replace(EMAIL, &given(&self.email, EMAIL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publisher() -> Publisher {
        let [registry, source_url, email] =
            ["reg.test/group", "https://git.test/group/project", "team@mail.test"].map(|name| Some(name.to_owned()));
        Publisher { registry, source_url, email }
    }

    #[test]
    fn the_names_are_written_and_nothing_else_changes() {
        let text = "# At registry.example.\nurl: registry.example/policy:v1   # keep\nother: registry.examples/x\n\
                    source: https://example.org/local-registry/tree\nmail: <authors@example.org>\n";
        let expected = "# At reg.test/group.\nurl: reg.test/group/policy:v1   # keep\nother: registry.examples/x\n\
                        source: https://git.test/group/project/tree\nmail: <team@mail.test>\n";
        assert_eq!(publisher().named(text), expected);
        assert_eq!(Publisher::default().named(text), text);
    }

    #[test]
    fn every_file_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for path in FILES {
            assert!(root.join(path).is_file(), "{path}");
        }
    }

    #[test]
    fn a_file_that_is_missing_is_reported() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(
            write(root.path(), &publisher()).unwrap_err().to_string(),
            "policy-metadata/metadata.yml: No such file or directory (os error 2)"
        );
    }
}
