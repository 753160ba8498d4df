//! Where distribution keeps what: the paths of links and blobs below the folder of its storage.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The folder of all repositories.
pub(crate) const REPOSITORIES: &str = "docker/registry/v2/repositories";
/// The name of a file that has the digest of a blob.
pub(crate) const LINK: &str = "link";
/// The name of a link that is left out. Any name but `link` is none to the registry.
pub(crate) const LEFT_OUT: &str = "link.left-out";

/// What a link is about, by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkKind {
    /// `_manifests/revisions/ALGORITHM/HEX/link`: a manifest of the repository, by its digest.
    Manifest(String),
    /// `_layers/ALGORITHM/HEX/link`, or `_manifests/tags/TAG/index/ALGORITHM/HEX/link`: a blob, or a manifest that the tag
    /// had, by its digest.
    Other(String),
    /// `_manifests/tags/TAG/current/link`: the manifest that a tag has.
    Tag,
}

impl LinkKind {
    /// What the link at a path is about; `None` for what the registry does not read.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let parts: Vec<&str> = path.iter().map(OsStr::to_str).collect::<Option<_>>()?;
        match parts.as_slice() {
            [.., "_manifests", "revisions", algorithm, hex, LINK] => Some(Self::Manifest(digest(algorithm, hex))),
            [.., "_manifests", "tags", _, "current", LINK] => Some(Self::Tag),
            [.., "_layers", algorithm, hex, LINK] | [.., "_manifests", "tags", _, "index", algorithm, hex, LINK] => {
                Some(Self::Other(digest(algorithm, hex)))
            }
            _ => None,
        }
    }
}

fn digest(algorithm: &str, hex: &str) -> String {
    format!("{algorithm}:{hex}")
}

/// The content of a blob.
pub(crate) fn blob(root: &Path, algorithm: &str, hex: &str) -> PathBuf {
    let folder = root.join("docker/registry/v2/blobs").join(algorithm);
    folder.join(hex.get(..2).unwrap_or_default()).join(hex).join("data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_known_by_their_paths() {
        let check = |path: &str, expected| assert_eq!(LinkKind::of(Path::new(path)), expected, "{path}");
        check("a/b/_manifests/revisions/sha256/0f/link", Some(LinkKind::Manifest("sha256:0f".to_owned())));
        check("a/_manifests/tags/v1/current/link", Some(LinkKind::Tag));
        check("a/_manifests/tags/v1/index/sha512/0f/link", Some(LinkKind::Other("sha512:0f".to_owned())));
        check("a/_layers/sha256/0f/link", Some(LinkKind::Other("sha256:0f".to_owned())));
        check("a/_layers/sha256/0f/link.left-out", None);
        check("a/_uploads/1/link", None);
    }
}
