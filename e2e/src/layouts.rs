//! Images as folders: OCI layouts that tests write, and that skopeo pushes and reads back.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use local_registry_oci::digest_of;
use serde_json::{Value, json};

use crate::registries::ok;

/// Writes a layout with one image, and returns the image's digest.
#[must_use]
pub fn write_layout(folder: &Path, manifest: impl FnOnce(&dyn Fn(&str, &[u8]) -> Value) -> Value) -> String {
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let blob = |media_type: &str, bytes: &[u8]| {
        let digest = digest_of(bytes);
        std::fs::write(blobs.join(digest.hex()), bytes).unwrap();
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    };
    let manifest = manifest(&blob);
    let media_type = manifest["mediaType"].as_str().unwrap().to_owned();
    let image = blob(&media_type, manifest.to_string().as_bytes());
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    std::fs::write(folder.join("index.json"), json!({"schemaVersion": 2, "manifests": [image]}).to_string()).unwrap();
    image["digest"].as_str().unwrap().to_owned()
}

/// Copies by skopeo, with all platforms, and every byte as it is.
pub fn skopeo(from: &str, to: &str) {
    let mut command = Command::new("skopeo");
    command.args([
        "copy",
        "--all",
        "--preserve-digests",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        from,
        to,
    ]);
    let _ = ok(command);
}

/// Everything of an image, as skopeo reads it: bytes by digest.
#[must_use]
pub fn read_image(image: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("layout");
    skopeo(&format!("docker://{image}"), &format!("oci:{}", layout.display()));
    let files = std::fs::read_dir(layout.join("blobs/sha256")).unwrap().map(|file| file.unwrap().path());
    let named =
        files.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap()));
    named.collect()
}
