//! Where distribution keeps what: the paths of links and blobs below the folder of its storage.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The folder of all blobs, and that of all repositories.
pub(crate) const BLOBS: &str = "docker/registry/v2/blobs";
pub(crate) const REPOSITORIES: &str = "docker/registry/v2/repositories";
/// The name of a file that has the digest of a blob.
pub(crate) const LINK: &str = "link";
/// The end of the name of a file that is left out: to the registry, `link.left-out` and `data.left-out` are nothing.
pub(crate) const LEFT_OUT: &str = "left-out";

/// What a link is about, by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkKind {
    /// `_manifests/revisions/ALGORITHM/HEX/link`: a manifest of the repository, by its digest.
    Manifest(String),
    /// `_layers/ALGORITHM/HEX/link`, or `_manifests/tags/TAG/index/ALGORITHM/HEX/link`: a blob, or a manifest that the tag
    /// had, by its digest.
    Other(String),
    /// `_layers/sha512/HEX/link`: another name of a blob that is stored by its SHA-256.
    Alias,
    /// `_manifests/tags/TAG/current/link`: the manifest that a tag has.
    Tag,
    /// One of these forms, with something that is no digest in it.
    NoDigest,
}

impl LinkKind {
    /// What the link at a path is about; `None` for what the registry does not read.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let parts: Vec<&str> = path.iter().map(OsStr::to_str).collect::<Option<_>>()?;
        let (algorithm, hex, is_manifest) = match parts.as_slice() {
            [.., "_manifests", "tags", _, "current", LINK] => return Some(Self::Tag),
            [.., "_manifests", "revisions", algorithm, hex, LINK] => (algorithm, hex, true),
            [.., "_layers", algorithm, hex, LINK] | [.., "_manifests", "tags", _, "index", algorithm, hex, LINK] => {
                (algorithm, hex, false)
            }
            _ => return None,
        };
        let digest = format!("{algorithm}:{hex}");
        Some(match (is_digest(&digest), is_manifest) {
            (false, _) => Self::NoDigest,
            (true, true) => Self::Manifest(digest),
            (true, false) if *algorithm == "sha512" => Self::Alias,
            (true, false) => Self::Other(digest),
        })
    }
}

/// Whether a text is a digest that distribution reads.
pub(crate) fn is_digest(text: &str) -> bool {
    let is_hex = |hex: &str, length| hex.len() == length && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    text.strip_prefix("sha256:").is_some_and(|hex| is_hex(hex, 64))
        || text.strip_prefix("sha512:").is_some_and(|hex| is_hex(hex, 128))
}

/// The content of a blob.
pub(crate) fn blob(root: &Path, algorithm: &str, hex: &str) -> PathBuf {
    let folder = root.join(BLOBS).join(algorithm);
    folder.join(hex.get(..2).unwrap_or_default()).join(hex).join("data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_known_by_their_paths() {
        let check = |path: &str, expected| assert_eq!(LinkKind::of(Path::new(path)), expected, "{path}");
        let (hex, long) = ("0f".repeat(32), "0f".repeat(64));
        let digest = format!("sha256:{hex}");
        check(&format!("a/b/_manifests/revisions/sha256/{hex}/link"), Some(LinkKind::Manifest(digest.clone())));
        check("a/_manifests/tags/v1/current/link", Some(LinkKind::Tag));
        check(&format!("a/_manifests/tags/v1/index/sha256/{hex}/link"), Some(LinkKind::Other(digest.clone())));
        check(&format!("a/_layers/sha256/{hex}/link"), Some(LinkKind::Other(digest)));
        check(&format!("a/_layers/sha512/{long}/link"), Some(LinkKind::Alias));
        check("a/_layers/sha256/abc/link", Some(LinkKind::NoDigest));
        check(&format!("a/_layers/sha256/{hex}/link.left-out"), None);
        check("a/_uploads/1/link", None);
    }
}
