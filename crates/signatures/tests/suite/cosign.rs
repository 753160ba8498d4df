//! What a real cosign has made: `tests/data/cosign/README.md` says how.

use std::path::Path;

use local_registry_core::Digest;
use local_registry_signatures::{Provenance, PublicKey, Signed, Signers, Statement};

use crate::maker::Annotations;

/// The kinds of keys that sign images, each with a folder.
const KINDS: [&str; 3] = ["p256", "p384", "rsa"];

/// By a key of this kind, cosign signs images as Ed25519ph, which it does not verify itself; and blobs as Ed25519.
const ED25519: &str = "ed25519";

fn read(path: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cosign");
    std::fs::read(folder.join(path)).unwrap()
}

fn text(path: &str) -> String {
    String::from_utf8(read(path)).unwrap()
}

fn image() -> Digest {
    text("image.txt").trim().parse().unwrap()
}

fn key(kind: &str) -> PublicKey {
    text(&format!("{kind}/cosign.pub")).parse().unwrap()
}

fn annotations(folder: &str) -> Annotations {
    serde_json::from_slice(&read(&format!("{folder}/annotations.json"))).unwrap()
}

/// The signers with the key of this kind, and those with all others.
fn signers(kind: &str) -> (Signers, Signers) {
    let others = KINDS.into_iter().filter(|other| *other != kind).map(key).collect();
    (Signers::new(vec![key(kind)], Vec::new()), Signers::new(others, Vec::new()))
}

const OTHER_KEY: &str = "is signed by a key that the rules do not name";

#[test]
fn cosign_signs_by_each_kind_of_key() {
    for kind in KINDS {
        let (payload, annotations) = (read(&format!("{kind}/payload.json")), annotations(kind));
        let (signers, others) = signers(kind);
        signers.verify_payload(&payload, &annotations, &image()).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(others.verify_payload(&payload, &annotations, &image()).unwrap_err().to_string(), OTHER_KEY);
    }
}

#[test]
fn cosign_3_signs_by_a_bundle() {
    for kind in KINDS {
        let (signers, others) = signers(kind);
        let bundle = read(&format!("{kind}/bundle.json"));
        let signed = signers.verify_bundle(&bundle, &image(), &read("manifest.json"));
        let Signed::Statement(statement) = signed.unwrap_or_else(|error| panic!("{kind}: {error}")) else {
            panic!("{kind}: not a statement");
        };
        assert!(statement.signs_image());
        assert_eq!(others.verify_bundle(&bundle, &image(), b"").unwrap_err().to_string(), OTHER_KEY);
    }
}

#[test]
fn cosign_signs_a_manifest_as_a_blob() {
    for kind in KINDS.into_iter().chain([ED25519]) {
        let (signers, others) = signers(kind);
        let (bundle, manifest) = (read(&format!("{kind}/manifest.bundle.json")), read("manifest.json"));
        let signed = signers.verify_bundle(&bundle, &image(), &manifest);
        assert_eq!(signed.unwrap_or_else(|error| panic!("{kind}: {error}")), Signed::Image);
        assert_eq!(others.verify_bundle(&bundle, &image(), &manifest).unwrap_err().to_string(), OTHER_KEY);
    }
}

#[test]
fn a_signature_by_ed25519ph_is_refused() {
    let signers = Signers::new(vec![key(ED25519)], Vec::new());
    let payload = signers.verify_payload(&read("ed25519/payload.json"), &annotations(ED25519), &image());
    assert_eq!(payload.unwrap_err().to_string(), OTHER_KEY);
    let bundle = signers.verify_bundle(&read("ed25519/bundle.json"), &image(), b"");
    assert_eq!(bundle.unwrap_err().to_string(), OTHER_KEY);
}

#[test]
fn cosign_attests_provenance_in_both_forms() {
    let (signers, others) = signers("p256");
    let check = |statement: &Statement, predicate_type: &str| {
        assert_eq!((statement.predicate_type(), statement.signs_image()), (predicate_type, false));
        let expected = Provenance {
            builder: "https://builder.example/runner".to_owned(),
            source: Some("https://git.example/team/app".to_owned()),
        };
        assert_eq!(statement.provenance(), Some(expected));
    };
    for (folder, predicate_type) in
        [("provenance-0.2", "https://slsa.dev/provenance/v0.2"), ("provenance-1", "https://slsa.dev/provenance/v1")]
    {
        let (envelope, annotations) = (read(&format!("{folder}/envelope.json")), annotations(folder));
        check(&signers.verify_envelope(&envelope, &annotations, &image()).unwrap(), predicate_type);
        assert_eq!(others.verify_envelope(&envelope, &annotations, &image()).unwrap_err().to_string(), OTHER_KEY);
        let bundle = read(&format!("{folder}/bundle.json"));
        match signers.verify_bundle(&bundle, &image(), b"").unwrap() {
            Signed::Statement(statement) => check(&statement, predicate_type),
            Signed::Image => panic!("{folder}: not a statement"),
        }
        let other = Digest::from_sha256(&[7; 32]);
        assert!(signers.verify_bundle(&bundle, &other, b"").is_err());
        assert!(signers.verify_envelope(&envelope, &annotations, &other).is_err());
    }
}
