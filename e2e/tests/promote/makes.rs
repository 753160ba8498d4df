//! What buildah and skopeo pushed arrives byte by byte, from either make of registry to either.

use std::path::Path;
use std::process::Command;

use e2e::{LocalRegistry, Make, PromotionTree, ok, read_image, skopeo, write_layout};
use serde_json::{Value, json};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Pushes an index of two platforms, which buildah builds.
pub(crate) fn build(host: &str, folder: &Path) {
    let context = folder.join("context");
    std::fs::create_dir_all(&context).unwrap();
    std::fs::write(context.join("Dockerfile"), "FROM scratch\nARG TARGETARCH\nCOPY file /file\nLABEL of=$TARGETARCH\n")
        .unwrap();
    std::fs::write(context.join("file"), "the same for all\n".repeat(1000)).unwrap();
    let buildah = |arguments: &[&str]| {
        let mut command = Command::new("buildah");
        command.args([
            "--root",
            folder.join("root").to_str().unwrap(),
            "--runroot",
            folder.join("run").to_str().unwrap(),
        ]);
        command.args(arguments).envs([("STORAGE_DRIVER", "vfs"), ("BUILDAH_ISOLATION", "chroot")]);
        ok(command)
    };
    let platforms = "--platform=linux/amd64,linux/arm64";
    buildah(&["build", platforms, "--manifest", "app", context.to_str().unwrap()]);
    buildah(&["manifest", "push", "--all", "--tls-verify=false", "app", &format!("docker://{host}/staging/app:v1")]);
}

/// Pushes an artifact with a module for WebAssembly, which no container runtime knows.
fn artifact(host: &str, folder: &Path) -> String {
    let layout = folder.join("artifact");
    let digest = write_layout(&layout, |blob| {
        json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.wasm.config.v0+json",
            "config": blob("application/vnd.wasm.config.v0+json", b"{\"x\": 1e400}"),
            "layers": [blob("application/wasm", &[0, b'a', b's', b'm'].repeat(5000)), blob("text/plain", b"")],
            "annotations": {"an unknown one": "stays"}
        })
    });
    skopeo(&format!("oci:{}", layout.display()), &format!("docker://{host}/staging/module:v1"));
    digest
}

/// Pushes something about an image, by digest.
fn attach(host: &str, folder: &Path, subject: &Value) -> String {
    let layout = folder.join("referrer");
    let digest = write_layout(&layout, |blob| {
        json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.example.signature",
            "config": blob("application/vnd.oci.empty.v1+json", b"{}"), "layers": [blob("text/plain", b"by referrer")],
            "subject": subject
        })
    });
    skopeo(&format!("oci:{}", layout.display()), &format!("docker://{host}/staging/app@{digest}"));
    digest
}

/// Pushes a signature as cosign does, under its tag.
fn sign(host: &str, folder: &Path, image: &str, tag: &str) -> String {
    let layout = folder.join("signature");
    let text = json!({"critical": {"image": {"docker-manifest-digest": image}}}).to_string();
    let digest = write_layout(&layout, |blob| {
        let mut layer = blob("application/vnd.dev.cosign.simplesigning.v1+json", text.as_bytes());
        layer["annotations"] = json!({"dev.cosignproject.cosign/signature": "a signature"});
        json!({
            // skopeo would compress the layers of what has the configuration of an image.
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.example.signature",
            "config": blob("application/vnd.oci.empty.v1+json", b"{}"), "layers": [layer]
        })
    });
    skopeo(&format!("oci:{}", layout.display()), &format!("docker://{host}/staging/app:{tag}"));
    digest
}

/// Describes an image of a registry.
fn describe(image: &str) -> Value {
    let mut command = Command::new("skopeo");
    command.args(["inspect", "--raw", "--tls-verify=false", &format!("docker://{image}")]);
    let raw = ok(command);
    let manifest: Value = serde_json::from_str(&raw).unwrap();
    json!({"mediaType": manifest["mediaType"], "digest": local_registry_oci::digest_of(raw.as_bytes()), "size": raw.len()})
}

#[track_caller]
fn check(from: Make, to: Make) {
    let (staging, production) = (LocalRegistry::start(from), LocalRegistry::start(to));
    let folder = tempfile::tempdir().unwrap();
    build(&staging.host, folder.path());
    let module = artifact(&staging.host, folder.path());
    let subject = describe(&format!("{}/staging/app:v1", staging.host));
    let image = subject["digest"].as_str().unwrap().to_owned();
    let signature_tag = format!("{}.sig", image.replace(':', "-"));
    let by_tag = sign(&staging.host, folder.path(), &image, &signature_tag);
    let referrer = attach(&staging.host, folder.path(), &subject);
    if !from.has_referrers() {
        // Without the API, whoever attaches something lists it.
        let listed = describe(&format!("{}/staging/app@{referrer}", staging.host));
        let layout = folder.path().join("listed");
        let _ = write_layout(&layout, |blob| {
            // skopeo pushes an index with what it lists.
            for found in read_image(&format!("{}/staging/app@{referrer}", staging.host)).into_values() {
                blob("any/any", &found);
            }
            json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [listed]})
        });
        let tag = image.replace(':', "-");
        skopeo(&format!("oci:{}", layout.display()), &format!("docker://{}/staging/app:{tag}", staging.host));
    }

    let tree = PromotionTree::new(&staging.host, &production.host, "");
    tree.run(&["add", "app:v1", "module:v1"]).lines().for_each(|line| println!("{line}"));
    assert_eq!(tree.run(&["check"]), "valid: 1 project, 2 images, 2 digests, 2 edges\n");
    assert!(tree.run(&["run", "--confirm"]).ends_with("2 copied\n"));
    assert_eq!(tree.run(&["plan"]), "2 there\n");
    assert_eq!(tree.run(&["verify"]), "2 there\n");

    for name in [
        "app:v1".to_owned(),
        format!("app@{image}"),
        format!("app:{signature_tag}"),
        format!("app@{by_tag}"),
        format!("app@{referrer}"),
        "module:v1".to_owned(),
        format!("module@{module}"),
    ] {
        let read = |registry: &LocalRegistry, folder: &str| read_image(&format!("{}/{folder}/{name}", registry.host));
        let (expected, found) = (read(&staging, "staging"), read(&production, "prod"));
        assert!(expected.len() > 2);
        assert!(found == expected, "{name} has other bytes");
    }
    if !to.has_referrers() {
        let index = describe(&format!("{}/prod/app:{}", production.host, image.replace(':', "-")));
        assert_eq!(index["mediaType"], "application/vnd.oci.image.index.v1+json");
    }
}

/// Registries that are as old as Debian's, in both directions. Needs the package `docker-registry`.
#[test]
fn distribution_2_to_distribution_3_and_back() {
    if !Make::Distribution2.is_here() {
        println!("left out, since `docker-registry` is not in PATH: promotions from and to distribution 2.8");
        return;
    }
    check(Make::Distribution2, Make::Distribution);
    check(Make::GoContainerRegistry, Make::Distribution2);
}

#[test]
fn distribution_to_distribution() {
    check(Make::Distribution, Make::Distribution);
}

#[test]
fn distribution_to_go_containerregistry() {
    check(Make::Distribution, Make::GoContainerRegistry);
}

#[test]
fn go_containerregistry_to_distribution() {
    check(Make::GoContainerRegistry, Make::Distribution);
}

#[test]
fn go_containerregistry_to_go_containerregistry() {
    check(Make::GoContainerRegistry, Make::GoContainerRegistry);
}
