//! The garbage collection.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use e2e::{eventually, values};
use serde_json::{Value, json};

use crate::http::{self, Answer};
use crate::kit::{self, Kit, REGISTRY, hello, saying, storage};

/// The media type of the images that these scenarios push.
const MANIFEST: &str = "Accept: application/vnd.oci.image.manifest.v1+json\r\n";

#[test]
fn the_garbage_collection_frees_what_no_manifest_names() {
    let kit = kit::with(&[]);
    kit.push(&saying("freed"), "team/freed:v1");
    kit.push(&saying("kept"), "team/kept:v1");
    let (freed, freed_configuration) = digests(&kit, "team/freed");
    let (kept, kept_configuration) = digests(&kit, "team/kept");
    // The tag moves on, and only the digest names the image.
    kit.push(&hello(), "team/kept:v1");
    assert_ne!(digests(&kit, "team/kept").0, kept);
    // Any pod could delete what others run.
    let delete = || ask(&kit, "DELETE", &format!("/v2/team/freed/manifests/{freed}"));
    assert_eq!(delete().status, 405);
    install_with(&kit, "/registry/delete", true);
    let deleted = delete();
    assert_eq!(deleted.status, 202, "{deleted:?}");
    // As after a loss of power: a link of a layer, that of the manifest, and another manifest.
    kit.push(&saying("lost"), "team/lost:v1");
    let (lost, _) = digests(&kit, "team/lost");
    let repositories = storage().join("docker/registry/v2/repositories");
    let [kept_link, lost_link] = [("team/kept", &kept), ("team/lost", &lost)].map(|(repository, digest)| {
        let hex = digest.strip_prefix("sha256:").unwrap();
        repositories.join(repository).join("_manifests/revisions/sha256").join(hex).join("link")
    });
    let layer = first_link(&repositories.join("team/kept/_layers/sha256"));
    for path in [&kept_link, &layer, &blob_path(&lost)] {
        fs::write(path, "").unwrap();
    }
    // And what any pod may push: an index with nothing in it, into a repository that has no layer.
    let index = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    let kind = "Content-Type: application/vnd.oci.image.index.v1+json\r\n";
    let address = format!("{}:5000", kit.address("registry"));
    let pushed = http::ask(&address, "PUT", "/v2/evil/manifests/v1", kind, index.as_bytes());
    assert_eq!(pushed.status, 201, "{pushed:?}");
    assert!(blob(&freed_configuration) && blob(&kept_configuration));

    // While a registry takes writes, the garbage collection waits.
    install_with(&kit, "/registry/garbageCollection/enabled", true);
    let waited = "--output=jsonpath={.items[?(@.reason==\"FailedScheduling\")].involvedObject.name}";
    let waited = kit.node.kubectl.ok(&["get", "events", "--namespace=local-registry", waited]);
    let is_collection = |pod: &str| pod.starts_with("registry-garbage-collection-");
    assert!(waited.split(' ').any(is_collection), "the garbage collection has not waited: {waited}");
    let name = format!("{REGISTRY}/team/late:v1");
    let refused = kit.node.push(&hello(), &name, &[kit::WITHOUT_TLS]);
    assert!(!refused.succeeded, "{}", refused.output);
    assert_eq!(kit.node.pull(&format!("{REGISTRY}/team/kept@{kept}")).ok(), "kept\n");
    let complete = ["wait", "--for=condition=Complete", "job/registry-garbage-collection"];
    kit.node.kubectl.ok(&[&complete[..], &["--namespace=local-registry", "--timeout=120s"]].concat());
    let log = ["logs", "job/registry-garbage-collection", "--container=repair", "--namespace=local-registry"];
    let log = kit.node.kubectl.ok(&log);
    for (path, outcome) in [
        (&kept_link, "is empty; written again"),
        (&layer, "is empty; written again"),
        (&repositories.join("evil/_layers"), "is missing; written again"),
        (&lost_link, "leads to a manifest of 0 bytes that are not those of its digest; left out: push the image again"),
    ] {
        let line = format!("{}: {outcome}", path.strip_prefix(storage()).unwrap().display());
        assert!(log.lines().any(|found| found == line), "{line}\n{log}");
    }
    install_with(&kit, "/registry/garbageCollection/enabled", false);

    assert!(!blob(&freed_configuration), "{freed_configuration} is still there");
    assert!(blob(&kept_configuration), "{kept_configuration} is gone");
    assert_eq!(kit.node.pull(&format!("{REGISTRY}/team/kept@{kept}")).ok(), "kept\n");
    // What was freed or left out can be pushed again.
    let name = kit.push(&saying("lost"), "team/lost:v1");
    assert_eq!(kit.node.pull(&name).ok(), "lost\n");
    let name = kit.push(&saying("freed"), "team/freed:v1");
    assert_eq!(kit.node.pull(&name).ok(), "freed\n");
}

#[test]
fn a_garbage_collection_by_schedule_frees_space_and_pulls_go_on() {
    let kit = kit::with(&[]);
    let schedule = json!({"delete": true, "garbageCollection": {"schedule": "0 0 1 1 *"}});
    kit.install_with("/registry", values::merged(kit.registry_values(), schedule));
    kit.registry_ready();
    kit.push(&saying("swept"), "team/swept:v1");
    kit.push(&saying("held"), "team/held:v1");
    let (swept, swept_configuration) = digests(&kit, "team/swept");
    let (_, held_configuration) = digests(&kit, "team/held");
    let deleted = ask(&kit, "DELETE", &format!("/v2/team/swept/manifests/{swept}"));
    assert_eq!(deleted.status, 202, "{deleted:?}");

    // As the CronJobs do when it is time.
    let create = |cron_job: &str, name: &str| {
        let from = format!("--from=cronjob/{cron_job}");
        kit.node.kubectl.ok(&["create", "job", &from, name, "--namespace=local-registry"]);
    };
    create("registry-garbage-collection", "collect");
    create("registry-garbage-collection-hold", "hold");
    let (is_over, pulls) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let answer = ask(&kit, "GET", "/v2/team/held/manifests/v1");
                assert_eq!(answer.status, 200, "{answer:?}");
                pulls.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(100));
            }
        });
        let _over = OnDrop(&is_over);
        eventually("pushes to be refused", || {
            let answer = ask(&kit, "POST", "/v2/team/held/blobs/uploads/");
            assert!(matches!(answer.status, 202 | 405), "{answer:?}");
            (answer.status == 405).then_some(())
        });
        let complete = ["wait", "--for=condition=Complete", "job/collect", "job/hold", "--namespace=local-registry"];
        kit.node.kubectl.ok(&[&complete[..], &["--timeout=240s"]].concat());
    });
    assert!(pulls.into_inner() > 10);
    assert!(!blob(&swept_configuration), "{swept_configuration} is still there");
    assert!(blob(&held_configuration), "{held_configuration} is gone");
    let said = kit.node.kubectl.ok(&["logs", "job/hold", "--namespace=local-registry"]);
    let expected = "registry of local-registry: takes writes again, after collect: complete";
    assert!(said.lines().any(|line| line == expected), "{said}");
    // Builds go on as before, with what was freed, too.
    kit.registry_ready();
    let name = kit.push(&saying("swept"), "team/swept:v1");
    assert_eq!(kit.node.pull(&name).ok(), "swept\n");
    kit.node.kubectl.ok(&["delete", "job", "collect", "hold", "--namespace=local-registry"]);
    kit.repair();
    kit.ready();
}

/// Ends what another thread repeats, also where this one fails.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Installs the kit with another value, and waits until the registry runs like this.
fn install_with(kit: &Kit, pointer: &str, value: bool) {
    kit.install_with(pointer, value.into());
    kit.registry_ready();
}

/// The first file `link` in a folder of links.
fn first_link(folder: &Path) -> PathBuf {
    let entry = fs::read_dir(folder).unwrap().next().expect("a layer").unwrap();
    entry.path().join("link")
}

/// The digests of the image with the tag `v1`: its manifest's, and its configuration's.
fn digests(kit: &Kit, repository: &str) -> (String, String) {
    let answer = ask(kit, "GET", &format!("/v2/{repository}/manifests/v1"));
    let manifest: Value = serde_json::from_str(&answer.body).unwrap();
    (answer.header("Docker-Content-Digest").unwrap(), manifest["config"]["digest"].as_str().unwrap().to_owned())
}

fn ask(kit: &Kit, method: &str, path: &str) -> Answer {
    http::ask(&format!("{}:5000", kit.address("registry")), method, path, MANIFEST, b"")
}

/// Whether the registry stores this blob.
fn blob(digest: &str) -> bool {
    blob_path(digest).exists()
}

/// Where the registry keeps a blob.
fn blob_path(digest: &str) -> PathBuf {
    let digest = digest.strip_prefix("sha256:").unwrap();
    storage().join(format!("docker/registry/v2/blobs/sha256/{}/{digest}/data", &digest[..2]))
}
