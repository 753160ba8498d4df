//! Signatures by certificates of an authority.

use local_registry_core::Digest;
use local_registry_signatures::{Identity, Signers};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, OtherNameValue, SanType};
use serde_json::{Value, json};

use crate::maker::{
    Annotations, BUNDLE, CERTIFICATE, CHAIN, Ca, Entry, ISSUER, Key, Keyless, MIDNIGHT, WORKFLOW, base64, hashedrekord,
    image, issuer, leaf, payload, pem, raw_issuer, uri,
};

#[track_caller]
fn accepts(identity: Identity, annotations: &Annotations) {
    Signers::new(Vec::new(), vec![identity]).verify_payload(&payload(&image()), annotations, &image()).unwrap();
}

#[track_caller]
fn refuses(identity: Identity, annotations: &Annotations, expected: &str) {
    let signers = Signers::new(vec![Key::new().public()], vec![identity]);
    let error = signers.verify_payload(&payload(&image()), annotations, &image()).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

/// Checks what comes of a certificate.
#[track_caller]
fn check_leaf(change: impl FnOnce(&mut CertificateParams), expected: Result<(), &str>) {
    let mut leaf = leaf();
    change(&mut leaf);
    let keyless = Keyless::with(&leaf);
    let annotations = keyless.annotations(&payload(&image()));
    match expected {
        Ok(()) => accepts(keyless.identity(), &annotations),
        Err(expected) => refuses(keyless.identity(), &annotations, expected),
    }
}

/// Checks what comes of a log entry at a time, with this body.
#[track_caller]
fn check_entry(body: impl FnOnce(&Keyless, &[u8], &[u8]) -> Value, time: u64, expected: &str) {
    let (keyless, payload) = (Keyless::new(), payload(&image()));
    let signature = keyless.key.sign(&payload);
    let entry = Entry::new(&keyless.log, &body(&keyless, &payload, &signature), time);
    refuses(keyless.identity(), &keyless.annotations_with(&signature, &entry), expected);
}

#[test]
fn an_identity_signs_by_its_certificate() {
    check_leaf(|_| {}, Ok(()));
}

#[test]
fn one_of_several_identities_is_enough() {
    let (other, keyless) = (Keyless::new(), Keyless::new());
    let identities = vec![other.identity(), keyless.identity()];
    let annotations = keyless.annotations(&payload(&image()));
    Signers::new(Vec::new(), identities).verify_payload(&payload(&image()), &annotations, &image()).unwrap();
}

#[test]
fn what_holds_has_to_hold_for_the_same_identity() {
    let (other, keyless) = (Keyless::new(), Keyless::new());
    let annotations = keyless.annotations(&payload(&image()));
    // The authority is right in one of them, and the log in the other one.
    let identities = vec![
        Identity { log: other.log.public(), ..keyless.identity() },
        Identity { authority: other.ca.authority(), ..keyless.identity() },
    ];
    let signers = Signers::new(Vec::new(), identities);
    let error = signers.verify_payload(&payload(&image()), &annotations, &image()).unwrap_err();
    assert_eq!(error.to_string(), "its certificate is not of the authority that the rules name");
}

#[test]
fn a_certificate_names_its_issuer_in_either_extension() {
    check_leaf(|leaf| leaf.custom_extensions = vec![raw_issuer(ISSUER)], Ok(()));
    check_leaf(|leaf| leaf.custom_extensions = vec![raw_issuer(ISSUER), issuer(ISSUER)], Ok(()));
    let two = "its certificate names two issuers of the identity";
    check_leaf(|leaf| leaf.custom_extensions = vec![raw_issuer("https://other.example"), issuer(ISSUER)], Err(two));
    check_leaf(|leaf| leaf.custom_extensions = vec![raw_issuer(ISSUER), issuer("https://other.example")], Err(two));
    let twice = "its certificate is not readable";
    check_leaf(|leaf| leaf.custom_extensions = vec![issuer(ISSUER), issuer(ISSUER)], Err(twice));
    let none = "its certificate does not say who issued the identity (Fulcio's extension 1.3.6.1.4.1.57264.1.8)";
    check_leaf(|leaf| leaf.custom_extensions = Vec::new(), Err(none));
    let other =
        format!("its certificate is of the issuer `https://accounts.example`, and the rules ask for `{ISSUER}`");
    check_leaf(|leaf| leaf.custom_extensions = vec![issuer("https://accounts.example")], Err(&other));
}

#[test]
fn a_certificate_has_one_subject_that_the_rules_ask_for() {
    let expected = "the rules ask for `https://github.com/team/app/.github/workflows/*@refs/tags/*`";
    for other in [
        "https://github.com/team/app2/.github/workflows/release.yaml@refs/tags/v1",
        "https://evil.example/https://github.com/team/app/.github/workflows/x",
        "https://github.com/team/app",
        "https://github.com/team/app/.github/workflows/x@heads/y@refs/tags/v1",
    ] {
        let message = format!("its certificate is of `{other}`, and {expected}");
        check_leaf(|leaf| leaf.subject_alt_names = vec![uri(other)], Err(&message));
    }
    let two = "its certificate has 2 subjects, and one is expected";
    check_leaf(|leaf| leaf.subject_alt_names.push(uri("https://other.example")), Err(two));
    check_leaf(|leaf| leaf.subject_alt_names.clear(), Err("its certificate has 0 subjects, and one is expected"));
    let unusable = "its certificate has a name that is not usable; expected are texts of at most 2048 bytes, and as subject a URI or an e-mail address";
    check_leaf(
        |leaf| leaf.subject_alt_names = vec![SanType::DnsName("host.example".try_into().unwrap())],
        Err(unusable),
    );
    let long = format!("https://github.com/team/app/.github/workflows/{}", "x".repeat(2048));
    check_leaf(|leaf| leaf.subject_alt_names = vec![uri(&long)], Err(unusable));
}

#[test]
fn a_subject_may_be_an_address_or_a_users_name() {
    let user_name = (vec![1, 3, 6, 1, 4, 1, 57264, 1, 7], OtherNameValue::Utf8String("somebody".to_owned()));
    for (name, subject) in [
        (SanType::Rfc822Name("somebody@team.example".try_into().unwrap()), "*@team.example"),
        (SanType::OtherName(user_name), "somebody"),
    ] {
        let mut leaf = leaf();
        leaf.subject_alt_names = vec![name];
        let keyless = Keyless::with(&leaf);
        let identity = Identity { subject: subject.parse().unwrap(), ..keyless.identity() };
        accepts(identity, &keyless.annotations(&payload(&image())));
    }
}

#[test]
fn a_certificate_is_for_signing_code_and_not_of_an_authority() {
    let usage = "its certificate is not for signing code (it lacks that extended key usage)";
    check_leaf(|leaf| leaf.extended_key_usages.clear(), Err(usage));
    check_leaf(|leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth], Err(usage));
    check_leaf(|leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any], Err(usage));
    let authority = "its certificate is that of an authority, which does not sign images itself";
    check_leaf(|leaf| leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained), Err(authority));
}

#[test]
fn a_certificate_is_of_the_authority() {
    let keyless = Keyless::new();
    let annotations = keyless.annotations(&payload(&image()));
    let expected = "its certificate is not of the authority that the rules name";
    // By its name, the other one is the same.
    for other in [Ca::root("other"), Ca::root("root")] {
        refuses(Identity { authority: other.authority(), ..keyless.identity() }, &annotations, expected);
    }
    // The signature may bring the root of its own choice.
    let fake = Keyless::new();
    refuses(
        Identity { authority: keyless.ca.authority(), log: fake.log.public(), ..fake.identity() },
        &fake.annotations(&payload(&image())),
        expected,
    );
}

#[test]
fn a_chain_leads_to_the_root_by_what_either_side_has() {
    let root = Ca::root("root");
    let (middle, key) = (root.intermediate("middle"), Key::new());
    let certificate = middle.certify(&key, &leaf());
    let keyless = Keyless { ca: middle, log: Key::new(), key, certificate };
    let with = |certificates: &[&str]| {
        let authority = certificates.concat().parse().unwrap();
        Identity { authority, log: keyless.log.public(), issuer: ISSUER.to_owned(), subject: WORKFLOW.parse().unwrap() }
    };
    let middle = keyless.ca.pem.as_str();
    let mut annotations = keyless.annotations(&payload(&image()));
    accepts(with(&[&root.pem]), &annotations);
    annotations.remove(CHAIN);
    accepts(with(&[&root.pem, middle]), &annotations);
    accepts(with(&[middle, &root.pem]), &annotations);
    refuses(with(&[&root.pem]), &annotations, "its certificate is not of the authority that the rules name");
    annotations.insert(CHAIN.to_owned(), middle.repeat(9));
    refuses(with(&[&root.pem]), &annotations, "brings 9 certificates, and at most 8 are expected");
}

#[test]
fn a_leaf_gives_no_certificates() {
    let Keyless { ca, log, key, certificate } = Keyless::new();
    let (authority, log_key) = (ca.authority(), log.public());
    // Whoever has a certificate makes another one with it, for somebody else.
    let (thief, own) = (Ca::pretended(leaf(), key, &certificate), Key::new());
    let certificate = thief.certify(&own, &leaf());
    let forged = Keyless { ca: thief, log, key: own, certificate };
    let identity = Identity { authority, log: log_key, issuer: ISSUER.to_owned(), subject: WORKFLOW.parse().unwrap() };
    let expected = "its certificate is not of the authority that the rules name";
    refuses(identity, &forged.annotations(&payload(&image())), expected);
}

#[test]
fn a_certificate_is_valid_when_the_log_records_the_signature() {
    let body =
        |keyless: &Keyless, payload: &[u8], signature: &[u8]| hashedrekord(payload, signature, &keyless.certificate);
    let ended = "its certificate had ended when the log recorded the signature, or one of its chain had";
    check_entry(body, MIDNIGHT + 601, ended);
    check_entry(body, u64::MAX, ended);
    let not_yet = "its certificate was not valid yet when the log recorded the signature, or one of its chain was not";
    check_entry(body, MIDNIGHT - 1, not_yet);
    check_entry(body, 0, not_yet);
}

#[test]
fn a_root_is_valid_then_too() {
    let (ca, key) = (Ca::ended("root"), Key::new());
    let certificate = ca.certify(&key, &leaf());
    let keyless = Keyless { ca, log: Key::new(), key, certificate };
    let mut annotations = keyless.annotations(&payload(&image()));
    let ended = "its certificate had ended when the log recorded the signature, or one of its chain had";
    refuses(keyless.identity(), &annotations, ended);
    annotations.remove(CHAIN);
    refuses(keyless.identity(), &annotations, "its certificate is not of the authority that the rules name");
}

#[test]
fn an_entry_is_about_this_signature() {
    let other_data = "its log entry is about other data";
    let body = |keyless: &Keyless, _: &[u8], signature: &[u8]| hashedrekord(b"other", signature, &keyless.certificate);
    check_entry(body, MIDNIGHT, other_data);
    // A signature by ECDSA differs each time.
    let body = |keyless: &Keyless, payload: &[u8], _: &[u8]| {
        hashedrekord(payload, &keyless.key.sign(payload), &keyless.certificate)
    };
    check_entry(body, MIDNIGHT, "its log entry is about another signature");
    let body = |keyless: &Keyless, payload: &[u8], signature: &[u8]| {
        hashedrekord(payload, signature, &keyless.ca.certify(&keyless.key, &leaf()))
    };
    check_entry(body, MIDNIGHT, "its log entry is about a signature by another certificate");
    let body = |keyless: &Keyless, payload: &[u8], signature: &[u8]| {
        let mut body = hashedrekord(payload, signature, &keyless.certificate);
        body["spec"]["signature"]["publicKey"]["content"] = json!(base64(keyless.key.pem()));
        body
    };
    check_entry(body, MIDNIGHT, "its log entry is about a signature by another certificate");
    // An entry about an envelope says nothing about a payload.
    let body = |keyless: &Keyless, payload: &[u8], signature: &[u8]| {
        crate::maker::dsse(payload, signature, &keyless.certificate)
    };
    check_entry(body, MIDNIGHT, other_data);
    let body = |keyless: &Keyless, payload: &[u8], signature: &[u8]| {
        let mut body = hashedrekord(payload, signature, &keyless.certificate);
        body["apiVersion"] = json!("0.0.2");
        body
    };
    let expected = "its log entry is of the kind `hashedrekord` `0.0.2`, and `hashedrekord` 0.0.1, `dsse` 0.0.1 or `intoto` 0.0.2 is expected";
    check_entry(body, MIDNIGHT, expected);
    check_entry(
        |_, _, _| json!("junk"),
        MIDNIGHT,
        "its log entry is not readable: invalid type: string \"junk\", expected struct Entry at line 1 column 6",
    );
}

#[test]
fn the_log_has_signed_its_entry() {
    let (keyless, payload) = (Keyless::new(), payload(&image()));
    let signature = keyless.key.sign(&payload);
    let body = hashedrekord(&payload, &signature, &keyless.certificate);
    let entry = Entry::new(&keyless.log, &body, MIDNIGHT);
    let expected = "its log entry is not signed by a log that the rules name";
    let other = Entry::new(&Key::new(), &body, MIDNIGHT);
    for changed in [
        other.clone(),
        // By its name, it is of the log.
        Entry { log: entry.log.clone(), ..other },
        Entry { time: MIDNIGHT + 1, ..entry.clone() },
        Entry { promise: Vec::new(), ..entry.clone() },
        Entry { log: entry.log.to_uppercase(), ..entry.clone() },
        Entry { body: base64(hashedrekord(b"other", &signature, &keyless.certificate).to_string()), ..entry.clone() },
    ] {
        refuses(keyless.identity(), &keyless.annotations_with(&signature, &changed), expected);
    }
    let mut annotations = keyless.annotations_with(&signature, &entry);
    accepts(keyless.identity(), &annotations);
    annotations.remove(BUNDLE);
    let none = "has a certificate, but no entry of a transparency log, which says when it was made";
    refuses(keyless.identity(), &annotations, none);
    annotations.insert(BUNDLE.to_owned(), "{}".to_owned());
    let unusable =
        "is not usable: its log entry is not as expected: missing field `SignedEntryTimestamp` at line 1 column 2";
    refuses(keyless.identity(), &annotations, unusable);
}

#[test]
fn the_certificates_key_has_signed() {
    let (keyless, other) = (Keyless::new(), Key::new());
    let payload = payload(&image());
    // The log records whatever it is given here.
    for signature in [other.sign(&payload), keyless.key.sign(b"other"), Vec::new()] {
        let body = hashedrekord(&payload, &signature, &keyless.certificate);
        let annotations = keyless.annotations_with(&signature, &Entry::new(&keyless.log, &body, MIDNIGHT));
        refuses(keyless.identity(), &annotations, "has a certificate, and was not made by its key");
    }
}

#[test]
fn a_signature_of_another_image_is_refused() {
    let keyless = Keyless::new();
    let other = Digest::from_sha256(&[7; 32]);
    let (payload, signers) = (payload(&other), Signers::new(Vec::new(), vec![keyless.identity()]));
    let error = signers.verify_payload(&payload, &keyless.annotations(&payload), &image()).unwrap_err();
    assert_eq!(error.to_string(), format!("is about the image `{other}`, not about {}", image()));
}

#[test]
fn an_annotation_has_one_certificate() {
    let keyless = Keyless::new();
    let valid = keyless.annotations(&payload(&image()));
    let with = |text: String| {
        let mut annotations = valid.clone();
        annotations.insert(CERTIFICATE.to_owned(), text);
        annotations
    };
    let other = "has in its annotation `dev.sigstore.cosign/certificate` something else than the certificates that are expected";
    for text in ["junk".to_owned(), valid[CERTIFICATE].repeat(2), keyless.key.pem()] {
        refuses(keyless.identity(), &with(text), other);
    }
    refuses(keyless.identity(), &with(pem("CERTIFICATE", b"junk")), "its certificate is not readable");
    refuses(
        keyless.identity(),
        &with(pem("CERTIFICATE", &vec![0; 70_000])),
        "its certificate has more than 65536 bytes",
    );
    let cut_off = "has an annotation `dev.sigstore.cosign/certificate` that is not usable: the PEM block `CERTIFICATE` has no line `-----END CERTIFICATE-----`, so it is cut off";
    refuses(keyless.identity(), &with("-----BEGIN CERTIFICATE-----\n".to_owned()), cut_off);
    refuses(keyless.identity(), &with(String::new()), "is signed by a key that the rules do not name");
    let signers = Signers::new(Vec::new(), vec![keyless.identity()]);
    let error = signers.verify_payload(&payload(&image()), &with(String::new()), &image()).unwrap_err();
    assert_eq!(error.to_string(), "has no certificate, and the rules name no keys");
}
