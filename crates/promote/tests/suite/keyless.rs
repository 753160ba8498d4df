//! Rules that ask for a certificate in place of a key. The authority and the log are those of the tests.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use local_registry_oci::digest_of;
use local_registry_signatures::PublicKey;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    PublicKeyData as _, SanType, SigningKey as _, date_time_ymd,
};
use serde_json::{Value, json};

use crate::fixture::{Fixture, IMAGE, SIGNED_TEXT, cosign_tag, signed_text};
use crate::stand_in::Kind;

const REPOSITORY: &str = "staging/app";
const ISSUER: &str = "https://issuer.example";
const SUBJECT: &str = "https://git.example/team/app/release.yaml@refs/tags/v1";
/// When the certificate begins, and five minutes later. It is good for ten.
const DAY: (i32, u8, u8) = (2025, 6, 1);
const LOGGED: u64 = 1_748_736_300;

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// An authority that certifies whoever its issuer names, and a log.
struct Trust {
    authority: Issuer<'static, KeyPair>,
    certificate: String,
    log: KeyPair,
}

impl Trust {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = pem("CERTIFICATE", params.self_signed(&key).unwrap().der());
        Self { authority: Issuer::new(params, key), certificate, log: KeyPair::generate().unwrap() }
    }

    /// Rules that ask for this subject.
    fn rules(&self, issuer: &str, subject: &str) -> String {
        let block = |text: &str| format!("|\n      {}", text.trim_end().replace('\n', "\n      "));
        format!(
            "signatures:\n  keyless:\n  - authority: {}\n    log: {}\n    issuer: {issuer}\n    subject: \"{subject}\"\n",
            block(&self.certificate),
            block(&pem("PUBLIC KEY", &self.log.subject_public_key_info()))
        )
    }

    /// The annotations that cosign writes beside a payload, whose signature the log has seen at this time.
    fn sign(&self, payload: &[u8], time: u64) -> Value {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(SUBJECT.try_into().unwrap())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        let issuer = [&[0x0c, u8::try_from(ISSUER.len()).unwrap()], ISSUER.as_bytes()].concat();
        params.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 57264, 1, 8], issuer)];
        params.not_before = date_time_ymd(DAY.0, DAY.1, DAY.2);
        params.not_after = params.not_before + Duration::from_mins(10);
        let certificate = pem("CERTIFICATE", params.signed_by(&key, &self.authority).unwrap().der());
        let signature = STANDARD.encode(key.sign(payload).unwrap());
        let body = json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": digest_of(payload).hex()}},
            "signature": {"content": signature, "publicKey": {"content": STANDARD.encode(&certificate)}}
        }});
        let body = STANDARD.encode(body.to_string());
        let log: PublicKey = pem("PUBLIC KEY", &self.log.subject_public_key_info()).parse().unwrap();
        let promised = format!(r#"{{"body":"{body}","integratedTime":{time},"logID":"{}","logIndex":7}}"#, log.id());
        let entry = json!({
            "SignedEntryTimestamp": STANDARD.encode(self.log.sign(promised.as_bytes()).unwrap()),
            "Payload": {"body": body, "integratedTime": time, "logIndex": 7, "logID": log.id()}
        });
        json!({
            "dev.cosignproject.cosign/signature": signature, "dev.sigstore.cosign/certificate": certificate,
            "dev.sigstore.cosign/bundle": entry.to_string()
        })
    }
}

#[test]
fn an_image_goes_by_a_certificate_that_the_rules_ask_for() {
    let trust = Trust::new();
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = fixture.staging.index(REPOSITORY, "v1", "app");
    fixture.promote(&[("app", &image, &["v1"])]);
    let sign = |trust: &Trust, time: u64| {
        let payload = signed_text(&image);
        let mut layer = fixture.staging.blob(REPOSITORY, SIGNED_TEXT, payload.as_bytes());
        layer["annotations"] = trust.sign(payload.as_bytes(), time);
        let config = fixture.staging.blob(REPOSITORY, "application/vnd.oci.image.config.v1+json", b"{}");
        let manifest = json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [layer]});
        fixture.staging.manifest(REPOSITORY, Some(&cosign_tag(&image, ".sig")), &manifest);
    };
    let refused = |rules: &str, reason: &str| {
        fixture.write("manifests/team/rules.yaml", rules);
        let printed = fixture.run(&["run", "--confirm"]).failed();
        assert!(printed.starts_with("refused ") && printed.contains(reason), "{reason}\n{printed}");
        assert!(fixture.production.store().manifests.is_empty());
    };
    let tags = "https://git.example/team/app/*@refs/tags/*";
    sign(&trust, LOGGED);
    refused(&trust.rules("https://other.example", tags), "https://other.example");
    refused(&trust.rules(ISSUER, "https://git.example/team/app/*@refs/heads/*"), "refs/heads");
    refused(&Trust::new().rules(ISSUER, tags), "log");
    // The log saw it after the certificate had ended.
    sign(&trust, LOGGED + 600);
    refused(&trust.rules(ISSUER, tags), "certificate");
    sign(&trust, LOGGED);
    assert!(fixture.run(&["run", "--confirm"]).ok().ends_with("\n1 copied\n"));
    assert_eq!(fixture.run(&["verify"]).ok(), "1 there\n");
}

#[test]
fn rules_name_an_authority_a_log_and_somebody() {
    let trust = Trust::new();
    let whole = trust.rules(ISSUER, SUBJECT);
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = fixture.staging.index(REPOSITORY, "v1", "app");
    fixture.promote(&[("app", &image, &["v1"])]);
    let check = |rules: &str, expected: &str| {
        fixture.write("manifests/team/rules.yaml", rules);
        let printed = fixture.run(&["check"]).failed();
        assert!(printed.contains(expected), "{expected}\n{printed}");
    };
    check(&trust.rules(ISSUER, "*"), "is everybody; name who signs");
    check(&trust.rules("\"\"", SUBJECT), "is empty; expected the URL of an issuer");
    for field in ["issuer", "subject"] {
        let without: String = whole
            .lines()
            .filter(|line| !line.contains(&format!(" {field}:")))
            .map(|line| line.to_owned() + "\n")
            .collect();
        check(&without, &format!("the field `{field}` is missing"));
    }
    check(&whole.replace("CERTIFICATE", "PUBLIC KEY"), "only certificates are expected");
    check(&whole.replace("PUBLIC KEY", "CERTIFICATE"), "a public key is expected");
    fixture.write("manifests/team/rules.yaml", &whole);
    fixture.run(&["check"]).ok();
}
