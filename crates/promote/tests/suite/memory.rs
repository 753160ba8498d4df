//! How much memory a promotion takes, whatever staging holds.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::fixture::{Fixture, IMAGE, INDEX, digest};
use crate::stand_in::{Action, Asked, Kind};

const REPOSITORY: &str = "staging/app";

/// Learns how much memory a process had at most so far.
fn measure(process: &Mutex<u32>, peak: &Mutex<usize>) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.lock().unwrap())).unwrap();
    let found = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    *peak.lock().unwrap() = found.unwrap().parse().unwrap();
}

/// A production registry that learns how much memory a process had at most when a tag was set.
fn watching(process: &Arc<Mutex<u32>>, peak: &Arc<Mutex<usize>>) -> Kind {
    let (process, peak) = (Arc::clone(process), Arc::clone(peak));
    let hook = move |asked: &Asked, _| {
        if asked.method == "PUT" && asked.path.contains("/manifests/v") {
            measure(&process, &peak);
        }
        Action::Serve
    };
    Kind { referrers: Some(100), ..Kind::hooked(hook) }
}

/// Runs a promotion as this process, and returns whether nothing was wrong.
fn run(fixture: &Fixture, process: &Mutex<u32>) -> bool {
    let mut command = fixture.command(&["run", "--confirm"]);
    let mut slot = process.lock().unwrap();
    let running = command.stdout(Stdio::piped()).spawn().unwrap();
    *slot = running.id();
    drop(slot);
    running.wait_with_output().unwrap().status.success()
}

#[track_caller]
fn check(peak: &Mutex<usize>) {
    let peak = *peak.lock().unwrap() >> 10;
    assert!((1..64).contains(&peak), "{peak} MiB");
}

#[test]
fn memory_has_a_limit_whatever_is_attached() {
    let lists: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
    let said = Arc::clone(&lists);
    let staging = Kind::hooked(move |asked: &Asked, _| match asked.path.rsplit_once("/referrers/") {
        Some((_, image)) => {
            let nothing = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).to_string();
            Action::Answer(200, vec![], said.lock().unwrap().get(image).cloned().unwrap_or(nothing))
        }
        None => Action::Serve,
    });
    let (process, peak) = (Arc::default(), Arc::default());
    let fixture = Fixture::new(staging, watching(&process, &peak));
    let mut layer = fixture.staging.blob(REPOSITORY, "a/b", b"x");
    layer["annotations"] = (0..40).map(|at| (format!("a{at}"), json!(""))).collect();
    let layer = layer.to_string();
    let mut dmap = Vec::new();
    for at in 0..8 {
        let image = fixture.staging.image(REPOSITORY, None, &format!("arch{at}"), &[b"ours"]);
        dmap.push(format!("    \"{}\": [\"v{at}\"]\n", digest(&image)));
        let mut counts: Vec<usize> = (0..20).map(|at| 6000 - at).collect();
        counts.push(1500);
        let mut referrers: Vec<Value> = counts
            .iter()
            .map(|count| {
                let layers = vec![layer.as_str(); *count].join(",");
                let text = format!(
                    r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","layers":[{layers}],"subject":{image},"config":{layer}}}"#
                );
                let found = local_registry_oci::digest_of(text.as_bytes()).to_string();
                let key = (REPOSITORY.to_owned(), found.clone());
                fixture.staging.store().manifests.insert(key, (IMAGE.to_owned(), text.into()));
                // The list says that everything is small.
                json!({"mediaType": IMAGE, "digest": found, "size": 1})
            })
            .collect();
        // They are read in the order of their digests.
        let small = referrers.pop().unwrap();
        referrers.retain(|one| digest(one) > digest(&small));
        referrers.push(small);
        let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": referrers});
        lists.lock().unwrap().insert(digest(&image), list.to_string());
    }
    fixture.write("images/team/images.yaml", &format!("- name: app\n  dmap:\n{}", dmap.concat()));
    assert!(run(&fixture, &process));
    assert_eq!(fixture.production.store().manifests.len(), 8 + 8);
    // Each is read once, or twice if it waits for its turn, and no more than some of those that are larger than the list says.
    let read = fixture.staging.count("GET", "/manifests/sha256:");
    assert!(read <= 8 * (1 + 2 + 4), "{read}");
    check(&peak);
}

#[test]
fn memory_has_a_limit_whatever_the_images_are() {
    let (process, peak) = (Arc::default(), Arc::default());
    let fixture = Fixture::new(Kind::default(), watching(&process, &peak));
    let mut dmap = Vec::new();
    for at in 0..16 {
        let config = fixture.staging.blob(REPOSITORY, "a/b", b"{}");
        let long = json!({"at": format!("{at}"), "long": "x".repeat(4_100_000)});
        let image = json!({
            "schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [], "annotations": long
        });
        let image = digest(&fixture.staging.manifest(REPOSITORY, None, &image));
        dmap.push(format!("    \"{image}\": [\"v{at}\"]\n"));
    }
    fixture.write("images/team/images.yaml", &format!("- name: app\n  dmap:\n{}", dmap.concat()));
    assert!(run(&fixture, &process));
    check(&peak);
}

/// Nothing that has many small values, or is much longer than its list says, proves anything.
#[test]
fn memory_has_a_limit_whatever_is_to_prove_something() {
    let (process, peak): (Arc<Mutex<u32>>, Arc<Mutex<usize>>) = (Arc::default(), Arc::default());
    let (seen, most) = (Arc::clone(&process), Arc::clone(&peak));
    let staging = Kind::hooked(move |_, _| {
        measure(&seen, &most);
        Action::Serve
    });
    let fixture = Fixture::new(staging, Kind::default());
    let list_of =
        |count: usize, value: &str| (0..count).fold(String::new(), |all, at| all + &format!("\"{at:x}\":{value},"));
    let (many, keys) = (list_of(70_000, "\"\""), list_of(700_000, "0"));
    let bundles = [
        format!("{{{keys}\"a\":0}}"),
        format!("{{\"verificationMaterial\":{{\"tlogEntries\":[{{\"logIndex\":[{}0]}}]}}}}", "0,".repeat(4_000_000)),
    ];
    let kind = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let bundles = bundles.map(|bundle| fixture.staging.blob(REPOSITORY, kind, bundle.as_bytes()));
    let payload = fixture.staging.blob(REPOSITORY, crate::fixture::SIGNED_TEXT, b"{}");
    let config = fixture.staging.blob(REPOSITORY, "application/vnd.oci.empty.v1+json", b"{}");
    let mut dmap = Vec::new();
    for at in 0..8 {
        let image = fixture.staging.image(REPOSITORY, None, &format!("arch{at}"), &[b"ours"]);
        dmap.push(format!("    \"{}\": [\"v{at}\"]\n", digest(&image)));
        let text = format!(
            r#"{{"mediaType":"{IMAGE}","config":{config},"subject":{image},"layers":[{{"mediaType":"{kind}","digest":{},"size":2,"annotations":{{{many}"a":""}}}}]}}"#,
            payload["digest"]
        );
        let long = local_registry_oci::digest_of(text.as_bytes()).to_string();
        {
            let mut store = fixture.staging.store();
            store.manifests.insert((REPOSITORY.to_owned(), long.clone()), (IMAGE.to_owned(), text.into()));
            // Either by a tag, or by a referrer: both have one limit.
            if at % 2 == 0 {
                let tag = crate::fixture::cosign_tag(&digest(&image), ".sig");
                store.tags.insert((REPOSITORY.to_owned(), tag), long.clone());
            }
        }
        let mut referrers = Vec::new();
        if at % 2 == 1 {
            referrers.push(json!({"mediaType": IMAGE, "digest": long, "size": 1, "artifactType": kind}));
        }
        for bundle in &bundles {
            let manifest = json!({
                "schemaVersion": 2, "mediaType": IMAGE, "artifactType": kind, "config": config, "layers": [bundle],
                "subject": image
            });
            referrers.push(fixture.staging.manifest(REPOSITORY, None, &manifest));
        }
        let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": referrers});
        fixture.staging.manifest(REPOSITORY, Some(&crate::fixture::cosign_tag(&digest(&image), "")), &list);
    }
    fixture.write("images/team/images.yaml", &format!("- name: app\n  dmap:\n{}", dmap.concat()));
    fixture.write("manifests/team/rules.yaml", &crate::rules::any_rules());
    assert!(!run(&fixture, &process));
    assert!(fixture.production.store().manifests.is_empty());
    // They were read.
    let [one, other, short] =
        [&bundles[0], &bundles[1], &payload].map(|blob| fixture.staging.count("GET", &digest(blob)));
    assert!(one >= 8 && other >= 8 && short >= 4, "{one} {other} {short}");
    check(&peak);
}
