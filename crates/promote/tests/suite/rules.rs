//! `rules.yaml`: what a project demands of its images. Signatures are made here, by keys of the tests.

use std::collections::BTreeSet;
use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use crate::check::commit;
use crate::fixture::{ENVELOPE, Fixture, IMAGE, INDEX, SIGNED_TEXT, cosign_tag, digest, lines, signed_text};
use crate::stand_in::{Action, Asked, Kind, StandIn};

const REPOSITORY: &str = "staging/app";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// Somebody who signs.
struct Signer(EcdsaKeyPair);

impl Signer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref(), &random).unwrap())
    }

    fn sign(&self, text: &[u8]) -> String {
        STANDARD.encode(self.0.sign(&SystemRandom::new(), text).unwrap())
    }

    /// The public key, as an element of a list in YAML.
    fn public_key(&self) -> String {
        // An uncompressed point of P-256, as a SubjectPublicKeyInfo.
        let mut der = STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE").unwrap();
        der.truncate(26);
        der.extend(self.0.public_key().as_ref());
        let text = STANDARD.encode(der);
        let (first, rest) = text.split_at(64);
        format!("  - |\n    -----BEGIN PUBLIC KEY-----\n    {first}\n    {rest}\n    -----END PUBLIC KEY-----\n")
    }

    /// Rules that ask for a signature of this one.
    fn rules(&self) -> String {
        format!("signatures:\n  keys:\n{}", self.public_key())
    }

    /// Signs an image as cosign does, by a tag.
    fn sign_by_tag(&self, registry: &StandIn, image: &str) {
        let payload = signed_text(image);
        registry.sign(REPOSITORY, image, &[&self.sign(payload.as_bytes())]);
    }

    /// Signs an image as cosign does, by a referrer with the same text.
    fn sign_by_referrer(&self, registry: &StandIn, image: &str) {
        let payload = signed_text(image);
        let mut layer = registry.blob(REPOSITORY, SIGNED_TEXT, payload.as_bytes());
        layer["annotations"] = json!({"dev.cosignproject.cosign/signature": self.sign(payload.as_bytes())});
        refer(registry, image, "application/vnd.dev.cosign.artifact.sig.v1+json", &layer);
    }

    /// Says something about an image in a signed envelope.
    fn envelope(&self, image: &str, predicate_type: &str, predicate: &Value) -> Value {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1", "predicateType": predicate_type, "predicate": predicate,
            "subject": [{"digest": {"sha256": image.strip_prefix("sha256:").unwrap()}}]
        })
        .to_string();
        let kind = "application/vnd.in-toto+json";
        let signed = format!("DSSEv1 {} {kind} {} {statement}", kind.len(), statement.len());
        let signature = self.sign(signed.as_bytes());
        json!({"payloadType": kind, "payload": STANDARD.encode(&statement), "signatures": [{"sig": signature}]})
    }

    /// Says something about an image in a bundle of Sigstore.
    fn bundle(&self, registry: &StandIn, image: &str, predicate_type: &str, predicate: &Value) {
        let bundle = json!({
            "mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": "x"}},
            "dsseEnvelope": self.envelope(image, predicate_type, predicate)
        });
        let layer = registry.blob(REPOSITORY, BUNDLE, bundle.to_string().as_bytes());
        refer(registry, image, BUNDLE, &layer);
    }

    /// Says something about an image in an attestation by cosign's tag.
    fn attest(&self, registry: &StandIn, image: &str, predicate_type: &str, predicate: &Value) {
        let envelope = self.envelope(image, predicate_type, predicate).to_string();
        registry.cosign(REPOSITORY, &cosign_tag(image, ".att"), ENVELOPE, &[(&envelope, "")]);
    }
}

/// Attaches a layer to an image by a referrer.
fn refer(registry: &StandIn, image: &str, kind: &str, layer: &Value) {
    let config = registry.blob(REPOSITORY, "application/vnd.oci.empty.v1+json", b"{}");
    let subject = registry.describe(REPOSITORY, image);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": IMAGE, "artifactType": kind, "config": config, "layers": [layer],
        "subject": subject
    });
    registry.manifest(REPOSITORY, None, &manifest);
}

/// Rules that ask for a signature of somebody.
pub(crate) fn any_rules() -> String {
    Signer::new().rules()
}

fn provenance(builder: &str, source: &str) -> Value {
    json!({
        "buildDefinition": {"externalParameters": {"workflow": {"repository": source}}},
        "runDetails": {"builder": {"id": builder}}
    })
}

fn with_api() -> Kind {
    Kind { referrers: Some(100), ..Kind::default() }
}

/// An image that is to be promoted as `v1`, with these rules.
fn image(fixture: &Fixture, rules: &str) -> String {
    let image = fixture.staging.index(REPOSITORY, "v1", "app");
    fixture.promote(&[("app", &image, &["v1"])]);
    fixture.write("manifests/team/rules.yaml", rules);
    image
}

/// A registry that lists no referrers of what is not there (yet), and says so with an empty object, as Harbor does.
fn silent_about_what_is_missing() -> Kind {
    let there: Mutex<BTreeSet<String>> = Mutex::default();
    let hook = move |asked: &Asked, _| {
        let name = asked.path.rsplit('/').next().unwrap().to_owned();
        if asked.method == "PUT" && asked.path.contains("/manifests/") {
            there.lock().unwrap().insert(name);
        } else if asked.path.contains("/referrers/") && !there.lock().unwrap().contains(&name) {
            return Action::Answer(200, vec![], "{}".to_owned());
        }
        Action::Serve
    };
    Kind { referrers: Some(100), ..Kind::hooked(hook) }
}

#[test]
fn a_registry_that_lists_nothing_of_what_is_not_there_yet_is_no_obstacle() {
    let signer = Signer::new();
    let fixture = Fixture::new(with_api(), silent_about_what_is_missing());
    let first = image(&fixture, &signer.rules());
    signer.sign_by_referrer(&fixture.staging, &first);
    promoted(&fixture);
    // Now it is known that the registry has the API.
    let second = fixture.staging.index(REPOSITORY, "v2", "another");
    signer.sign_by_referrer(&fixture.staging, &second);
    fixture.promote(&[("app", &first, &["v1"]), ("app", &second, &["v2"])]);
    assert!(fixture.run(&["run", "--confirm", "--late-signatures"]).ok().ends_with("\n1 there, 1 copied\n"));
    assert!(fixture.run(&["verify"]).ok().ends_with("2 there\n"));
}

/// Whether a request is about cosign's tag for signatures.
fn is_of_signatures(asked: &Asked) -> bool {
    asked.path.rsplit('.').next() == Some("sig")
}

/// Plans and runs, and expects that nothing is promoted for this reason.
#[track_caller]
fn refused(fixture: &Fixture, reason: &str) {
    for arguments in [&["plan"][..], &["run", "--confirm"]] {
        let printed = fixture.run(arguments).failed();
        assert!(printed.starts_with("refused      "), "{printed}");
        assert!(printed.contains(reason), "{reason}\n{printed}");
        assert!(printed.ends_with("\n1 refused\n"), "{printed}");
    }
    let store = fixture.production.store();
    assert!(store.blobs.is_empty() && store.manifests.is_empty() && store.tags.is_empty());
}

/// Plans, runs and verifies, and expects that the image is promoted.
#[track_caller]
fn promoted(fixture: &Fixture) {
    assert!(fixture.run(&["plan"]).ok().ends_with("\n1 copy\n"));
    assert!(fixture.run(&["run", "--confirm"]).ok().ends_with("\n1 copied\n"));
    assert!(fixture.run(&["verify"]).ok().ends_with("1 there\n"));
}

#[test]
fn an_image_goes_by_a_signature_of_a_key_that_the_rules_name() {
    type Sign = fn(&Signer, &StandIn, &str);
    let ways: [Sign; 3] = [Signer::sign_by_tag, Signer::sign_by_referrer, |signer, registry, image| {
        signer.bundle(registry, image, "https://sigstore.dev/cosign/sign/v1", &json!({}));
    }];
    for sign in ways {
        let (ours, other) = (Signer::new(), Signer::new());
        let fixture = Fixture::new(with_api(), with_api());
        let image = image(&fixture, &ours.rules());
        refused(&fixture, &format!("app@{image} does not have a valid signature"));
        sign(&other, &fixture.staging, &image);
        refused(&fixture, "key");
        let two = format!("signatures:\n  keys:\n{}{}", ours.public_key(), other.public_key());
        fixture.write("manifests/team/rules.yaml", &two);
        promoted(&fixture);
        // Production is looked at by the rules of today.
        fixture.write("manifests/team/rules.yaml", &ours.rules());
        assert!(fixture.run(&["verify"]).failed().ends_with("\n1 refused\n"));
    }
}

#[test]
fn a_signature_of_another_image_proves_nothing() {
    let signer = Signer::new();
    let fixture = Fixture::new(with_api(), with_api());
    let image = image(&fixture, &signer.rules());
    let other = fixture.staging.index(REPOSITORY, "v0", "another");
    let payload = signed_text(&other);
    let signature = signer.sign(payload.as_bytes());
    fixture.staging.cosign(REPOSITORY, &cosign_tag(&image, ".sig"), SIGNED_TEXT, &[(&payload, &signature)]);
    let envelope = signer.envelope(&other, "https://sigstore.dev/cosign/sign/v1", &json!({}));
    let bundle = json!({"mediaType": BUNDLE, "verificationMaterial": {"publicKey": {}}, "dsseEnvelope": envelope});
    let layer = fixture.staging.blob(REPOSITORY, BUNDLE, bundle.to_string().as_bytes());
    refer(&fixture.staging, &image, BUNDLE, &layer);
    // A bill of materials is not what says that the image may go.
    signer.bundle(&fixture.staging, &image, "https://spdx.dev/Document", &json!({}));
    refused(&fixture, "does not have a valid signature");
}

#[test]
fn junk_beside_a_signature_does_not_matter() {
    let signer = Signer::new();
    let fixture = Fixture::new(with_api(), with_api());
    let image = image(&fixture, &signer.rules());
    fixture.staging.cosign(REPOSITORY, &cosign_tag(&image, ".sig"), SIGNED_TEXT, &[("junk", "junk")]);
    for junk in ["", "{}", "[1]", "\u{0}"] {
        let layer = fixture.staging.blob(REPOSITORY, BUNDLE, junk.as_bytes());
        refer(&fixture.staging, &image, BUNDLE, &layer);
    }
    Signer::new().sign_by_referrer(&fixture.staging, &image);
    signer.sign_by_referrer(&fixture.staging, &image);
    promoted(&fixture);
}

#[test]
fn a_registry_that_does_not_say_what_is_attached_proves_nothing() {
    let signer = Signer::new();
    let staging =
        Kind::hooked(
            |asked, _| {
                if is_of_signatures(asked) { Action::Answer(500, vec![], String::new()) } else { Action::Serve }
            },
        );
    let fixture = Fixture::new(staging, Kind::default());
    let image = image(&fixture, &signer.rules());
    signer.sign_by_tag(&fixture.staging, &image);
    for arguments in [&["plan", "--retries", "0"][..], &["run", "--confirm", "--retries", "0"]] {
        let printed = fixture.run(arguments).failed();
        assert!(printed.contains("500 Internal Server Error"), "{printed}");
    }
    assert!(fixture.production.store().manifests.is_empty());
}

#[test]
fn who_names_a_bundle_wrongly_does_not_hide_it() {
    let signer = Signer::new();
    let fixture = Fixture::new(with_api(), with_api());
    let image = image(&fixture, &signer.rules());
    let bundle = json!({
        "mediaType": BUNDLE, "verificationMaterial": {"publicKey": {}},
        "dsseEnvelope": signer.envelope(&image, "https://sigstore.dev/cosign/sign/v1", &json!({}))
    });
    let layer = fixture.staging.blob(REPOSITORY, BUNDLE, bundle.to_string().as_bytes());
    // In the order in which they are read: the small ones first.
    let mut wrong = layer.clone();
    wrong["size"] = json!(1);
    refer(&fixture.staging, &image, BUNDLE, &wrong);
    wrong = layer.clone();
    wrong["mediaType"] = json!(ENVELOPE);
    refer(&fixture.staging, &image, BUNDLE, &wrong);
    // These are not there, and take nothing of the limits.
    for at in 0..5 {
        let digest = format!("sha256:{}", at.to_string().repeat(64));
        refer(&fixture.staging, &image, BUNDLE, &json!({"mediaType": BUNDLE, "digest": digest, "size": 8 << 20}));
    }
    let mut long = layer;
    long["annotations"] = json!({"so that": "its manifest is the longest"});
    refer(&fixture.staging, &image, BUNDLE, &long);
    promoted(&fixture);
}

#[test]
fn what_is_not_required_is_a_warning() {
    let signer = Signer::new();
    let fixture = Fixture::new(Kind::default(), Kind::default());
    image(&fixture, &format!("{}  required: false\n", signer.rules()));
    let warning = "; warning: ";
    for arguments in [&["plan"][..], &["run", "--confirm"]] {
        let printed = fixture.run(arguments).ok();
        assert!(printed.contains(warning) && printed.contains("does not have a valid signature"), "{printed}");
    }
    let printed = fixture.run(&["verify", "--output", "json", "--all"]).ok();
    let warnings = lines(&printed)[0]["warnings"].as_array().unwrap().clone();
    assert_eq!(warnings.len(), 1, "{printed}");
}

#[test]
fn a_signature_that_comes_late_counts_once_it_is_there() {
    let signer = Signer::new();
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = image(&fixture, "platforms: [linux/s390x]");
    refused(&fixture, "it is not for `linux/s390x`, only for `linux/amd64 app`, `linux/arm64 app`");
    std::fs::remove_file(fixture.folder.path().join("manifests/team/rules.yaml")).unwrap();
    fixture.run(&["run", "--confirm"]).ok();
    // Without a valid signature in production, no tag is added.
    fixture.write("manifests/team/rules.yaml", &signer.rules());
    fixture.promote(&[("app", &image, &["v1", "v2"])]);
    assert!(fixture.run(&["plan"]).failed().ends_with("\n1 there, 1 refused\n"));
    assert!(fixture.run(&["run", "--confirm"]).failed().ends_with("\n1 there, 1 refused\n"));
    assert_eq!(fixture.production.store().tags.keys().filter(|(_, tag)| tag == "v2").count(), 0);
    signer.sign_by_tag(&fixture.staging, &image);
    // It is copied before the tag is set.
    assert!(fixture.run(&["plan"]).ok().ends_with("\n1 there, 1 tag-only\n"));
    assert!(fixture.run(&["run", "--confirm"]).ok().ends_with("\n1 there, 1 tagged\n"));
    assert_eq!(fixture.run(&["verify"]).ok(), "2 there\n");
}

#[test]
fn nobody_sees_an_image_whose_signature_was_left_out() {
    let signer = Signer::new();
    // It takes everything but the tag of signatures.
    let production = Kind::hooked(|asked, _| {
        let is_signature = asked.method == "PUT" && is_of_signatures(asked);
        if is_signature { Action::Answer(400, vec![], "no such tags here".to_owned()) } else { Action::Serve }
    });
    let fixture = Fixture::new(Kind::default(), production);
    let image = image(&fixture, &signer.rules());
    signer.sign_by_tag(&fixture.staging, &image);
    let printed = fixture.run(&["run", "--confirm"]).failed();
    assert!(printed.starts_with("refused ") && printed.contains("no such tags here"), "{printed}");
    let is_there = |image: &str| has(&fixture.production, image);
    assert!(fixture.production.store().tags.is_empty() && !is_there(&image));
    // Nor any of its platforms: all that came is the signature, without its tag.
    assert!(fixture.production.store().manifests.len() == 1);
    // Not by its digest alone, either.
    fixture.promote(&[("app", &image, &[])]);
    assert!(fixture.run(&["run", "--confirm"]).failed().ends_with("\n1 refused\n"));
    assert!(!is_there(&image));
}

fn has(production: &StandIn, image: &str) -> bool {
    production.store().manifests.contains_key(&("prod/app".to_owned(), image.to_owned()))
}

#[test]
fn only_what_a_promotion_copies_proves_something() {
    let signer = Signer::new();
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = image(&fixture, &signer.rules());
    // A valid signature, in a manifest that is too long to be copied.
    let payload = signed_text(&image);
    let mut layer = fixture.staging.blob(REPOSITORY, SIGNED_TEXT, payload.as_bytes());
    let signature = signer.sign(payload.as_bytes());
    layer["annotations"] = json!({"dev.cosignproject.cosign/signature": signature, "long": "x".repeat(1 << 20)});
    let config = fixture.staging.blob(REPOSITORY, "application/vnd.oci.image.config.v1+json", b"{}");
    let manifest = json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [layer]});
    fixture.staging.manifest(REPOSITORY, Some(&cosign_tag(&image, ".sig")), &manifest);
    refused(&fixture, "there are more than 1048576 bytes of manifests");
}

#[test]
fn each_project_has_its_own_rules_and_a_repository_has_one_set_of_them() {
    let signer = Signer::new();
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = image(&fixture, &signer.rules());
    let registries =
        std::fs::read_to_string(fixture.folder.path().join("manifests/team/promoter-manifest.yaml")).unwrap();
    // The same image, to the same repository, by a project without rules.
    fixture.write("manifests/apps/promoter-manifest.yaml", &registries);
    fixture.write("images/apps/images.yaml", &format!("- name: app\n  dmap:\n    \"{image}\": []\n"));
    fixture.write("manifests/zoo/promoter-manifest.yaml", &registries);
    fixture.write("images/zoo/images.yaml", &format!("- name: app\n  dmap:\n    \"{image}\": [v2]\n"));
    let refused = |team: &str| {
        let message = format!(
            "is promoted to the same repository by several projects: `apps` has no rules, `team` has {team}, `zoo` has no rules; write the same `rules.yaml` for all of them"
        );
        let printed = fixture.run(&["check"]).failed();
        for project in ["apps", "team", "zoo"] {
            assert!(printed.contains(&format!("images/{project}/images.yaml:1:9: {message}\n")), "{printed}");
        }
        assert_eq!(fixture.run(&["run", "--confirm"]).code, Some(1));
        assert!(fixture.production.store().asked.is_empty());
    };
    refused("rules of its own");
    // Rules that nobody can read are not none.
    fixture.write("manifests/team/rules.yaml", "signatures: {keys: []}");
    refused("rules with faults");
    fixture.write("manifests/team/rules.yaml", &signer.rules());
    fixture.write("manifests/zoo/rules.yaml", &signer.rules());
    fixture.write("manifests/apps/rules.yaml", &signer.rules());
    assert!(fixture.run(&["run", "--confirm"]).failed().ends_with("\n3 refused\n"));
}

#[test]
fn signatures_go_into_a_folder_with_what_they_sign() {
    let signer = Signer::new();
    let fixture = Fixture::new(with_api(), Kind::default());
    let image = image(&fixture, &signer.rules());
    refused(&fixture, "nothing is attached that could be one");
    let folder = fixture.folder.path().join("carried");
    let arguments = ["run", "--confirm", "--to-layouts", folder.to_str().unwrap()];
    assert!(fixture.run(&arguments).failed().ends_with("\n1 refused\n"));
    signer.sign_by_referrer(&fixture.staging, &image);
    assert!(fixture.run(&arguments).ok().ends_with("\n1 copied\n"));
    assert_eq!(fixture.run(&["verify", "--to-layouts", folder.to_str().unwrap()]).ok(), "1 there\n");
}

#[test]
fn platforms_are_those_of_the_index_or_of_the_configuration() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let child = |os: &str, architecture: &str, variant: Option<&str>| {
        let mut described = fixture.staging.image(REPOSITORY, None, "any", &[os.as_bytes(), architecture.as_bytes()]);
        described["platform"] = json!({"os": os, "architecture": architecture, "variant": variant});
        described
    };
    let children =
        [child("linux", "amd64", None), child("linux", "arm", Some("v6")), child("unknown", "unknown", None)];
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children});
    let index = digest(&fixture.staging.manifest(REPOSITORY, Some("v1"), &index));
    let single = digest(&fixture.staging.image(REPOSITORY, None, "amd64", &[b"single"]));
    fixture.promote(&[("app", &index, &["v1"]), ("app", &single, &["v2"])]);
    fixture.write("manifests/team/rules.yaml", "platforms: [linux/amd64, linux/arm/v6]");
    let printed = fixture.run(&["run", "--confirm"]).failed();
    assert!(
        printed.contains("v2") && printed.contains("it is not for `linux/arm/v6`, only for `linux/amd64`"),
        "{printed}"
    );
    assert!(printed.ends_with("\n1 refused, 1 copied\n"), "{printed}");
    let verified = fixture.run(&["verify"]).failed();
    assert!(verified.ends_with("\n1 there, 1 absent\n"), "{verified}");
}

#[test]
fn a_tag_that_is_denied_stops_its_own_edge_alone() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = fixture.staging.index(REPOSITORY, "v1", "app");
    fixture.promote(&[("app", &image, &["v1", "latest", "dev-1"])]);
    fixture.write("manifests/team/rules.yaml", "tags: {deny: [latest, \"dev-*\"]}");
    let printed = fixture.run(&["check"]).failed();
    let line = |column: usize, tag: &str, pattern: &str| {
        format!(
            "images/team/images.yaml:3:{column}: the tag `{tag}` is denied by `{pattern}`; use another tag (manifests/team/rules.yaml)\n"
        )
    };
    let columns: BTreeSet<&str> = printed.lines().map(|line| line.split(':').nth(2).unwrap()).collect();
    assert_eq!(columns.len(), 2, "{printed}");
    for (column, (tag, pattern)) in columns.iter().zip([("latest", "latest"), ("dev-1", "dev-*")]) {
        assert!(printed.contains(&line(column.parse().unwrap(), tag, pattern)), "{printed}");
    }
    let planned = fixture.run(&["plan"]);
    assert_eq!(planned.stderr, "", "it has a line of its own");
    assert!(planned.failed().ends_with("\n1 copy, 2 refused\n"));
    assert!(fixture.run(&["run", "--confirm"]).failed().ends_with("\n1 copied, 2 refused\n"));
    let tags: Vec<String> = fixture.production.store().tags.keys().map(|(_, tag)| tag.clone()).collect();
    assert_eq!(tags, ["v1"]);
    assert!(fixture.run(&["verify"]).failed().contains("2 refused"));
    // All tags of an image are denied: no registry is asked for it.
    fixture.promote(&[("app", &image, &["latest"])]);
    fixture.staging.forget_requests();
    fixture.production.forget_requests();
    assert!(fixture.run(&["run", "--confirm", "--late-signatures"]).failed().ends_with("\n1 refused\n"));
    assert_eq!(fixture.staging.store().asked.len() + fixture.production.store().asked.len(), 0);
    fixture.staging.index(REPOSITORY, "dev-2", "app");
    let refused = fixture.run(&["add", "app:dev-2"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("the tag `dev-2` is denied by `dev-*`"), "{}", refused.stderr);
}

#[test]
fn provenance_says_who_built_it_and_from_what() {
    let (signer, other) = (Signer::new(), Signer::new());
    let (builder, source) = ("https://ci.example/builder@v1", "https://git.example/team/app");
    let rules = |builder: &str, source: &str| {
        format!("{}provenance:\n  builder: \"{builder}\"\n  source: {source}\n", signer.rules())
    };
    let fixture = Fixture::new(with_api(), with_api());
    let image = image(&fixture, &rules("https://ci.example/builder@*", source));
    signer.sign_by_tag(&fixture.staging, &image);
    refused(&fixture, "does not have a valid provenance");
    other.bundle(&fixture.staging, &image, PROVENANCE, &provenance(builder, source));
    refused(&fixture, "key");
    signer.bundle(&fixture.staging, &image, PROVENANCE, &provenance(builder, "https://git.example/other/app"));
    refused(
        &fixture,
        "a provenance has the source `https://git.example/other/app`, and the rules ask for `https://git.example/team/app`",
    );
    signer.attest(&fixture.staging, &image, PROVENANCE, &provenance("https://laptop.example", source));
    refused(&fixture, "a provenance has the builder `https://laptop.example`");
    signer.attest(
        &fixture.staging,
        &image,
        PROVENANCE,
        &provenance(builder, &format!("git+{source}.git@refs/heads/main")),
    );
    promoted(&fixture);
}

#[test]
fn rules_that_cannot_be_read_stop_the_project() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let key = Signer::new().public_key();
    let check = |rules: &str, expected: &str| {
        image(&fixture, rules);
        let printed = fixture.run(&["check"]).failed();
        let expected = format!("manifests/team/rules.yaml{expected}\n");
        assert!(printed.contains(&expected), "{rules}\n{expected}{printed}");
        let ran = fixture.run(&["run", "--confirm"]);
        assert_eq!(ran.code, Some(1));
        assert!(fixture.production.store().asked.is_empty(), "{}", ran.stdout);
    };
    check("", ": is empty; write rules, or remove the file");
    check("# later\n", ": is empty; write rules, or remove the file");
    check("{}", ": is empty; write rules, or remove the file");
    check("[", ":1:1: is not valid YAML: unclosed bracket '['");
    check(
        "signature: {}",
        ":1:1: the field `signature` is not known; known are `signatures`, `platforms`, `tags` and `provenance`",
    );
    check("signatures: {}", ":1:13: names nobody who signs; add `keys`, or `keyless`");
    check("signatures: {keys: []}", ":1:20: is an empty list; expected a list of public keys in PEM");
    check(
        "signatures: {keys: [cosign.pub]}",
        ":1:21: `cosign.pub` is not PEM; write a public key, which begins with `-----BEGIN PUBLIC KEY-----`",
    );
    let private =
        "signatures:\n  keys:\n  - |\n    -----BEGIN PRIVATE KEY-----\n    c2VjcmV0\n    -----END PRIVATE KEY-----\n";
    image(&fixture, private);
    let printed = fixture.run(&["check"]).failed();
    assert!(printed.contains("private key") && !printed.contains("c2Vj"), "{printed}");
    check("platforms: []", ":1:12: is an empty list; expected a list of platforms, such as [linux/amd64]");
    check("platforms: linux/amd64", ":1:12: found a string; expected a list of platforms, such as [linux/amd64]");
    check(
        "platforms: [amd64]",
        ":1:13: `amd64` is not a platform; write the operating system and the architecture, as in `linux/amd64` or `linux/arm/v7`",
    );
    check("tags: {deny: [\"a b\"]}", ":1:15: `a b` matches no tag; a tag has letters, digits, `_`, `.` and `-`");
    check("tags: {}", ":1:7: the field `deny` is missing");
    check(
        "provenance: {builder: \"https://ci.example\"}",
        ":1:13: anybody can write a provenance; say in `signatures` who has to have signed it",
    );
    check(
        &format!("signatures:\n  keys:\n{key}provenance: {{}}"),
        ":8:13: asks for nothing; add `builder`, or `source`",
    );
    check(
        &format!("signatures:\n  keys:\n{key}provenance: {{source: git+https://git.example/a.git@v1}}"),
        ":8:22: `git+https://git.example/a.git@v1` would match nothing; write `https://git.example/a`",
    );
    check(
        &format!("signatures:\n  keys:\n{key}provenance: {{source: git+https://git.example/a.git@v1}}"),
        ":8:22: `git+https://git.example/a.git@v1` would match nothing; write `https://git.example/a`",
    );
    check(
        &format!("signatures:\n  keys:\n{key}  required: \"no\""),
        ":8:13: found a string; expected `true` or `false`",
    );
}

#[test]
fn rules_in_another_place_are_not_taken_for_rules_that_hold() {
    for path in [
        "manifests/team/rules.yml",
        "manifests/team/rules.json",
        "manifests/team/team-rules.yaml",
        "manifests/team/rule.yaml",
        "images/team/rules.yaml",
        "manifests/rules.yaml",
        "manifests/team/x/Rules.yaml",
    ] {
        let fixture = Fixture::new(Kind::default(), Kind::default());
        let image = fixture.staging.index(REPOSITORY, "v1", "app");
        fixture.promote(&[("app", &image, &["v1"])]);
        fixture.write(path, "platforms: [linux/s390x]");
        let printed = fixture.run(&["check"]).failed();
        assert!(printed.contains("nothing reads these rules; expected `manifests/PROJECT/rules.yaml`\n"), "{printed}");
        assert_eq!(fixture.run(&["run", "--confirm"]).code, Some(1), "{path}");
        assert!(fixture.production.store().tags.is_empty(), "{path}");
    }
    // Docker makes a folder of a file that it does not find.
    let fixture = Fixture::new(Kind::default(), Kind::default());
    image(&fixture, "tags: {deny: [latest]}");
    let file = fixture.folder.path().join("manifests/team/rules.yaml");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let printed = fixture.run(&["check"]).failed();
    assert_eq!(printed, "manifests/team/rules.yaml: cannot be read: `it is a folder`\n");
    assert_eq!(fixture.run(&["run", "--confirm"]).code, Some(1));
    // Somebody's copy beside the rules is no fault.
    let fixture = Fixture::new(Kind::default(), Kind::default());
    image(&fixture, "tags: {deny: [latest]}");
    fixture.write("manifests/team/rules.yaml.orig", "platforms: [linux/s390x]");
    fixture.run(&["run", "--confirm"]).ok();
}

#[test]
fn a_change_of_the_rules_is_shown_to_whoever_reviews_images() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    image(&fixture, "platforms: [linux/amd64, linux/arm64]\n");
    let folder = fixture.folder.path();
    commit(folder);
    let valid = "valid: 1 project, 1 image, 1 digest, 1 edge\n";
    assert_eq!(fixture.run(&["check", "--base", "main"]).ok(), valid);
    let check = |expected: &str| {
        let expected = format!("{expected}\n");
        assert_eq!(fixture.run(&["check", "--base", "main"]).ok(), format!("{expected}{valid}"));
        assert_eq!(fixture.run(&["plan", "--base", "main"]).stderr, expected);
    };
    fixture.write("manifests/team/rules.yaml", "platforms: [linux/amd64]\n");
    check(
        "manifests/team/rules.yaml: warning: differs from `manifests/team/rules.yaml` in main, for the same repositories; look at what it does not ask for any more",
    );
    std::fs::remove_file(folder.join("manifests/team/rules.yaml")).unwrap();
    let gone = "warning: is not there, and `manifests/team/rules.yaml` in main holds for the same repositories; nothing is asked of their images any more";
    check(&format!("manifests/team/rules.yaml: {gone}"));
    // Another name for the project changes nothing.
    for tree in ["manifests", "images"] {
        std::fs::rename(folder.join(tree).join("team"), folder.join(tree).join("crew")).unwrap();
    }
    check(&format!("manifests/crew/rules.yaml: {gone}"));
}

/// Where what cosign itself has written is: image layouts, in the place of `staging.example`.
const BY_COSIGN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/cosign");

#[test]
fn what_cosign_writes_counts_in_each_of_its_forms() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let digest = "sha256:b0a3c84054019ae5081f26b2476f5f1de4a277db260fd9d01d5b6fd7f0eb6c66";
    fixture.promote(&[("tags", digest, &["v1"]), ("bundles", digest, &["v1"])]);
    let registries = format!(
        "registries: [{{name: staging.example, src: true}}, {{name: \"{}/prod\"}}]",
        fixture.production.address
    );
    fixture.write("manifests/team/promoter-manifest.yaml", &registries);
    let run = |command: &[&str], key: &str, source: &str| {
        let rules = format!(
            "signatures:\n  keys:\n{key}provenance: {{builder: https://ci.example/builder@v1, source: {source}}}\nplatforms: [linux/amd64, linux/arm64]\n"
        );
        fixture.write("manifests/team/rules.yaml", &rules);
        fixture.run(&[command, &["--from-layouts", BY_COSIGN]].concat())
    };
    let key = std::fs::read_to_string(format!("{BY_COSIGN}/cosign.pub")).unwrap();
    let key = format!("  - |\n    {}\n", key.trim_end().replace('\n', "\n    "));
    let source = "https://git.example/team/app";
    let other = run(&["plan"], &Signer::new().public_key(), source).failed();
    assert!(
        other.ends_with("\n2 refused\n") && other.contains("is signed by a key that the rules do not name"),
        "{other}"
    );
    let library = run(&["plan"], &key, "https://git.example/team/library").failed();
    assert!(library.ends_with("\n2 refused\n"), "{library}");
    assert!(run(&["run", "--confirm"], &key, source).ok().ends_with("\n2 copied\n"));
    assert_eq!(run(&["verify"], &key, source).ok(), "2 there\n");
}
