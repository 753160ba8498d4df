//! Whatever comes, it is refused, and nothing panics.

use local_registry_core::Digest;
use local_registry_signatures::{Authority, PublicKey, Signers};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::maker::{
    Annotations, BUNDLE, CERTIFICATE, CHAIN, Entry, IMAGE, IN_TOTO, Keyless, MIDNIGHT, SIGNATURE, base64, dsse,
    encoded, envelope, image, payload, statement,
};

fn signers(keyless: &Keyless) -> Signers {
    Signers::new(vec![crate::maker::Key::new().public()], vec![keyless.identity()])
}

/// Calls `check` with each text in which one byte is another one.
fn changed(bytes: &[u8], mut check: impl FnMut(&[u8], usize)) {
    let mut changed = bytes.to_vec();
    for (at, bit) in (0..bytes.len()).zip([0x01, 0x20, 0x80].into_iter().cycle()) {
        changed[at] ^= bit;
        check(&changed, at);
        changed[at] ^= bit;
    }
}

#[test]
fn every_change_of_a_payload_or_its_signature_is_refused() {
    let (keyless, payload) = (Keyless::new(), payload(&image()));
    let annotations = keyless.annotations(&payload);
    let signers = Signers::new(vec![keyless.key.public()], vec![keyless.identity()]);
    changed(&payload, |payload, at| {
        assert!(signers.verify_payload(payload, &annotations, &image()).is_err(), "{at}");
    });
    changed(annotations[SIGNATURE].as_bytes(), |signature, at| {
        let Ok(signature) = std::str::from_utf8(signature) else { return };
        let mut annotations = annotations.clone();
        annotations.insert(SIGNATURE.to_owned(), signature.to_owned());
        assert!(signers.verify_payload(&payload, &annotations, &image()).is_err(), "{at}: {signature}");
    });
}

#[test]
fn every_change_of_a_certificate_or_a_log_entry_is_refused() {
    let (keyless, payload) = (Keyless::new(), payload(&image()));
    let signature = keyless.key.sign(&payload);
    let body = crate::maker::hashedrekord(&payload, &signature, &keyless.certificate);
    let entry = Entry::new(&keyless.log, &body, MIDNIGHT);
    let signers = signers(&keyless);
    let check = |keyless: &Keyless, entry: &Entry, at| {
        let annotations = keyless.annotations_with(&signature, entry);
        assert!(signers.verify_payload(&payload, &annotations, &image()).is_err(), "{at}");
    };
    let mut other = Keyless::new();
    changed(&keyless.certificate, |certificate, at| {
        other.certificate = certificate.to_vec();
        check(&other, &entry, at);
    });
    changed(entry.body.as_bytes(), |body, at| {
        let Ok(body) = String::from_utf8(body.to_vec()) else { return };
        check(&keyless, &Entry { body, ..entry.clone() }, at);
    });
    changed(&entry.promise, |promise, at| {
        check(&keyless, &Entry { promise: promise.to_vec(), ..entry.clone() }, at);
    });
}

#[test]
fn every_change_of_an_envelope_is_refused() {
    let (keyless, payload) = (Keyless::new(), statement(&image()));
    let signers = Signers::new(vec![keyless.key.public()], Vec::new());
    let signature = keyless.key.sign(&encoded(IN_TOTO, &payload));
    let check = |envelope: &Value, at| {
        let verified = signers.verify_envelope(envelope.to_string().as_bytes(), &Annotations::new(), &image());
        assert!(verified.is_err(), "{at}");
    };
    changed(&payload, |payload, at| check(&envelope(payload, std::slice::from_ref(&signature)), at));
    changed(&signature, |signature, at| check(&envelope(&payload, &[signature.to_vec()]), at));
}

/// A bundle that an identity made.
fn bundle(keyless: &Keyless) -> Value {
    let payload = statement(&image());
    let signature = keyless.key.sign(&encoded(IN_TOTO, &payload));
    let entry = Entry::new(&keyless.log, &dsse(&payload, &signature, &keyless.certificate), MIDNIGHT);
    json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "certificate": {"rawBytes": base64(&keyless.certificate)},
            "tlogEntries": [entry.in_bundle()],
        },
        "dsseEnvelope": envelope(&payload, &[signature]),
    })
}

#[test]
fn whatever_is_changed_in_a_bundle_it_says_the_same_or_is_refused() {
    let keyless = Keyless::new();
    let signers = Signers::new(Vec::new(), vec![keyless.identity()]);
    let bundle = bundle(&keyless).to_string();
    let expected = signers.verify_bundle(bundle.as_bytes(), &image(), IMAGE).unwrap();
    let mut refused = 0;
    changed(bundle.as_bytes(), |changed, at| match signers.verify_bundle(changed, &image(), IMAGE) {
        Ok(signed) => assert_eq!(signed, expected, "{at}"),
        Err(error) => {
            refused += 1;
            assert!(error.to_string().chars().count() < 600, "{error}");
        }
    });
    assert!(refused > bundle.len() / 2, "{refused}");
    for length in (0..bundle.len()).step_by(7) {
        assert!(signers.verify_bundle(&bundle.as_bytes()[..length], &image(), IMAGE).is_err());
    }
}

#[test]
fn errors_quote_an_excerpt() {
    let keyless = Keyless::new();
    let (signers, long) = (signers(&keyless), "x".repeat(100_000));
    let mut annotations = keyless.annotations(&payload(&image()));
    let mut check = |annotation: &str, text: String| {
        annotations.insert(annotation.to_owned(), text);
        let error = signers.verify_payload(&payload(&image()), &annotations, &image()).unwrap_err().to_string();
        assert!(error.chars().count() < 600, "{} characters: {annotation}", error.chars().count());
    };
    check(BUNDLE, json!(long).to_string());
    check(BUNDLE, format!("{{\"{long}\": 1, \"{long}\": 1}}"));
    check(CHAIN, format!("-----BEGIN {long}-----"));
    check(CERTIFICATE, format!("-----BEGIN {long}-----\n-----END {long}-----"));
    for text in [format!("-----BEGIN {long}-----"), format!("-----BEGIN {long}-----\n-----END {long}-----")] {
        assert!(text.parse::<PublicKey>().unwrap_err().to_string().chars().count() < 600);
        assert!(text.parse::<Authority>().unwrap_err().to_string().chars().count() < 600);
    }
}

#[test]
fn much_is_read_in_little_time() {
    let keyless = Keyless::new();
    let signers = signers(&keyless);
    // Each of these would take minutes if reading were quadratic.
    let keys: Vec<String> = (0..100_000).map(|number| format!("\"{number}\":1")).collect();
    let text = format!("{{{}}}", keys.join(","));
    assert!(signers.verify_bundle(text.as_bytes(), &image(), IMAGE).is_err());
    let text = "-----BEGIN A-----\n-----END A-----\n".repeat(100_000);
    assert!(text.parse::<PublicKey>().is_err());
    assert!("-----BEGIN ".repeat(200_000).parse::<PublicKey>().is_err());
    let text = "[".repeat(1_000_000);
    assert!(signers.verify_envelope(text.as_bytes(), &Annotations::new(), &image()).is_err());
}

/// JSON with the keys that are read, and anything in them.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<u64>().prop_map(Value::from),
        "[A-Za-z0-9+/=]{0,12}".prop_map(Value::from),
        Just(json!(IN_TOTO)),
        Just(json!("application/vnd.dev.sigstore.bundle.v0.3+json")),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        let key = prop::sample::select(vec![
            "mediaType",
            "verificationMaterial",
            "tlogEntries",
            "certificate",
            "rawBytes",
            "x509CertificateChain",
            "certificates",
            "dsseEnvelope",
            "messageSignature",
            "payload",
            "payloadType",
            "signatures",
            "sig",
            "critical",
            "Payload",
            "SignedEntryTimestamp",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_are_a_signature(bytes in prop::collection::vec(any::<u8>(), 0..512), text in any::<String>()) {
        let keyless = Keyless::new();
        let signers = signers(&keyless);
        let annotations: Annotations = [SIGNATURE, CERTIFICATE, CHAIN, BUNDLE]
            .into_iter()
            .map(|name| (name.to_owned(), if name == SIGNATURE { base64(&bytes) } else { text.clone() }))
            .collect();
        let image = Digest::from_sha256(&[7; 32]);
        prop_assert!(signers.verify_payload(&bytes, &annotations, &image).is_err());
        prop_assert!(signers.verify_envelope(&bytes, &annotations, &image).is_err());
        prop_assert!(signers.verify_bundle(&bytes, &image, &bytes).is_err());
        let pem = crate::maker::pem("CERTIFICATE", &bytes);
        prop_assert!(pem.parse::<Authority>().is_err());
        prop_assert!(crate::maker::pem("PUBLIC KEY", &bytes).parse::<PublicKey>().is_err());
        let _ = text.parse::<PublicKey>();
    }

    #[test]
    fn no_json_is_a_signature(value in values()) {
        let keyless = Keyless::new();
        let (signers, text) = (signers(&keyless), value.to_string());
        let mut annotations = keyless.annotations(&payload(&image()));
        prop_assert!(signers.verify_envelope(text.as_bytes(), &annotations, &image()).is_err());
        prop_assert!(signers.verify_bundle(text.as_bytes(), &image(), IMAGE).is_err());
        annotations.insert(BUNDLE.to_owned(), text);
        prop_assert!(signers.verify_payload(&payload(&image()), &annotations, &image()).is_err());
    }
}
