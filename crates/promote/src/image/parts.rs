//! What a manifest refers to, and what of that cannot be promoted.

use std::borrow::Cow;
use std::collections::HashSet;

use local_registry_core::{Digest, Quoted};
use local_registry_oci::{Blob, RawManifest};
use serde::Deserialize;
use serde::de::IgnoredAny;
use thiserror::Error;
use tokio::task::spawn_blocking;

/// What a manifest refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts {
    /// What the manifest is pushed as.
    pub(crate) media_type: String,
    /// Configuration and layers, each once. Not those that anybody takes from where their owner offers them.
    pub(crate) blobs: Vec<Blob>,
    /// The manifests of an index, each once.
    pub(crate) children: Vec<Digest>,
    /// The manifest that this one is about.
    pub(crate) subject: Option<Digest>,
    /// Those of the blobs that are not to be distributed, but are offered nowhere else, and what they are.
    pub(crate) foreign: Vec<(Blob, String)>,
    /// Whether it is an index, which may have no children.
    pub(crate) is_index: bool,
}

/// A manifest cannot be promoted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the manifest {digest} {kind}")]
pub(crate) struct PartsError {
    digest: Digest,
    kind: PartsErrorKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
enum PartsErrorKind {
    #[error("is not valid JSON, or has wrong types: line {line} column {column}")]
    Json { line: usize, column: usize },
    #[error("has the old format schema 1, whose digest depends on the registry; build the image anew")]
    Schema1,
    #[error("is both an image and an index; it is not clear what it means")]
    Ambiguous,
    #[error("is neither an image, nor an index, nor an artifact, or says that it is something else (media type {})", Quoted(.0))]
    Unknown(String),
    #[error("names {}, which is not a SHA-256 digest", Quoted(.0))]
    Digest(String),
    #[error(
        "has the layer {digest} of the type {}, which must not be distributed; build the image on another base",
        Quoted(media_type)
    )]
    Foreign { digest: Digest, media_type: String },
    #[error("could not be read: {0}")]
    Stopped(String),
}

/// The fields of any manifest that refer to something. Whatever else is in it takes no memory.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(borrow)]
    media_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    config: Option<Described<'a>>,
    #[serde(borrow)]
    layers: Option<Vec<Described<'a>>>,
    #[serde(borrow)]
    blobs: Option<Vec<Described<'a>>>,
    #[serde(borrow)]
    manifests: Option<Vec<Described<'a>>>,
    #[serde(borrow)]
    subject: Option<Described<'a>>,
    fs_layers: Option<IgnoredAny>,
}

/// The fields of a descriptor that matter here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described<'a> {
    #[serde(borrow)]
    media_type: Cow<'a, str>,
    #[serde(borrow)]
    digest: Cow<'a, str>,
    size: u64,
    urls: Option<Vec<IgnoredAny>>,
}

/// What an index is, and what an image or an artifact is. The first is what one is without a type.
const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
const IMAGES: [&str; 3] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.artifact.manifest.v1+json",
];

/// Layers of these types are to be taken from where their owner offers them.
const FOREIGN: [&str; 2] =
    ["application/vnd.docker.image.rootfs.foreign.", "application/vnd.oci.image.layer.nondistributable."];
/// Longer manifests are read beside the only thread that asks registries.
const SHORT: usize = 64 << 10;

impl Parts {
    /// Reads a manifest.
    pub(crate) fn read(manifest: &RawManifest) -> Result<Self, PartsError> {
        refers(manifest).map_err(|kind| PartsError { digest: manifest.digest.clone(), kind })
    }

    /// Reads a manifest of any length, and lets others go on meanwhile.
    pub(crate) async fn read_aside(manifest: &RawManifest) -> Result<Self, PartsError> {
        if manifest.bytes.len() <= SHORT {
            return Self::read(manifest);
        }
        let copy = manifest.clone();
        spawn_blocking(move || Self::read(&copy)).await.unwrap_or_else(|error| {
            Err(PartsError { digest: manifest.digest.clone(), kind: PartsErrorKind::Stopped(error.to_string()) })
        })
    }

    /// The error for a layer that neither the source nor anybody else has.
    pub(crate) fn foreign(manifest: &Digest, (blob, media_type): &(Blob, String)) -> PartsError {
        let (digest, media_type) = (blob.digest.clone(), media_type.clone());
        PartsError { digest: manifest.clone(), kind: PartsErrorKind::Foreign { digest, media_type } }
    }

    /// How many bytes its blobs have together.
    pub(crate) fn size(&self) -> u64 {
        self.blobs.iter().fold(0, |sum, blob| sum.saturating_add(blob.size))
    }
}

/// What a manifest refers to, or why it cannot be promoted.
fn refers(manifest: &RawManifest) -> Result<Parts, PartsErrorKind> {
    // An error of serde_json may quote what it found.
    let document: Document<'_> = serde_json::from_slice(&manifest.bytes)
        .map_err(|error| PartsErrorKind::Json { line: error.line(), column: error.column() })?;
    let Document { media_type, config, layers, blobs, manifests, subject, fs_layers } = document;
    if fs_layers.is_some() {
        return Err(PartsErrorKind::Schema1);
    }
    // Whoever reads it by another type could take it for something else (CVE-2021-41190).
    let has_layers = config.is_some() || layers.is_some() || blobs.is_some();
    let is_index = manifests.is_some();
    let types: &[&str] = match (is_index, has_layers) {
        (true, true) => return Err(PartsErrorKind::Ambiguous),
        (false, false) => return Err(PartsErrorKind::Unknown(media_type.unwrap_or_default().into_owned())),
        (true, false) => &INDEXES,
        (false, true) => &IMAGES,
    };
    let media_type = match media_type {
        Some(own) if types.contains(&&*own) => own.into_owned(),
        Some(own) => return Err(PartsErrorKind::Unknown(own.into_owned())),
        // The content says which of both it is, and the registry only in which format.
        None => types
            .iter()
            .find(|known| **known == manifest.media_type)
            .or(types.first())
            .map_or_else(String::new, |known| (*known).to_owned()),
    };
    let mut parts =
        Parts { media_type, blobs: Vec::new(), children: Vec::new(), subject: None, foreign: Vec::new(), is_index };
    let mut known = HashSet::new();
    for described in config.iter().chain(layers.iter().flatten()).chain(blobs.iter().flatten()) {
        let blob = Blob { digest: digest(described)?, size: described.size };
        if !known.insert((&*described.digest, described.size)) {
            continue;
        }
        if FOREIGN.iter().any(|foreign| described.media_type.starts_with(foreign)) {
            if described.urls.as_ref().is_some_and(|urls| !urls.is_empty()) {
                continue;
            }
            parts.foreign.push((blob.clone(), described.media_type.clone().into_owned()));
        }
        parts.blobs.push(blob);
    }
    let mut known = HashSet::new();
    for described in manifests.iter().flatten() {
        let child = digest(described)?;
        if known.insert(&*described.digest) {
            parts.children.push(child);
        }
    }
    parts.subject = subject.as_ref().map(digest).transpose()?;
    Ok(parts)
}

/// The digest of a descriptor.
fn digest(described: &Described<'_>) -> Result<Digest, PartsErrorKind> {
    described.digest.parse().map_err(|_| PartsErrorKind::Digest(described.digest.clone().into_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::image::Layer;

    const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn parts(text: &str) -> Result<Parts, String> {
        let bytes = bytes::Bytes::copy_from_slice(text.as_bytes());
        let manifest = RawManifest { digest: A.parse().unwrap(), bytes, media_type: "application/x".to_owned() };
        Parts::read(&manifest).map_err(|error| error.to_string())
    }

    fn descriptor(media_type: &str, digest: &str) -> String {
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":2}}"#)
    }

    #[track_caller]
    fn check_refused(text: &str, message: &str) {
        assert_eq!(parts(text), Err(format!("the manifest {A} {message}")));
    }

    #[test]
    fn an_artifact_has_its_blobs_once() {
        let (config, layer) = (descriptor("application/vnd.oci.empty.v1+json", B), descriptor("a/b", A));
        let found = parts(&format!(
            r#"{{"schemaVersion":2,"config":{config},"layers":[{config},{layer},{layer}],"subject":{layer}}}"#
        ))
        .unwrap();
        let digests: Vec<&str> = found.blobs.iter().map(|blob| blob.digest.as_str()).collect();
        assert_eq!(digests, [B, A]);
        assert_eq!(found.media_type, "application/vnd.oci.image.manifest.v1+json");
        assert_eq!(found.subject.unwrap().as_str(), A);
    }

    #[test]
    fn an_index_has_children() {
        let child = descriptor("application/vnd.oci.image.manifest.v1+json", B);
        let found = parts(&format!(r#"{{"manifests":[{child},{child}]}}"#)).unwrap();
        let index = "application/vnd.oci.image.index.v1+json";
        assert_eq!((found.media_type.as_str(), found.children.len(), found.blobs.len()), (index, 1, 0));
        assert_eq!(parts(r#"{"manifests":[]}"#).unwrap().children, []);
    }

    #[test]
    fn a_layer_that_its_owner_offers_is_no_blob() {
        let media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
        let offered =
            format!(r#"{{"mediaType":"{media_type}","digest":"{A}","size":2,"urls":["https://owner.example"]}}"#);
        let lonely = descriptor(media_type, B);
        let found = parts(&format!(r#"{{"layers":[{offered},{lonely}]}}"#)).unwrap();
        let blob = Blob { digest: B.parse().unwrap(), size: 2 };
        assert_eq!((found.blobs, found.foreign), (vec![blob.clone()], vec![(blob.clone(), media_type.to_owned())]));
        let expected = format!(
            "the manifest {A} has the layer {B} of the type `{media_type}`, which must not be distributed; build the image on another base"
        );
        assert_eq!(Parts::foreign(&A.parse().unwrap(), &(blob, media_type.to_owned())).to_string(), expected);
    }

    #[test]
    fn what_cannot_be_promoted_is_refused_with_a_reason() {
        check_refused("{", "is not valid JSON, or has wrong types: line 1 column 1");
        check_refused(
            r#"{"schemaVersion":1,"fsLayers":[]}"#,
            "has the old format schema 1, whose digest depends on the registry; build the image anew",
        );
        check_refused(
            r#"{"manifests":[],"layers":[]}"#,
            "is both an image and an index; it is not clear what it means",
        );
        check_refused(
            "{}",
            "is neither an image, nor an index, nor an artifact, or says that it is something else (media type ``)",
        );
        let image = "application/vnd.oci.image.manifest.v1+json";
        check_refused(
            &format!(r#"{{"mediaType":"{image}","manifests":[]}}"#),
            &format!(
                "is neither an image, nor an index, nor an artifact, or says that it is something else (media type `{image}`)"
            ),
        );
        let sha512 = descriptor("a/b", &format!("sha512:{}", "a".repeat(128)));
        check_refused(
            &format!(r#"{{"layers":[{sha512}]}}"#),
            &format!("names `sha512:{}…`, which is not a SHA-256 digest", "a".repeat(73)),
        );
    }

    /// Manifests as people push them, to be changed.
    fn written() -> impl Strategy<Value = Vec<u8>> {
        let (config, layer) = (descriptor("application/vnd.oci.image.config.v1+json", A), descriptor("a/b", B));
        let (image, index) = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json");
        let urls = layer.replace('}', r#","urls":["https://owner.example"],"annotations":{"a":"b"}}"#);
        proptest::sample::select(vec![
            format!(r#"{{"schemaVersion":2,"mediaType":"{image}","config":{config},"layers":[{layer},{urls}],"subject":{layer}}}"#),
            format!(r#"{{"schemaVersion":2,"mediaType":"{index}","manifests":[{config},{layer}],"annotations":{{}}}}"#),
            format!(r#"{{"schemaVersion":1,"fsLayers":[{{"blobSum":"{A}"}}],"history":[]}}"#),
        ])
        .prop_map(String::into_bytes)
    }

    proptest! {
        /// `make fuzz` tries many more.
        #[test]
        fn a_manifest_that_was_changed_is_read_or_refused(
            mut text in written(),
            edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>(), 1..40_usize), 1..8),
        ) {
            for (at, edit, byte, length) in edits {
                let at = at.index(text.len().max(1)).min(text.len());
                let end = (at + length).min(text.len());
                match edit {
                    0 => text.splice(at..end.min(at + 1), [byte]).for_each(drop),
                    1 => text.splice(at..end, []).for_each(drop),
                    2 => text.splice(at..at, text[at..end].to_vec()).for_each(drop),
                    _ => text.splice(at..at, *br#"{"":[]}"#).for_each(drop),
                }
            }
            let manifest = RawManifest { digest: A.parse().unwrap(), bytes: text.into(), media_type: String::new() };
            if let Ok(parts) = Parts::read(&manifest) {
                prop_assert_eq!(parts.is_index || parts.children.is_empty(), true);
                prop_assert!(!parts.media_type.is_empty());
            }
            let _ = Layer::all_of(&manifest);
        }
    }
}
