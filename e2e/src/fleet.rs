//! Many small images in a registry.

use local_registry_oci::digest_of;
use reqwest::blocking::Client;
use serde_json::{Value, json};

const PLATFORMS: [&str; 5] = ["amd64", "arm64", "ppc64le", "riscv64", "s390x"];
const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Pushes images of five platforms, `staging/app000:v1` and so on, each with a layer and a configuration of its own for each
/// platform. Returns the lines of `images.yaml` that promote them.
#[must_use]
pub fn fleet(host: &str, images: usize) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build().unwrap();
    let names = (0..images).map(|at| format!("app{at:03}"));
    let line = |name: String| {
        let digest = push(&client, host, &name);
        format!("- name: {name}\n  dmap:\n    \"{digest}\": [\"v1\"]\n")
    };
    names.map(line).collect::<Vec<_>>().concat()
}

fn push(client: &Client, host: &str, name: &str) -> String {
    let base = format!("http://{host}/v2/staging/{name}");
    let blob = |media_type: &str, bytes: Vec<u8>| {
        let digest = digest_of(&bytes);
        let size = bytes.len();
        let begun = client.post(format!("{base}/blobs/uploads/")).send().unwrap().error_for_status().unwrap();
        let location = begun.headers()["location"].to_str().unwrap();
        let mut url = begun.url().join(location).unwrap();
        url.query_pairs_mut().append_pair("digest", digest.as_str());
        client.put(url).body(bytes).send().unwrap().error_for_status().unwrap();
        json!({"mediaType": media_type, "digest": digest, "size": size})
    };
    let manifest = |tag: Option<&str>, manifest: &Value| {
        let (bytes, media_type) = (manifest.to_string(), manifest["mediaType"].as_str().unwrap());
        let digest = digest_of(bytes.as_bytes());
        let size = bytes.len();
        let url = format!("{base}/manifests/{}", tag.unwrap_or(digest.as_str()));
        let request = client.put(url).header("content-type", media_type).body(bytes);
        request.send().unwrap().error_for_status().unwrap();
        json!({"mediaType": media_type, "digest": digest, "size": size})
    };
    let children: Vec<Value> = PLATFORMS
        .iter()
        .map(|platform| {
            let config = json!({"architecture": platform, "os": "linux", "of": name}).to_string();
            // 20 KB that do not repeat.
            let layer: Vec<u8> = (0..625_u32)
                .flat_map(|at| {
                    digest_of(format!("{name} {platform} {at}").as_bytes()).hex()[..32].to_owned().into_bytes()
                })
                .collect();
            manifest(
                None,
                &json!({
                    "schemaVersion": 2, "mediaType": IMAGE,
                    "config": blob("application/vnd.oci.image.config.v1+json", config.into_bytes()),
                    "layers": [blob("application/vnd.oci.image.layer.v1.tar", layer)]
                }),
            )
        })
        .collect();
    let index = manifest(Some("v1"), &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}));
    index["digest"].as_str().unwrap().to_owned()
}
