//! Attestations as cosign keeps them: an envelope, with annotations beside it.

use local_registry_core::Digest;
use local_registry_signatures::{Provenance, Signers};
use serde_json::{Value, json};

use crate::maker::{
    Annotations, Entry, IN_TOTO, Key, Keyless, MIDNIGHT, SIGN, dsse, encoded, envelope, hashedrekord, image, intoto,
    statement,
};

fn signers(key: &Key) -> Signers {
    Signers::new(vec![key.public()], Vec::new())
}

fn signed(key: &Key, payload: &[u8]) -> Value {
    envelope(payload, &[key.sign(&encoded(IN_TOTO, payload))])
}

#[track_caller]
fn check(signers: &Signers, envelope: &Value, expected: &str) {
    let error = signers.verify_envelope(envelope.to_string().as_bytes(), &Annotations::new(), &image()).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

const OTHER_KEY: &str = "is signed by a key that the rules do not name";

#[test]
fn a_statement_comes_out_of_its_envelope() {
    let key = Key::new();
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "subject": [{"name": "app", "digest": {"sha256": image().hex()}}],
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "predicate": {"builder": {"id": "b"}, "invocation": {"configSource": {"uri": "git+https://x.example/app"}}},
    });
    let envelope = signed(&key, statement.to_string().as_bytes()).to_string();
    let statement = signers(&key).verify_envelope(envelope.as_bytes(), &Annotations::new(), &image()).unwrap();
    assert_eq!((statement.predicate_type(), statement.signs_image()), ("https://slsa.dev/provenance/v0.2", false));
    let provenance = Provenance { builder: "b".to_owned(), source: Some("https://x.example/app".to_owned()) };
    assert_eq!(statement.provenance(), Some(provenance));
}

#[test]
fn one_of_several_signatures_is_enough() {
    let (key, payload) = (Key::new(), statement(&image()));
    let signature = key.sign(&encoded(IN_TOTO, &payload));
    let mut signatures = vec![Key::new().sign(&encoded(IN_TOTO, &payload)); 15];
    signatures.push(signature.clone());
    let valid = envelope(&payload, &signatures).to_string();
    let statement = signers(&key).verify_envelope(valid.as_bytes(), &Annotations::new(), &image()).unwrap();
    assert_eq!(statement.predicate_type(), SIGN);
    signatures.push(signature);
    for signatures in [signatures, Vec::new()] {
        let expected = format!(
            "is not usable: its envelope is not as expected: it has {} signatures, and 1 to 16 are expected",
            signatures.len()
        );
        check(&signers(&key), &envelope(&payload, &signatures), &expected);
    }
}

#[test]
fn a_signature_is_of_the_payload_and_its_type() {
    let (key, payload) = (Key::new(), statement(&image()));
    // Of the payload alone; with another type; and with a type that has the beginning of the payload in it.
    let confused = format!("DSSEv1 28 {IN_TOTO} {} ", payload.len());
    for signed in [
        payload.clone(),
        encoded("application/json", &payload),
        encoded("", &payload),
        [confused.as_bytes(), &payload].concat()[1..].to_vec(),
    ] {
        check(&signers(&key), &envelope(&payload, &[key.sign(&signed)]), OTHER_KEY);
    }
    let mut other_type = envelope(&payload, &[key.sign(&encoded("application/json", &payload))]);
    other_type["payloadType"] = json!("application/json");
    let expected = "is not usable: its envelope is not as expected: its payload has the type `application/json`, and `application/vnd.in-toto+json` is expected";
    check(&signers(&key), &other_type, expected);
}

#[test]
fn a_payload_for_cosign_is_not_a_statement() {
    let key = Key::new();
    let payload = crate::maker::payload(&image());
    // The key has signed the payload, and nobody has signed it as a statement.
    check(&signers(&key), &envelope(&payload, &[key.sign(&payload)]), OTHER_KEY);
    check(
        &signers(&key),
        &signed(&key, &payload),
        "is a statement that is not readable: missing field `_type` at line 1 column 241",
    );
}

#[test]
fn a_statement_about_another_image_is_refused() {
    let key = Key::new();
    let expected = format!(
        "is a statement that is not about this image: none of its subjects has `sha256` with the digits of {}",
        image()
    );
    check(&signers(&key), &signed(&key, &statement(&Digest::from_sha256(&[7; 32]))), &expected);
}

#[test]
fn an_identity_attests_by_each_kind_of_entry() {
    let (keyless, payload) = (Keyless::new(), statement(&image()));
    let signers = Signers::new(Vec::new(), vec![keyless.identity()]);
    let bytes = encoded(IN_TOTO, &payload);
    let signature = keyless.key.sign(&bytes);
    let envelope = envelope(&payload, &[keyless.key.sign(&bytes), signature.clone()]).to_string();
    let verify = |body: &Value| {
        let annotations = keyless.annotations_with(b"", &Entry::new(&keyless.log, body, MIDNIGHT));
        signers.verify_envelope(envelope.as_bytes(), &annotations, &image()).map_err(|error| error.to_string())
    };
    let certificate = &keyless.certificate;
    for body in [
        dsse(&payload, &signature, certificate),
        intoto(&payload, &signature, certificate),
        hashedrekord(&bytes, &signature, certificate),
    ] {
        assert!(verify(&body).unwrap().signs_image());
    }
    for (body, expected) in [
        (dsse(b"other", &signature, certificate), "its log entry is about other data"),
        (intoto(b"other", &signature, certificate), "its log entry is about other data"),
        (hashedrekord(&payload, &signature, certificate), "its log entry is about other data"),
        (dsse(&payload, &keyless.key.sign(&bytes), certificate), "its log entry is about another signature"),
        (dsse(&payload, &signature, b"other"), "its log entry is about a signature by another certificate"),
        (intoto(&payload, &signature, b"other"), "its log entry is about a signature by another certificate"),
    ] {
        assert_eq!(verify(&body).unwrap_err(), expected);
    }
    let mut twice = intoto(&payload, &signature, certificate);
    twice["spec"]["content"]["envelope"]["signatures"][0]["sig"] = json!(crate::maker::base64(b"no base64"));
    assert_eq!(verify(&twice).unwrap_err(), "its log entry has a signature that is not base64");
}
