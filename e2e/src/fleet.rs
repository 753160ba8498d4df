//! Many small images in a registry.

use std::time::Duration;

use local_registry_oci::{
    Connection, Credentials, Limits, RawManifest, Reference, Registries, Registry, Repository, digest_of,
};
use serde_json::{Value, json};

const PLATFORMS: [&str; 5] = ["amd64", "arm64", "ppc64le", "riscv64", "s390x"];
const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Pushes images of five platforms, `staging/app000:v1` and so on, each with a layer and a configuration of its own for each
/// platform. Returns the lines of `images.yaml` that promote them.
#[must_use]
pub fn fleet(host: &str, images: usize) -> String {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let registries = Registries::new(Connection {
        program: "local-registry-e2e",
        plain_http: [host.to_owned()].into(),
        credentials: Credentials::from_files([]),
        limits: Limits { at_once: 16, per_second: None, retries: 0 },
        timeout: Duration::from_secs(30),
    });
    let registries = registries.unwrap();
    let names = (0..images).map(|at| format!("app{at:03}"));
    let line = |name: String| {
        let repository = Repository::parse(&format!("{host}/staging/{name}")).unwrap();
        let registry = registries.registry(&repository).unwrap();
        let digest = runtime.block_on(Push { registry: &registry, repository: &repository }.image(&name));
        format!("- name: {name}\n  dmap:\n    \"{digest}\": [\"v1\"]\n")
    };
    names.map(line).collect::<Vec<_>>().concat()
}

/// Pushes to one repository.
struct Push<'a> {
    registry: &'a Registry,
    repository: &'a Repository,
}

impl Push<'_> {
    async fn image(&self, name: &str) -> String {
        let mut children = Vec::new();
        for platform in PLATFORMS {
            let config = json!({"architecture": platform, "os": "linux", "of": name}).to_string();
            // 20 KB that do not repeat.
            let layer: Vec<u8> = (0..625_u32)
                .flat_map(|at| {
                    digest_of(format!("{name} {platform} {at}").as_bytes()).hex()[..32].to_owned().into_bytes()
                })
                .collect();
            let manifest = json!({
                "schemaVersion": 2, "mediaType": IMAGE,
                "config": self.blob("application/vnd.oci.image.config.v1+json", config.into_bytes()).await,
                "layers": [self.blob("application/vnd.oci.image.layer.v1.tar", layer).await]
            });
            children.push(self.manifest(None, IMAGE, &manifest).await);
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children});
        self.manifest(Some("v1"), INDEX, &index).await["digest"].as_str().unwrap().to_owned()
    }

    async fn blob(&self, media_type: &str, bytes: Vec<u8>) -> Value {
        let blob = self.registry.push_blob(self.repository, bytes.into()).await.unwrap();
        json!({"mediaType": media_type, "digest": blob.digest, "size": blob.size})
    }

    async fn manifest(&self, tag: Option<&str>, media_type: &str, manifest: &Value) -> Value {
        let manifest = RawManifest::new(media_type, manifest.to_string());
        let tag = tag.map(|tag| tag.parse().unwrap());
        let reference = tag.as_ref().map_or(Reference::Digest(&manifest.digest), Reference::Tag);
        self.registry.put_manifest(self.repository, reference, media_type, &manifest).await.unwrap();
        json!({"mediaType": media_type, "digest": manifest.digest, "size": manifest.bytes.len()})
    }
}
