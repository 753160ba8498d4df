//! An image of this program: one layer, and nothing else in it.

use std::fs::File;
use std::io::{self, Read};

use bytes::Bytes;
use ring::digest::{SHA256, digest};
use serde_json::json;

/// The path of the program in the image.
const PATH: &str = "local-registry-sync";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// An image that can be pushed (OCI image specification 1.1).
pub(super) struct Image {
    pub(super) layer: Blob,
    pub(super) config: Blob,
    pub(super) manifest: Blob,
}

/// Bytes, with their digest.
pub(super) struct Blob {
    pub(super) media_type: &'static str,
    pub(super) bytes: Bytes,
    pub(super) digest: String,
}

impl Blob {
    fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        let digest = format!("sha256:{}", hexadecimal(digest(&SHA256, &bytes).as_ref()));
        Self { media_type, bytes: bytes.into(), digest }
    }

    fn descriptor(&self) -> serde_json::Value {
        json!({"mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len()})
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

impl Image {
    /// The image of the program that runs here. It prints its version.
    pub(super) fn of_this_program() -> io::Result<Self> {
        let program = File::open("/proc/self/exe")?;
        let length = program.metadata()?.len();
        Self::of(program, length)
    }

    fn of(program: impl Read, length: u64) -> io::Result<Self> {
        let mut header = tar::Header::new_ustar();
        header.set_size(length);
        header.set_mode(0o755);
        // The header, and what fills the last blocks. A vector that grows would take up to twice the memory.
        let mut layer = tar::Builder::new(Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 4096));
        layer.append_data(&mut header, PATH, program)?;
        let layer = Blob::new(LAYER, layer.into_inner()?);
        let config = json!({
            "architecture": architecture(),
            "os": "linux",
            "config": {"Entrypoint": [format!("/{PATH}")], "Cmd": ["--version"], "User": "65532:65532"},
            "rootfs": {"type": "layers", "diff_ids": [layer.digest]},
        });
        let config = Blob::new(CONFIG, config.to_string().into_bytes());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.descriptor(),
            "layers": [layer.descriptor()],
        });
        let manifest = Blob::new(MANIFEST, manifest.to_string().into_bytes());
        Ok(Self { layer, config, manifest })
    }

    /// The tag that it is pushed by. It differs for each image, so checks that run at the same time share none.
    pub(super) fn tag(&self) -> String {
        self.manifest.digest.trim_start_matches("sha256:").chars().take(16).collect()
    }
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
        let image = Image::of(b"program".as_slice(), 7).unwrap();
        let mut layer = tar::Archive::new(image.layer.bytes.as_ref());
        let mut entries = layer.entries().unwrap();
        let entry = entries.next().unwrap().unwrap();
        assert_eq!(entry.path().unwrap().to_str(), Some("local-registry-sync"));
        assert_eq!((entry.header().mode().unwrap(), entry.size()), (0o755, 7));
        assert!(entries.next().is_none());
        let manifest: serde_json::Value = serde_json::from_slice(&image.manifest.bytes).unwrap();
        assert_eq!(manifest["layers"][0]["digest"], image.layer.digest);
        assert_eq!(image.tag().len(), 16);
    }

    #[test]
    fn digests_are_hexadecimal() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Blob::new(LAYER, Vec::new()).digest, empty);
    }
}
