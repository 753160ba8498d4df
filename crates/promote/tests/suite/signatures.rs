//! Signatures and other referrers, between registries with and without the API for them.

use serde_json::Value;

use crate::fixture::{Fixture, INDEX, cosign_tag as tag, digest};
use crate::stand_in::{Kind, StandIn};

fn with_api(page: usize) -> Kind {
    Kind { referrers: Some(page), ..Kind::default() }
}

/// Lists referrers as it is done without the API.
fn list(registry: &StandIn, repository: &str, image: &str, referrers: &[Value]) -> Value {
    let index = serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": referrers});
    registry.manifest(repository, Some(&tag(image, "")), &index)
}

/// The digests that a registry lists for an image without the API.
fn listed(registry: &StandIn, repository: &str, image: &str) -> Vec<String> {
    let store = registry.store();
    let digest = store.tags.get(&(repository.to_owned(), tag(image, ""))).cloned().unwrap_or_default();
    let Some((_, bytes)) = store.manifests.get(&(repository.to_owned(), digest)) else { return Vec::new() };
    let index: Value = serde_json::from_slice(bytes).unwrap();
    index["manifests"].as_array().unwrap().iter().map(crate::fixture::digest).collect()
}

/// The manifests that arrived, in the order in which they did: by digest or tag.
fn arrivals(registry: &StandIn) -> Vec<String> {
    let puts = |asked: &&crate::stand_in::Asked| asked.method == "PUT" && asked.path.contains("/manifests/");
    let store = registry.store();
    store.asked.iter().filter(puts).map(|asked| asked.path.rsplit('/').next().unwrap().to_owned()).collect()
}

fn has(registry: &StandIn, repository: &str, digest: &str) -> bool {
    registry.store().manifests.contains_key(&(repository.to_owned(), digest.to_owned()))
}

#[test]
fn tags_of_cosign_arrive_before_what_they_sign() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = fixture.staging.index("staging/app", "v1", "app");
    let child =
        fixture.staging.store().manifests.keys().map(|(_, found)| found.clone()).find(|found| *found != image).unwrap();
    let sig = fixture.staging.sign("staging/app", &image, &["a signature"]);
    fixture.staging.sign("staging/app", &child, &["a signature of a child"]);
    fixture.staging.attest("staging/app", &image, &image);
    fixture.staging.cosign("staging/app", &tag(&image, ".sbom"), "text/spdx", &[("SPDXVersion: SPDX-2.3", "")]);
    fixture.promote(&[("app", &image, &["v1"])]);
    fixture.run(&["run", "--confirm"]).ok();
    let arrivals = arrivals(&fixture.production);
    let at =
        |name: &str| arrivals.iter().position(|found| found == name).unwrap_or_else(|| panic!("{name}: {arrivals:?}"));
    for end in [".sig", ".att", ".sbom"] {
        assert!(at(&tag(&image, end)) < at(&image), "{arrivals:?}");
    }
    assert!(at(&tag(&child, ".sig")) < at(&child), "{arrivals:?}");
    assert_eq!(arrivals.last().unwrap(), "v1");
    assert_eq!(fixture.production.store().tags[&("prod/app".to_owned(), tag(&image, ".sig"))], sig);
    assert_eq!(fixture.run(&["verify"]).ok(), "1 there\n");
}

#[test]
fn referrers_arrive_with_all_their_pages_and_their_own_referrers() {
    let fixture = Fixture::new(with_api(2), with_api(100));
    let image = fixture.staging.index("staging/app", "v1", "app");
    let subject = fixture.staging.describe("staging/app", &image);
    let referrers: Vec<Value> =
        (0..5).map(|at| fixture.staging.referrer("staging/app", &subject, &format!("kind/{at}"))).collect();
    let signature = fixture.staging.referrer("staging/app", &referrers[3], "signature/of-a-referrer");
    fixture.promote(&[("app", &image, &["v1"])]);
    fixture.run(&["run", "--confirm"]).ok();
    for referrer in referrers.iter().chain([&signature]) {
        assert!(has(&fixture.production, "prod/app", &digest(referrer)));
    }
    // A registry with the API needs no index.
    assert!(listed(&fixture.production, "prod/app", &image).is_empty());
    assert_eq!(fixture.run(&["verify"]).ok(), "1 there\n");
}

#[test]
fn a_registry_without_the_api_gets_an_index_and_keeps_what_is_in_it() {
    let fixture = Fixture::new(with_api(10), Kind::default());
    let image = fixture.staging.index("staging/app", "v1", "app");
    let subject = fixture.staging.describe("staging/app", &image);
    let mut referrers: Vec<String> =
        (0..2).map(|at| digest(&fixture.staging.referrer("staging/app", &subject, &format!("kind/{at}")))).collect();
    let other = fixture.production.referrer("prod/app", &subject, "of/production");
    list(&fixture.production, "prod/app", &image, std::slice::from_ref(&other));
    fixture.promote(&[("app", &image, &["v1"])]);
    fixture.run(&["run", "--confirm"]).ok();
    let mut found = listed(&fixture.production, "prod/app", &image);
    referrers.push(digest(&other));
    found.sort();
    referrers.sort();
    assert_eq!(found, referrers);
    assert_eq!(fixture.run(&["verify"]).ok(), "1 there\n");
}

#[test]
fn an_index_of_referrers_arrives_as_it_is() {
    for production in [Kind::default(), with_api(10)] {
        let has_api = production.referrers.is_some();
        let fixture = Fixture::new(Kind::default(), production);
        let image = fixture.staging.index("staging/app", "v1", "app");
        let subject = fixture.staging.describe("staging/app", &image);
        let referrer = fixture.staging.referrer("staging/app", &subject, "a/kind");
        let index = list(&fixture.staging, "staging/app", &image, std::slice::from_ref(&referrer));
        fixture.promote(&[("app", &image, &["v1"])]);
        fixture.run(&["run", "--confirm"]).ok();
        assert!(has(&fixture.production, "prod/app", &digest(&referrer)));
        let tags = fixture.production.store().tags.clone();
        let expected = (!has_api).then(|| digest(&index));
        assert_eq!(tags.get(&("prod/app".to_owned(), tag(&image, ""))), expected.as_ref());
        assert_eq!(fixture.run(&["verify"]).ok(), "1 there\n");
    }
}

#[test]
fn what_an_index_lists_that_is_about_something_else_is_left_alone() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = fixture.staging.index("staging/app", "v1", "app");
    let itself = fixture.staging.describe("staging/app", &image);
    let stranger = fixture.staging.image("staging/app", None, "amd64", &[b"not about it"]);
    list(&fixture.staging, "staging/app", &image, &[itself, stranger.clone()]);
    fixture.promote(&[("app", &image, &["v1"])]);
    fixture.run(&["run", "--confirm"]).ok();
    assert!(!has(&fixture.production, "prod/app", &digest(&stranger)));
}

#[test]
fn signatures_that_come_late_are_reported_and_copied_on_demand() {
    for (staging, production) in
        [(Kind::default(), Kind::default()), (with_api(1), Kind::default()), (with_api(1), with_api(9))]
    {
        let has_api = staging.referrers.is_some();
        let fixture = Fixture::new(staging, production);
        let image = fixture.staging.index("staging/app", "v1", "app");
        fixture.promote(&[("app", &image, &["v1"])]);
        fixture.run(&["run", "--confirm"]).ok();
        fixture.staging.sign("staging/app", &image, &["one"]);
        let mut missing = vec![tag(&image, ".sig")];
        if has_api {
            let subject = fixture.staging.describe("staging/app", &image);
            missing.insert(0, digest(&fixture.staging.referrer("staging/app", &subject, "late/kind")));
        }
        missing.sort();
        let output = fixture.run(&["verify"]).failed();
        let expected = format!(
            ": {} of the source {} not there; copy with `run --confirm --late-signatures`",
            missing.join(", "),
            if has_api { "are" } else { "is" }
        );
        assert!(output.contains(&expected), "{output}\n{expected}");
        assert_eq!(fixture.run(&["verify", "--without-signatures"]).ok(), "1 there\n");
        assert_eq!(fixture.run(&["run", "--confirm"]).ok(), "1 there\n");
        fixture.run(&["verify"]).failed();
        assert_eq!(fixture.run(&["run", "--confirm", "--late-signatures"]).ok(), "1 there\n");
        assert_eq!(fixture.run(&["verify"]).ok(), "1 there\n");
    }
}

#[test]
fn a_signature_that_only_production_has_is_never_lost() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.promote(&[("app", &image, &["v1"])]);
    fixture.staging.sign("staging/app", &image, &["one"]);
    fixture.run(&["run", "--confirm"]).ok();
    // A second signature in staging: the tag may move, since nothing is lost.
    let both = fixture.staging.sign("staging/app", &image, &["one", "two"]);
    fixture.run(&["verify"]).failed();
    fixture.run(&["run", "--confirm", "--late-signatures"]).ok();
    let key = ("prod/app".to_owned(), tag(&image, ".sig"));
    assert_eq!(fixture.production.store().tags[&key], both);
    // Another one in production alone: it may not.
    let own = fixture.production.sign("prod/app", &image, &["one", "two", "production's"]);
    assert_eq!(fixture.run(&["verify"]).ok(), "1 there\n");
    fixture.staging.sign("staging/app", &image, &["one", "two", "three"]);
    // Whoever signs in staging stops nobody by that.
    for arguments in [&["run", "--confirm", "--late-signatures"][..], &["verify"]] {
        let output = fixture.run(arguments).ok();
        assert!(output.contains("; left out: ") && output.contains("so merge them by hand"), "{output}");
    }
    assert_eq!(fixture.production.store().tags[&key], own);
}
