//! What arrives, and with which requests.

use serde_json::json;

use crate::fixture::{Fixture, IMAGE, INDEX, digest, lines};
use crate::stand_in::{Action, Kind, StandIn};

/// Everything below a repository, as bytes.
fn below(registry: &StandIn, repository: &str) -> Vec<(String, Vec<u8>)> {
    let store = registry.store();
    let blobs = store.blobs.iter().map(|((found, digest), bytes)| (found, digest, bytes));
    let manifests = store.manifests.iter().map(|((found, digest), (_, bytes))| (found, digest, bytes));
    let all = blobs.chain(manifests).filter(|(found, ..)| *found == repository);
    all.map(|(_, digest, bytes)| (digest.clone(), bytes.to_vec())).collect()
}

#[test]
fn an_index_arrives_with_all_of_its_bytes_and_the_tag_comes_last() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.promote(&[("app", &image, &["v1", "stable"])]);

    let plan = fixture.run(&["plan"]).ok();
    assert_eq!(plan.lines().last(), Some("2 copy"));
    assert!(fixture.production.store().blobs.is_empty());
    let dry = fixture.run(&["run"]);
    assert_eq!(dry.stderr, "nothing was changed; add --confirm to promote\n");
    assert_eq!(dry.ok(), plan);
    assert!(fixture.production.store().manifests.is_empty());

    let done = fixture.run(&["run", "--confirm"]).ok();
    assert_eq!(done.lines().last(), Some("2 copied"));
    assert_eq!(below(&fixture.production, "prod/app"), below(&fixture.staging, "staging/app"));
    let puts: Vec<String> = fixture
        .production
        .store()
        .asked
        .iter()
        .filter(|asked| asked.method == "PUT")
        .map(|asked| asked.path.clone())
        .collect();
    let mut last: Vec<&str> = puts[puts.len() - 2..].iter().map(String::as_str).collect();
    last.sort_unstable();
    assert_eq!(last, ["/v2/prod/app/manifests/stable", "/v2/prod/app/manifests/v1"]);
    assert_eq!(puts[puts.len() - 3], format!("/v2/prod/app/manifests/{image}"));

    // A second run asks once for each edge, and sends nothing.
    fixture.production.forget_requests();
    fixture.staging.forget_requests();
    assert_eq!(fixture.run(&["run", "--confirm"]).ok(), "2 there\n");
    assert_eq!(fixture.production.store().asked.len(), 2);
    assert_eq!(fixture.production.count("HEAD", "/manifests/"), 2);
    assert_eq!(fixture.staging.store().asked.len(), 0);
    assert_eq!(fixture.run(&["plan"]).ok(), "2 there\n");
    assert_eq!(fixture.run(&["plan", "--output", "json"]).ok(), "");
    assert_eq!(fixture.run(&["plan", "--output", "json", "--all"]).ok().lines().count(), 2);
}

#[test]
fn an_image_without_a_tag_is_promoted_by_its_digest() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.promote(&[("app", &image, &[])]);
    let done = fixture.run(&["run", "--confirm", "--output", "json"]).ok();
    let expected = json!({
        "project": "team", "source": format!("{}/staging/app", fixture.staging.address), "digest": image,
        "target": format!("{}/prod/app", fixture.production.address), "tag": null, "state": "copied"
    });
    assert_eq!(lines(&done), [expected]);
    assert!(fixture.production.store().tags.is_empty());
    assert_eq!(fixture.run(&["run", "--confirm"]).ok(), "1 there\n");
}

#[test]
fn a_tag_that_is_missing_needs_nothing_of_the_source() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.promote(&[("app", &image, &["v1"])]);
    fixture.run(&["run", "--confirm"]).ok();
    fixture.promote(&[("app", &image, &["v1", "v1.0"])]);
    *fixture.staging.store() = crate::stand_in::Store::default();
    assert_eq!(fixture.run(&["plan"]).ok().lines().last(), Some("1 there, 1 tag-only"));
    assert_eq!(fixture.run(&["run", "--confirm"]).ok().lines().last(), Some("1 there, 1 tagged"));
    assert_eq!(fixture.staging.store().asked.len(), 0);
    assert_eq!(fixture.production.store().tags[&("prod/app".to_owned(), "v1.0".to_owned())], image);
}

#[test]
fn images_and_artifacts_of_every_kind_arrive() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let staging = &fixture.staging;
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let config = staging.blob("staging/app", "application/vnd.docker.container.image.v1+json", b"{\"os\":\"linux\"}");
    let empty = staging.blob("staging/app", "application/vnd.docker.image.rootfs.diff.tar.gzip", b"");
    let child = json!({"schemaVersion": 2, "mediaType": docker, "config": config, "layers": [empty, empty]});
    let child = staging.manifest("staging/app", None, &child);
    let list = "application/vnd.docker.distribution.manifest.list.v2+json";
    let docker_list = staging.manifest(
        "staging/app",
        None,
        &json!({"schemaVersion": 2, "mediaType": list, "manifests": [child, child]}),
    );
    let chart = staging.blob("staging/app", "application/vnd.cncf.helm.chart.content.v1.tar+gzip", &[0; 5000]);
    let config = staging.blob("staging/app", "application/vnd.cncf.helm.config.v1+json", b"{\"name\":\"x\"}");
    let helm = staging.manifest(
        "staging/app",
        None,
        &json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [chart], "annotations": {"a": "1e3"}}),
    );
    let module = staging.blob("staging/app", "application/vnd.wasm.content.layer.v1+wasm", b"\0asm");
    let wasm = staging.manifest(
        "staging/app",
        None,
        &json!({"schemaVersion": 2, "mediaType": IMAGE, "artifactType": "application/x", "config": config, "layers": [module]}),
    );
    let nested = staging.manifest(
        "staging/app",
        None,
        &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [docker_list, helm]}),
    );
    let none = staging.manifest("staging/app", None, &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}));
    let images: Vec<String> = [&docker_list, &helm, &wasm, &nested, &none].map(digest).to_vec();
    let dmap: Vec<String> =
        images.iter().enumerate().map(|(at, image)| format!("    {image}: [\"t{at}\"]\n")).collect();
    fixture.write("images/team/images.yaml", &format!("- name: app\n  dmap:\n{}", dmap.concat()));
    fixture.run(&["run", "--confirm"]).ok();
    assert_eq!(below(&fixture.production, "prod/app"), below(staging, "staging/app"));
    let types = |registry: &StandIn| -> Vec<String> {
        registry.store().manifests.values().map(|(media_type, _)| media_type.clone()).collect()
    };
    assert_eq!(types(&fixture.production), types(staging));
}

#[test]
fn layers_that_their_owner_offers_stay_there() {
    let types = [
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    ];
    for foreign in types {
        let fixture = Fixture::new(Kind::default(), Kind::default());
        let staging = &fixture.staging;
        let config = staging.blob("staging/app", "application/vnd.oci.image.config.v1+json", b"{}");
        let mut theirs = staging.blob("staging/app", foreign, b"theirs");
        theirs["urls"] = json!(["https://owner.example/layer"]);
        // Somebody pushed this one.
        let mut lonely = staging.blob("staging/app", foreign, b"lonely");
        lonely["urls"] = json!([]);
        let child = json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [theirs, lonely]});
        let image = digest(&staging.manifest("staging/app", Some("v1"), &child));
        fixture.promote(&[("app", &image, &["v1"])]);
        fixture.run(&["run", "--confirm"]).ok();
        let has =
            |layer: &str| fixture.production.store().blobs.contains_key(&("prod/app".to_owned(), layer.to_owned()));
        assert!(!has(&digest(&theirs)) && has(&digest(&lonely)));
        assert_eq!(staging.count("GET", &digest(&theirs)), 0);
    }
}

#[test]
fn a_layer_that_nobody_has_is_refused_and_nothing_is_pushed() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let staging = &fixture.staging;
    let config = staging.blob("staging/app", "application/vnd.oci.image.config.v1+json", b"{}");
    let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    let layer = staging.blob("staging/app", foreign, b"theirs");
    staging.store().blobs.remove(&("staging/app".to_owned(), digest(&layer)));
    let child = json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [layer]});
    let child = staging.manifest("staging/app", None, &child);
    let other = staging.image("staging/app", None, "amd64", &[b"ours"]);
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [other, child]});
    let image = digest(&staging.manifest("staging/app", Some("v1"), &index));
    fixture.promote(&[("app", &image, &["v1"])]);
    let output = fixture.run(&["run", "--confirm"]).failed();
    let reason = format!(
        ": the manifest {} has the layer {} of the type `{foreign}`, which must not be distributed; build the image on another base",
        digest(&child),
        digest(&layer)
    );
    assert!(output.lines().next().unwrap().ends_with(&reason), "{output}");
    assert!(fixture.production.store().blobs.is_empty() && fixture.production.store().manifests.is_empty());
}

#[test]
fn an_image_that_lacks_a_part_is_not_copied_and_does_not_stop_the_others() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let broken = fixture.staging.index("staging/broken", "v1", "broken");
    let whole = fixture.staging.index("staging/whole", "v1", "whole");
    let gone = format!("sha256:{}", "0".repeat(64));
    let child = {
        let mut store = fixture.staging.store();
        let child =
            store.manifests.keys().find(|(repository, found)| repository == "staging/broken" && *found != broken);
        let child = child.unwrap().clone();
        store.manifests.remove(&child);
        child.1
    };
    fixture.promote(&[("broken", &broken, &["v1"]), ("gone", &gone, &["v1"]), ("whole", &whole, &["v1"])]);
    let plan = fixture.run(&["plan"]).failed();
    assert_eq!(plan.lines().last(), Some("2 copy, 1 missing"));
    let output = fixture.run(&["run", "--confirm"]).failed();
    let (staging, production) = (fixture.staging.address, fixture.production.address);
    let mut lines: Vec<&str> = output.lines().collect();
    lines.pop();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            format!("copied       {production}/prod/whole:v1  {staging}/staging/whole@{whole}"),
            format!(
                "failed       {production}/prod/broken:v1  {staging}/staging/broken@{broken}: {child}, a part of it, is missing at {staging}/staging/broken; push the whole image there"
            ),
            format!(
                "missing      {production}/prod/gone:v1  {staging}/staging/gone@{gone}: push it to the source again, or take it out of the manifest"
            ),
        ]
    );
    assert!(below(&fixture.production, "prod/broken").is_empty());
}

#[test]
fn a_tag_never_moves() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let before = digest(&fixture.production.image("prod/app", Some("v1"), "amd64", &[b"before"]));
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.promote(&[("app", &image, &["v1", "v2"])]);
    let plan = fixture.run(&["plan"]).failed();
    assert!(plan.contains(&format!(": it is {before}; use another tag\n")), "{plan}");
    let output = fixture.run(&["run", "--confirm"]).failed();
    assert_eq!(output.lines().last(), Some("1 moves, 1 copied"));
    let tags = fixture.production.store().tags.clone();
    assert_eq!(tags[&("prod/app".to_owned(), "v1".to_owned())], before);
    assert_eq!(tags[&("prod/app".to_owned(), "v2".to_owned())], image);
}

#[test]
fn a_tag_that_somebody_sets_meanwhile_stays() {
    // The second time that the tag is asked for, it is there.
    let other = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let said = std::sync::Arc::clone(&other);
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let production = Kind::hooked(move |request, _| {
        let is_tag = request.method == "HEAD" && request.path.ends_with("/manifests/v1");
        if is_tag && asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1 {
            let digest = said.lock().unwrap().clone();
            return crate::stand_in::Action::Answer(200, vec![("docker-content-digest", digest)], String::new());
        }
        crate::stand_in::Action::Serve
    });
    let fixture = Fixture::new(Kind::default(), production);
    *other.lock().unwrap() = format!("sha256:{}", "1".repeat(64));
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.promote(&[("app", &image, &["v1"])]);
    let output = fixture.run(&["run", "--confirm"]).failed();
    assert!(output.contains("and a tag must not move"), "{output}");
    assert_eq!(fixture.production.count("PUT", "/manifests/v1"), 0);
}

#[test]
fn a_tag_is_read_back_after_it_was_set_and_so_is_the_image() {
    let moved = format!("sha256:{}", "1".repeat(64));
    let gone = || Action::Answer(404, vec![], String::new());
    let other = Action::Answer(200, vec![("docker-content-digest", moved.clone())], String::new());
    for (part, answer, reason) in [
        ("/manifests/v1", other, format!(":v1 is {moved}")),
        ("/manifests/v1", gone(), ":v1 is not there".to_owned()),
        ("/manifests/sha256:", gone(), " is not there".to_owned()),
    ] {
        let was_set = std::sync::atomic::AtomicBool::new(false);
        let production = Kind::hooked(move |asked, _| {
            let sets = asked.method == "PUT" && asked.path.ends_with("/manifests/v1");
            let was_set = was_set.fetch_or(sets, std::sync::atomic::Ordering::Relaxed);
            if was_set && asked.path.contains(part) { answer.clone() } else { Action::Serve }
        });
        let fixture = Fixture::new(Kind::default(), production);
        let image = fixture.staging.index("staging/app", "v1", "app");
        fixture.promote(&[("app", &image, &["v1"])]);
        let output = fixture.run(&["run", "--confirm"]).failed();
        assert!(output.contains(": after the push, ") && output.contains(&reason), "{output}");
        assert_eq!(fixture.production.count("PUT", "/manifests/v1"), 1);
    }
}

#[test]
fn a_blob_that_two_images_share_is_sent_once() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let images: Vec<String> = (0..8)
        .map(|at| {
            let repository = format!("staging/app{at}");
            digest(&fixture.staging.image(&repository, None, &format!("arch{at}"), &[b"a large base"]))
        })
        .collect();
    let names: Vec<String> = (0..8).map(|at| format!("app{at}")).collect();
    let entries: Vec<(&str, &str, &[&str])> =
        names.iter().zip(&images).map(|(name, image)| (name.as_str(), image.as_str(), ["v1"].as_slice())).collect();
    fixture.promote(&entries);
    fixture.run(&["run", "--confirm"]).ok();
    let base = local_registry_oci::digest_of(b"a large base");
    assert_eq!(fixture.staging.count("GET", &format!("/blobs/{base}")), 1);
    let store = fixture.production.store();
    let mounts = store.asked.iter().filter(|asked| asked.query.contains("&from=")).count();
    assert_eq!((mounts, store.tags.len()), (7, 8));
}

#[test]
fn the_same_registry_takes_blobs_from_its_own_repositories() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.promote_within_staging();
    fixture.promote(&[("app", &image, &["v1"])]);
    fixture.run(&["run", "--confirm", "--at-once", "1"]).ok();
    assert_eq!(below(&fixture.staging, "prod/app"), below(&fixture.staging, "staging/app"));
    assert_eq!((fixture.staging.count("PUT", "/blobs/"), fixture.staging.count("GET", "/blobs/")), (0, 0));
}
