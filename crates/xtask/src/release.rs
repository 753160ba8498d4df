//! What is released, by digest: the lines of this version in the manifest of promotions, which `local-registry-promote add`
//! writes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use local_registry_core::Digest;
use serde::Deserialize;

use crate::error::Error;
use crate::files;

const IMAGES: &str = "release/images/local-registry/images.yaml";

/// The policy's module.
pub(crate) const POLICY: &str = "local-registry-policy";
/// The image of the sync job.
pub(crate) const SYNC: &str = "local-registry-sync";
/// The image of local-registry-promote.
pub(crate) const PROMOTE: &str = "local-registry-promote";

/// What a release is named by. Whatever somebody pushes to a tag later would run, too.
pub(crate) struct Digests {
    /// The policy's module.
    pub(crate) module: Digest,
    /// The image of the sync job.
    pub(crate) sync: Digest,
    /// The image of local-registry-promote.
    pub(crate) promote: Digest,
}

/// The digests of one version.
#[derive(Debug)]
pub(crate) struct Release {
    tag: String,
    images: Vec<Image>,
}

/// An image of the manifest, and the tags of each digest.
#[derive(Debug, Deserialize)]
struct Image {
    name: String,
    #[serde(default)]
    dmap: BTreeMap<String, Vec<String>>,
}

impl Release {
    /// Reads what is released of this version. Before its first promotion, a repository has no such file.
    pub(crate) fn read(root: &Path) -> Result<Self, Error> {
        let images = if root.join(IMAGES).exists() { files::yaml(root, IMAGES)? } else { Vec::new() };
        Ok(Self { tag: format!("v{}", env!("CARGO_PKG_VERSION")), images })
    }

    /// The digest of an artefact.
    pub(crate) fn digest(&self, name: &str) -> Result<Digest, Error> {
        let artefact = format!("{name}:{}", self.tag);
        let found: Vec<_> = self.digests().filter(|(image, _)| *image == name).collect();
        match *found.as_slice() {
            [] => Err(Error::NotReleased { path: IMAGES.into(), artefact }),
            [(_, digest)] => {
                digest.parse().map_err(|cause| files::content(IMAGES, format!("{name}: `{digest}` {cause}")))
            }
            _ => Err(files::content(IMAGES, format!("`{artefact}` has {} digests; leave one", found.len()))),
        }
    }

    /// Every artefact by digest, as a list in Markdown.
    pub(crate) fn list(&self, registry: &str) -> String {
        self.digests().fold(String::new(), |mut list, (name, digest)| {
            let _ = writeln!(list, "- `{registry}/{name}@{digest}`");
            list
        })
    }

    /// Names, with the digests that have this version's tag. Helm pushes a chart with the version itself as its tag.
    fn digests(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_of_this = |tag: &String| tag.strip_prefix('v').unwrap_or(tag) == self.tag.trim_start_matches('v');
        self.images.iter().flat_map(move |image| {
            let tagged = image.dmap.iter().filter(move |(_, tags)| tags.iter().any(is_of_this));
            tagged.map(move |(digest, _)| (image.name.as_str(), digest.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(of: char) -> String {
        format!("sha256:{}", of.to_string().repeat(64))
    }

    fn release(images: &str) -> Release {
        Release { tag: "v1.2.0".to_owned(), images: serde_saphyr::from_str(images).unwrap() }
    }

    /// As `local-registry-promote add` writes it.
    fn two_versions() -> Release {
        let (a, b, c, d) = (digest('a'), digest('b'), digest('c'), digest('d'));
        release(&format!(
            "- name: charts/local-registry\n  dmap:\n    \"{a}\": [\"1.1.0\"]\n    \"{d}\": [\"1.2.0\"]\n\
             - name: local-registry-policy\n  dmap:\n    \"{a}\": [\"v1.1.0\"]\n    \"{b}\": [\"v1.2.0\", \"latest\"]\n\
             - name: local-registry-promote\n  dmap:\n    \"{c}\": [\"v1.2.0\"]\n- name: local-registry-sync\n  dmap: {{}}\n",
        ))
    }

    #[test]
    fn a_digest_is_that_of_this_versions_tag() {
        assert_eq!(two_versions().digest(POLICY).unwrap().to_string(), digest('b'));
        assert_eq!(two_versions().digest(PROMOTE).unwrap().to_string(), digest('c'));
    }

    #[test]
    fn all_digests_of_this_version_are_listed() {
        let (b, c, d) = (digest('b'), digest('c'), digest('d'));
        assert_eq!(
            two_versions().list("registry.example"),
            format!(
                "- `registry.example/charts/local-registry@{d}`\n- `registry.example/local-registry-policy@{b}`\n- `registry.example/local-registry-promote@{c}`\n"
            )
        );
    }

    #[test]
    fn an_artefact_without_a_digest_is_reported() {
        let expected = "release/images/local-registry/images.yaml: no digest of `local-registry-sync:v1.2.0`; add it with \
                        `local-registry-promote --root release add local-registry-sync:v1.2.0`";
        assert_eq!(two_versions().digest(SYNC).unwrap_err().to_string(), expected);
        assert_eq!(release("[]").digest(SYNC).unwrap_err().to_string(), expected);
    }

    #[test]
    fn an_artefact_with_two_digests_or_none_that_is_one_is_reported() {
        let (a, b) = (digest('a'), digest('b'));
        let twice =
            release(&format!("- name: local-registry-sync\n  dmap: {{\"{a}\": [v1.2.0], \"{b}\": [v1.2.0]}}\n"));
        assert_eq!(
            twice.digest(SYNC).unwrap_err().to_string(),
            "release/images/local-registry/images.yaml: `local-registry-sync:v1.2.0` has 2 digests; leave one"
        );
        let none = release("- name: local-registry-sync\n  dmap: {\"sha256:a\": [v1.2.0]}\n");
        assert_eq!(
            none.digest(SYNC).unwrap_err().to_string(),
            "release/images/local-registry/images.yaml: local-registry-sync: `sha256:a` is not a digest; write `sha256:` \
             and 64 hexadecimal digits in lower case"
        );
    }

    #[test]
    fn nothing_is_released_before_the_first_promotion() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Release::read(root.path()).unwrap().list("registry.example"), "");
    }
}
