//! Sigstore's bundles.

use local_registry_signatures::{Signed, Signers};
use serde_json::{Value, json};

use crate::maker::{
    Entry, IMAGE, IN_TOTO, Key, Keyless, MIDNIGHT, base64, dsse, encoded, envelope, hashedrekord, image, sha256,
    statement,
};

const V0_3: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A bundle with a statement that a key signed.
fn by_key(key: &Key) -> Value {
    let payload = statement(&image());
    json!({
        "mediaType": V0_3,
        "verificationMaterial": {"publicKey": {"hint": "junk"}, "tlogEntries": []},
        "dsseEnvelope": envelope(&payload, &[key.sign(&encoded(IN_TOTO, &payload))]),
    })
}

/// A bundle with a signature of the manifest.
fn of_manifest(key: &Key) -> Value {
    let hash: Vec<u8> = ring::digest::digest(&ring::digest::SHA256, IMAGE).as_ref().to_vec();
    json!({
        "mediaType": V0_3,
        "verificationMaterial": {"publicKey": {"hint": "junk"}},
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": base64(hash)},
            "signature": base64(key.sign(IMAGE)),
        },
    })
}

/// A bundle with a statement that an identity signed.
fn by_identity(keyless: &Keyless) -> Value {
    let payload = statement(&image());
    let signature = keyless.key.sign(&encoded(IN_TOTO, &payload));
    let entry = Entry::new(&keyless.log, &dsse(&payload, &signature, &keyless.certificate), MIDNIGHT);
    json!({
        "mediaType": V0_3,
        "verificationMaterial": {
            "certificate": {"rawBytes": base64(&keyless.certificate)},
            "tlogEntries": [entry.in_bundle()],
            "timestampVerificationData": {},
        },
        "dsseEnvelope": envelope(&payload, &[signature]),
    })
}

fn keys(key: &Key) -> Signers {
    Signers::new(vec![key.public()], Vec::new())
}

fn identities(keyless: &Keyless) -> Signers {
    Signers::new(Vec::new(), vec![keyless.identity()])
}

#[track_caller]
fn accepts(signers: &Signers, bundle: &Value) -> Signed {
    signers.verify_bundle(bundle.to_string().as_bytes(), &image(), IMAGE).unwrap()
}

#[track_caller]
fn refuses(signers: &Signers, bundle: &Value, expected: &str) {
    let error = signers.verify_bundle(bundle.to_string().as_bytes(), &image(), IMAGE).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_bundle_has_a_statement() {
    let key = Key::new();
    let Signed::Statement(statement) = accepts(&keys(&key), &by_key(&key)) else { panic!("not a statement") };
    assert!(statement.signs_image());
    refuses(&keys(&Key::new()), &by_key(&key), "is signed by a key that the rules do not name");
}

#[test]
fn a_bundle_has_a_signature_of_the_manifest() {
    let key = Key::new();
    let bundle = of_manifest(&key);
    assert_eq!(accepts(&keys(&key), &bundle), Signed::Image);
    let error = keys(&key).verify_bundle(bundle.to_string().as_bytes(), &image(), b"other").unwrap_err();
    assert_eq!(error.to_string(), format!("is verified by the manifest {}, and another one was given", image()));
    for (at, value) in
        [("digest", base64(b"other")), ("algorithm", "SHA2_512".to_owned()), ("algorithm", "X".to_owned())]
    {
        let mut other = bundle.clone();
        other["messageSignature"]["messageDigest"][at] = json!(value);
        refuses(&keys(&key), &other, "is of the manifest by a hash that is not the manifest's");
    }
    let mut other = bundle;
    other["messageSignature"]["signature"] = json!(base64(key.sign(sha256(IMAGE).as_bytes())));
    refuses(&keys(&key), &other, "is signed by a key that the rules do not name");
}

#[test]
fn an_identity_signs_a_bundle() {
    let keyless = Keyless::new();
    accepts(&identities(&keyless), &by_identity(&keyless));
    let mut chain = by_identity(&keyless);
    chain["verificationMaterial"]["x509CertificateChain"] =
        json!({"certificates": [chain["verificationMaterial"]["certificate"]]});
    refuses(
        &identities(&keyless),
        &chain,
        "is a bundle that does not say unambiguously what is signed, or by which certificate",
    );
    chain["verificationMaterial"]["certificate"].take();
    accepts(&identities(&keyless), &chain);
    let certificates = &mut chain["verificationMaterial"]["x509CertificateChain"]["certificates"];
    *certificates = json!(vec![certificates[0].clone(); 9]);
    refuses(&identities(&keyless), &chain, "brings 9 certificates, and at most 8 are expected");
    let mut message = of_manifest(&keyless.key);
    let signature = keyless.key.sign(IMAGE);
    let entry = Entry::new(&keyless.log, &hashedrekord(IMAGE, &signature, &keyless.certificate), MIDNIGHT);
    message["messageSignature"]["signature"] = json!(base64(&signature));
    message["verificationMaterial"] =
        json!({"certificate": {"rawBytes": base64(&keyless.certificate)}, "tlogEntries": [entry.in_bundle()]});
    assert_eq!(accepts(&identities(&keyless), &message), Signed::Image);
}

#[test]
fn a_bundle_of_an_identity_needs_an_entry_with_a_promise() {
    let keyless = Keyless::new();
    let mut bundle = by_identity(&keyless);
    let entries = "/verificationMaterial/tlogEntries";
    let entry = bundle.pointer(entries).unwrap()[0].clone();
    *bundle.pointer_mut(entries).unwrap() = json!([entry, entry]);
    refuses(&identities(&keyless), &bundle, "has 2 entries of transparency logs, and one is expected");
    *bundle.pointer_mut(entries).unwrap() = json!([]);
    let none = "has a certificate, but no entry of a transparency log, which says when it was made";
    refuses(&identities(&keyless), &bundle, none);
    let mut without = entry;
    without.as_object_mut().unwrap().remove("inclusionPromise");
    without.as_object_mut().unwrap().remove("integratedTime");
    *bundle.pointer_mut(entries).unwrap() = json!([without]);
    let expected = "has a log entry without a time that the log has signed (inclusion promise), as those of Rekor 2; times by other authorities (RFC 3161) are not supported";
    refuses(&identities(&keyless), &bundle, expected);
}

#[test]
fn each_version_is_known_by_its_media_type() {
    let key = Key::new();
    let mut bundle = by_key(&key);
    for version in ["0.1", "0.2", "0.3"] {
        bundle["mediaType"] = json!(format!("application/vnd.dev.sigstore.bundle+json;version={version}"));
        accepts(&keys(&key), &bundle);
    }
    bundle["mediaType"] = json!("application/vnd.dev.sigstore.bundle.v0.4+json");
    let expected = "is a bundle of the media type `application/vnd.dev.sigstore.bundle.v0.4+json`, and version 0.1, 0.2 or 0.3 is expected";
    refuses(&keys(&key), &bundle, expected);
}

#[test]
fn a_bundle_has_one_content() {
    let key = Key::new();
    let mut bundle = by_key(&key);
    let ambiguous = "is a bundle that does not say unambiguously what is signed, or by which certificate";
    bundle["messageSignature"] = of_manifest(&key)["messageSignature"].take();
    refuses(&keys(&key), &bundle, ambiguous);
    bundle["messageSignature"].take();
    accepts(&keys(&key), &bundle);
    bundle["dsseEnvelope"].take();
    refuses(&keys(&key), &bundle, ambiguous);
    refuses(
        &keys(&key),
        &json!({}),
        "is not usable: its bundle is not as expected: missing field `mediaType` at line 1 column 2",
    );
}
