//! An image of this program: one layer, and nothing else in it.

use std::fs::File;
use std::io::{self, Read};

use bytes::Bytes;
use local_registry_core::registry::TagError;
use local_registry_core::{Digest, Tag};
use local_registry_oci::{RawManifest, digest_of};
use serde_json::{Value, json};
use thiserror::Error;

/// The path of the program in the image.
const PATH: &str = "local-registry-sync";
/// What the image's manifest is.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// How many digits of the manifest's digest the tag has.
const TAG_LENGTH: usize = 16;

/// An image that can be pushed (OCI image specification 1.1).
pub(super) struct Image {
    pub(super) layer: Bytes,
    pub(super) config: Bytes,
    pub(super) manifest: RawManifest,
    /// The tag that it is pushed by. It differs for each image, so checks that run at the same time share none.
    pub(super) tag: Tag,
}

/// Why there is no image.
#[derive(Debug, Error)]
pub(super) enum ImageError {
    #[error(transparent)]
    Program(#[from] io::Error),
    #[error(transparent)]
    Tag(#[from] TagError),
}

impl Image {
    /// The image of the program that runs here. It prints its version.
    pub(super) fn of_this_program() -> Result<Self, ImageError> {
        let program = File::open("/proc/self/exe")?;
        let length = program.metadata()?.len();
        Self::build(program, length)
    }

    pub(super) fn build(program: impl Read, length: u64) -> Result<Self, ImageError> {
        let mut header = tar::Header::new_ustar();
        header.set_size(length);
        header.set_mode(0o755);
        // The header, and what fills the last blocks. A vector that grows would take up to twice the memory.
        let mut layer = tar::Builder::new(Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 4096));
        layer.append_data(&mut header, PATH, program)?;
        let layer = Bytes::from(layer.into_inner()?);
        let layer_digest = digest_of(&layer);
        let config = json!({
            "architecture": architecture(),
            "os": "linux",
            "config": {"Entrypoint": [format!("/{PATH}")], "Cmd": ["--version"], "User": "65532:65532"},
            "rootfs": {"type": "layers", "diff_ids": [layer_digest.as_str()]},
        });
        let config = Bytes::from(config.to_string());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIG, &digest_of(&config), config.len()),
            "layers": [descriptor(LAYER, &layer_digest, layer.len())],
        });
        let manifest = RawManifest::new(MANIFEST, manifest.to_string());
        let tag: String = manifest.digest.hex().chars().take(TAG_LENGTH).collect();
        Ok(Self { layer, config, manifest, tag: tag.parse()? })
    }
}

fn descriptor(media_type: &str, digest: &Digest, size: usize) -> Value {
    json!({"mediaType": media_type, "digest": digest.as_str(), "size": size})
}

/// The architecture of this program, as Kubernetes names it.
pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layer_holds_the_program() {
        let image = Image::build(b"program".as_slice(), 7).unwrap();
        let mut layer = tar::Archive::new(image.layer.as_ref());
        let mut entries = layer.entries().unwrap();
        let entry = entries.next().unwrap().unwrap();
        assert_eq!(entry.path().unwrap().to_str(), Some("local-registry-sync"));
        assert_eq!((entry.header().mode().unwrap(), entry.size()), (0o755, 7));
        assert!(entries.next().is_none());
        let manifest: Value = serde_json::from_slice(&image.manifest.bytes).unwrap();
        assert_eq!(manifest["layers"][0]["digest"], digest_of(&image.layer).as_str());
        assert_eq!(image.manifest.digest.hex().get(..16), Some(image.tag.as_str()));
    }
}
