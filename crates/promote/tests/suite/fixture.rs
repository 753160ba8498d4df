//! Two registries, a tree of manifests, and the program.

use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use base64::Engine;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stand_in::{Kind, PASSWORD, StandIn, USER};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_local-registry-promote");
pub(crate) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// What that text is, and an attestation.
pub(crate) const SIGNED_TEXT: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
pub(crate) const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

/// The certificate of an authority that nobody asks.
fn authority() -> &'static str {
    static AUTHORITY: OnceLock<String> = OnceLock::new();
    AUTHORITY.get_or_init(|| rcgen::generate_simple_self_signed(["example".to_owned()]).unwrap().cert.pem())
}

/// A staging registry, one that everyone pulls from, and a tree that promotes from the first to the second.
pub(crate) struct Fixture {
    pub(crate) staging: StandIn,
    pub(crate) production: StandIn,
    pub(crate) folder: TempDir,
}

impl Fixture {
    pub(crate) fn new(staging: Kind, production: Kind) -> Self {
        let (staging, production) = (StandIn::start(staging), StandIn::start(production));
        let folder = tempfile::tempdir().unwrap();
        let fixture = Self { staging, production, folder };
        fixture.write(
            "manifests/team/promoter-manifest.yaml",
            &format!(
                "registries:\n- name: {}/staging\n  src: true\n- name: {}/prod\n",
                fixture.staging.address, fixture.production.address
            ),
        );
        fixture
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Promotes these images: name, digest, tags.
    pub(crate) fn promote(&self, images: &[(&str, &str, &[&str])]) {
        let entries = images.iter().map(|(name, digest, tags)| {
            format!("- name: {name}\n  dmap:\n    \"{digest}\": {}\n", serde_json::to_string(tags).unwrap())
        });
        self.write("images/team/images.yaml", &entries.collect::<String>());
    }

    /// From now on, images go to another repository of the staging registry itself.
    pub(crate) fn promote_within_staging(&self) {
        let host = self.staging.address;
        let registries = format!("registries: [{{name: \"{host}/staging\", src: true}}, {{name: \"{host}/prod\"}}]");
        self.write("manifests/team/promoter-manifest.yaml", &registries);
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("DOCKER_CONFIG", self.folder.path());
        // Those of the machine take the program most of its time, unoptimised as it is here.
        self.write("authorities.pem", authority());
        command.env("SSL_CERT_FILE", self.folder.path().join("authorities.pem"));
        command
    }

    /// Runs the program. Requests that fail are sent again, but not for long.
    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        Answer::from_output(self.command(arguments).output().unwrap())
    }

    /// Signs in at both registries.
    pub(crate) fn sign_in(&self) {
        let auth = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
        let hosts = [&self.staging, &self.production].map(|registry| registry.address.to_string());
        let auths: serde_json::Map<String, Value> =
            hosts.into_iter().map(|host| (host, json!({"auth": auth.clone()}))).collect();
        self.write("config.json", &json!({"auths": auths}).to_string());
    }
}

/// What the program printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    pub(crate) fn from_output(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// What it printed, if all is well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self.stdout
    }

    /// What it printed, if something is not.
    #[track_caller]
    pub(crate) fn failed(self) -> String {
        assert_eq!(self.code, Some(1), "{}\n{}", self.stdout, self.stderr);
        self.stdout
    }
}

/// One of cosign's tags.
pub(crate) fn cosign_tag(image: &str, end: &str) -> String {
    format!("{}{end}", image.replace(':', "-"))
}

/// The text that cosign signs.
pub(crate) fn signed_text(image: &str) -> String {
    json!({"critical": {"image": {"docker-manifest-digest": image}, "type": "cosign container image signature"}})
        .to_string()
}

/// The lines of JSON that the program printed.
pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl StandIn {
    /// Stores an image of one platform with these layers, and returns its description.
    pub(crate) fn image(&self, repository: &str, tag: Option<&str>, platform: &str, layers: &[&[u8]]) -> Value {
        let config = json!({"architecture": platform, "os": "linux"}).to_string();
        let config = self.blob(repository, "application/vnd.oci.image.config.v1+json", config.as_bytes());
        let layers: Vec<Value> =
            layers.iter().map(|layer| self.blob(repository, "application/vnd.oci.image.layer.v1.tar", layer)).collect();
        let manifest = json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": layers});
        self.manifest(repository, tag, &manifest)
    }

    /// Stores an image of two platforms that share a layer, and returns its digest.
    pub(crate) fn index(&self, repository: &str, tag: &str, seed: &str) -> String {
        let children: Vec<Value> = ["amd64", "arm64"]
            .iter()
            .map(|platform| {
                let own = format!("{seed} for {platform}").repeat(100);
                self.image(repository, None, &format!("{platform} {seed}"), &[b"the base of all", own.as_bytes()])
            })
            .collect();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children, "x-unknown": 1.0});
        digest(&self.manifest(repository, Some(tag), &index))
    }

    /// Stores an artifact about a manifest.
    pub(crate) fn referrer(&self, repository: &str, subject: &Value, kind: &str) -> Value {
        let empty = self.blob(repository, "application/vnd.oci.empty.v1+json", b"{}");
        let layer = self.blob(repository, "application/json", format!("{kind} of {subject}").as_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": IMAGE, "artifactType": kind, "config": empty, "layers": [layer],
            "subject": subject
        });
        self.manifest(repository, None, &manifest)
    }

    /// Stores what cosign writes by a tag: layers of this type, each with this text and this signature.
    pub(crate) fn cosign(&self, repository: &str, tag: &str, media_type: &str, layers: &[(&str, &str)]) -> String {
        let config = self.blob(repository, "application/vnd.oci.image.config.v1+json", b"{}");
        let layers: Vec<Value> = layers
            .iter()
            .map(|(text, signature)| {
                let mut layer = self.blob(repository, media_type, text.as_bytes());
                layer["annotations"] = json!({"dev.cosignproject.cosign/signature": signature});
                layer
            })
            .collect();
        let manifest = json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": layers});
        digest(&self.manifest(repository, Some(tag), &manifest))
    }

    /// Signs an image by cosign's tag. All signatures are of the same text.
    pub(crate) fn sign(&self, repository: &str, image: &str, signatures: &[&str]) -> String {
        let payload = signed_text(image);
        let layers: Vec<(&str, &str)> = signatures.iter().map(|signature| (payload.as_str(), *signature)).collect();
        self.cosign(repository, &cosign_tag(image, ".sig"), SIGNED_TEXT, &layers)
    }

    /// Attests something about an image by cosign's tag.
    pub(crate) fn attest(&self, repository: &str, image: &str, subject: &str) -> String {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v0.1", "predicateType": "an/example", "predicate": {"a": 1},
            "subject": [{"name": "app", "digest": {"sha256": subject.strip_prefix("sha256:").unwrap()}}]
        });
        let payload = base64::engine::general_purpose::STANDARD.encode(statement.to_string());
        let envelope = json!({"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": []});
        self.cosign(repository, &cosign_tag(image, ".att"), ENVELOPE, &[(&envelope.to_string(), "")])
    }

    /// Describes a manifest that is there.
    pub(crate) fn describe(&self, repository: &str, digest: &str) -> Value {
        let store = self.store();
        let (media_type, bytes) = &store.manifests[&(repository.to_owned(), digest.to_owned())];
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }
}

pub(crate) fn digest(description: &Value) -> String {
    description["digest"].as_str().unwrap().to_owned()
}
