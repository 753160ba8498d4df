//! cosign's signatures by keys.

use local_registry_core::Digest;
use local_registry_signatures::Signers;
use serde_json::json;

use crate::maker::{Annotations, Key, SIGNATURE, base64, image, payload};

fn signed(key: &Key, payload: &[u8]) -> Annotations {
    Annotations::from([(SIGNATURE.to_owned(), base64(key.sign(payload)))])
}

fn signers(key: &Key) -> Signers {
    Signers::new(vec![key.public()], Vec::new())
}

#[track_caller]
fn check(signers: &Signers, payload: &[u8], annotations: &Annotations, expected: &str) {
    let error = signers.verify_payload(payload, annotations, &image()).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

const OTHER_KEY: &str = "is signed by a key that the rules do not name";

#[test]
fn each_kind_of_key_signs() {
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let (key, payload) = (Key::of(algorithm), payload(&image()));
        signers(&key).verify_payload(&payload, &signed(&key, &payload), &image()).unwrap();
    }
}

#[test]
fn one_of_several_keys_is_enough() {
    let (key, payload) = (Key::new(), payload(&image()));
    let keys = vec![Key::new().public(), key.public(), Key::new().public()];
    Signers::new(keys, Vec::new()).verify_payload(&payload, &signed(&key, &payload), &image()).unwrap();
}

#[test]
fn without_signers_nothing_counts() {
    let (key, payload) = (Key::new(), payload(&image()));
    let expected = "cannot be verified, since the rules name neither keys nor identities";
    check(&Signers::default(), &payload, &signed(&key, &payload), expected);
}

#[test]
fn another_key_does_not_count() {
    let (key, payload) = (Key::new(), payload(&image()));
    check(&signers(&Key::new()), &payload, &signed(&key, &payload), OTHER_KEY);
}

#[test]
fn a_signature_is_of_one_payload() {
    let key = Key::new();
    let mut other = payload(&image());
    let annotations = signed(&key, &other);
    other.push(b' ');
    check(&signers(&key), &other, &annotations, OTHER_KEY);
}

#[test]
fn a_signature_is_of_one_image() {
    let key = Key::new();
    let other = Digest::from_sha256(&[7; 32]);
    let payload = payload(&other);
    let expected = format!("is about the image `{other}`, not about {}", image());
    check(&signers(&key), &payload, &signed(&key, &payload), &expected);
}

#[test]
fn a_payload_is_what_cosign_writes() {
    let key = Key::new();
    let critical = |kind: &str| json!({"type": kind, "image": {"docker-manifest-digest": image()}});
    for (payload, expected) in [
        (
            json!({"critical": critical("atomic container signature")}).to_string(),
            "it has the type `atomic container signature`, and `cosign container image signature` is expected",
        ),
        ("{}".to_owned(), "missing field `critical` at line 1 column 2"),
        (json!({"Critical": critical("cosign container image signature")}).to_string(), "missing field `critical`"),
        (
            json!({"critical": critical("cosign container image signature"), "optional": {}})
                .to_string()
                .replace("optional", "critical"),
            "the key `critical` is there twice",
        ),
        ("no JSON".to_owned(), "expected ident at line 1 column 2"),
    ] {
        let annotations = signed(&key, payload.as_bytes());
        let error = signers(&key).verify_payload(payload.as_bytes(), &annotations, &image()).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("is not usable: its payload is not as expected: {expected}")),
            "{error}: {payload}"
        );
    }
}

#[test]
fn a_signature_is_in_its_annotation() {
    let (key, payload) = (Key::new(), payload(&image()));
    let with = |text: &str| Annotations::from([(SIGNATURE.to_owned(), text.to_owned())]);
    let none = "has no annotation `dev.cosignproject.cosign/signature`";
    check(&signers(&key), &payload, &Annotations::new(), none);
    let not_base64 = "has an annotation `dev.cosignproject.cosign/signature` that is not base64";
    check(&signers(&key), &payload, &with("no base64"), not_base64);
    check(&signers(&key), &payload, &with(""), OTHER_KEY);
}

#[test]
fn a_signature_by_a_key_needs_nothing_else() {
    let (key, payload) = (Key::new(), payload(&image()));
    let mut annotations = signed(&key, &payload);
    annotations.insert(crate::maker::CERTIFICATE.to_owned(), "junk".to_owned());
    annotations.insert(crate::maker::BUNDLE.to_owned(), "junk".to_owned());
    signers(&key).verify_payload(&payload, &annotations, &image()).unwrap();
}
