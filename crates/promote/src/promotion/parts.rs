//! What a manifest refers to, and what of that cannot be promoted.

use local_registry_core::Quoted;
use oci_spec::image::Descriptor;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use thiserror::Error;

use local_registry_core::Digest;
use local_registry_oci::{Blob, RawManifest};

/// What a manifest refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    /// What the manifest is pushed as.
    pub(super) media_type: String,
    /// Configuration and layers, each once.
    pub(super) blobs: Vec<Blob>,
    /// The manifests of an index, each once.
    pub(super) children: Vec<Digest>,
    /// The manifest that this one is about.
    pub(super) subject: Option<Digest>,
    /// The layers of an image as they are described, with annotations: cosign keeps signatures there.
    layers: Vec<Value>,
}

/// A manifest cannot be promoted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the manifest {digest} {kind}")]
pub(super) struct PartsError {
    digest: Digest,
    kind: PartsErrorKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
enum PartsErrorKind {
    #[error("is not valid JSON, or has wrong types: line {line} column {column}")]
    Json { line: usize, column: usize },
    #[error("has a layer that is not described as it should be")]
    Layers,
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
    Foreign { digest: String, media_type: String },
}

/// The fields of any manifest that refer to something.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Value>>,
    blobs: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    fs_layers: Option<IgnoredAny>,
}

/// What an index is, and what an image or an artifact is. The first is what one is without a type.
const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
const IMAGES: [&str; 3] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.artifact.manifest.v1+json",
];

/// Layers of these types may only be taken from where their owner offers them.
const FOREIGN: [&str; 2] =
    ["application/vnd.docker.image.rootfs.foreign.", "application/vnd.oci.image.layer.nondistributable."];

impl Parts {
    /// Reads a manifest.
    pub(super) fn read(manifest: &RawManifest) -> Result<Self, PartsError> {
        let failed = |kind| PartsError { digest: manifest.digest.clone(), kind };
        refers(manifest).map_err(failed)
    }

    /// Whether this is a manifest of signatures that has all those of another one, as they are described.
    pub(super) fn has_signatures_of(&self, other: &Self) -> bool {
        let is_manifest = |parts: &Self| parts.children.is_empty() && !parts.layers.is_empty();
        is_manifest(self) && is_manifest(other) && other.layers.iter().all(|layer| self.layers.contains(layer))
    }
}

/// What a manifest refers to, or why it cannot be promoted.
fn refers(manifest: &RawManifest) -> Result<Parts, PartsErrorKind> {
    // An error of serde_json may quote what it found.
    let document: Document = serde_json::from_slice(&manifest.bytes)
        .map_err(|error| PartsErrorKind::Json { line: error.line(), column: error.column() })?;
    let Document { media_type, config, layers, blobs, manifests, subject, fs_layers } = document;
    if fs_layers.is_some() {
        return Err(PartsErrorKind::Schema1);
    }
    // Whoever reads it by another type could take it for something else (CVE-2021-41190).
    let has_layers = config.is_some() || layers.is_some() || blobs.is_some();
    let types: &[&str] = match (manifests.is_some(), has_layers) {
        (true, true) => return Err(PartsErrorKind::Ambiguous),
        (false, false) => return Err(PartsErrorKind::Unknown(media_type.unwrap_or_default())),
        (true, false) => &INDEXES,
        (false, true) => &IMAGES,
    };
    let media_type = match media_type {
        Some(own) if types.contains(&own.as_str()) => own,
        Some(own) => return Err(PartsErrorKind::Unknown(own)),
        // The content says which of both it is, and the registry only in which format.
        None => types
            .iter()
            .find(|known| **known == manifest.media_type)
            .or(types.first())
            .map_or_else(String::new, |known| (*known).to_owned()),
    };
    let layers = layers.unwrap_or_default();
    let described: Vec<Descriptor> = layers
        .iter()
        .map(|layer| serde_json::from_value(layer.clone()))
        .collect::<Result<_, _>>()
        .map_err(|_| PartsErrorKind::Layers)?;
    let mut parts = Parts { media_type, blobs: Vec::new(), children: Vec::new(), subject: None, layers };
    for descriptor in config.iter().chain(&described).chain(blobs.iter().flatten()) {
        let media_type = descriptor.media_type().to_string();
        if FOREIGN.iter().any(|foreign| media_type.starts_with(foreign)) {
            return Err(PartsErrorKind::Foreign { digest: descriptor.digest().to_string(), media_type });
        }
        let blob = Blob { digest: digest(descriptor)?, size: descriptor.size() };
        if !parts.blobs.contains(&blob) {
            parts.blobs.push(blob);
        }
    }
    for descriptor in manifests.iter().flatten() {
        let child = digest(descriptor)?;
        if !parts.children.contains(&child) {
            parts.children.push(child);
        }
    }
    parts.subject = subject.as_ref().map(digest).transpose()?;
    Ok(parts)
}

/// The digest of a descriptor.
fn digest(descriptor: &Descriptor) -> Result<Digest, PartsErrorKind> {
    let text = descriptor.digest().to_string();
    text.parse().map_err(|_| PartsErrorKind::Digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let foreign = descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", B);
        check_refused(
            &format!(r#"{{"layers":[{foreign}]}}"#),
            &format!(
                "has the layer {B} of the type `application/vnd.docker.image.rootfs.foreign.diff.tar.gzip`, which must not be distributed; build the image on another base"
            ),
        );
        let sha512 = descriptor("a/b", &format!("sha512:{}", "a".repeat(128)));
        check_refused(
            &format!(r#"{{"layers":[{sha512}]}}"#),
            &format!("names `sha512:{}…`, which is not a SHA-256 digest", "a".repeat(73)),
        );
    }
}
