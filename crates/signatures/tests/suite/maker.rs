//! Makes what registries keep of signatures: keys, certificates of an authority, entries of a log, payloads, envelopes and bundles.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local_registry_core::Digest;
use local_registry_core::text::hex;
use local_registry_signatures::{Authority, Identity, PublicKey};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, PublicKeyData as _, SanType, SigningKey as _, date_time_ymd,
};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

/// What cosign keeps beside a signature.
pub(crate) type Annotations = BTreeMap<String, String>;

pub(crate) const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
pub(crate) const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
pub(crate) const CHAIN: &str = "dev.sigstore.cosign/chain";
pub(crate) const BUNDLE: &str = "dev.sigstore.cosign/bundle";

pub(crate) const ISSUER: &str = "https://token.actions.githubusercontent.com";
pub(crate) const WORKFLOW: &str = "https://github.com/team/app/.github/workflows/release.yaml@refs/tags/v1";

/// 2025-06-01, when certificates begin. They end ten minutes later.
pub(crate) const MIDNIGHT: u64 = 1_748_736_000;

pub(crate) const IMAGE: &[u8] = br#"{"schemaVersion":2,"config":{}}"#;

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

pub(crate) fn image() -> Digest {
    format!("sha256:{}", sha256(IMAGE)).parse().unwrap()
}

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", base64(der))
}

/// A key pair.
pub(crate) struct Key(KeyPair);

impl Key {
    pub(crate) fn new() -> Self {
        Self::of(&rcgen::PKCS_ECDSA_P256_SHA256)
    }

    pub(crate) fn of(algorithm: &'static rcgen::SignatureAlgorithm) -> Self {
        Self(KeyPair::generate_for(algorithm).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        pem("PUBLIC KEY", &self.0.subject_public_key_info())
    }

    pub(crate) fn private_pem(&self) -> String {
        pem("PRIVATE KEY", self.0.serialized_der())
    }

    pub(crate) fn public(&self) -> PublicKey {
        self.pem().parse().unwrap()
    }

    pub(crate) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(bytes).unwrap()
    }
}

/// An authority, which may have its certificate from another one.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2040, 1, 1));
    params
}

impl Ca {
    pub(crate) fn root(name: &str) -> Self {
        Self::root_with(ca_params(name))
    }

    /// A root that ended long ago.
    pub(crate) fn ended(name: &str) -> Self {
        let mut params = ca_params(name);
        params.not_after = date_time_ymd(2021, 1, 1);
        Self::root_with(params)
    }

    fn root_with(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: pem("CERTIFICATE", certificate.der()), issuer: Issuer::new(params, key) }
    }

    /// An authority whose certificate is of this one.
    pub(crate) fn intermediate(&self, name: &str) -> Self {
        let (params, key) = (ca_params(name), KeyPair::generate().unwrap());
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Self { pem: pem("CERTIFICATE", certificate.der()), issuer: Issuer::new(params, key) }
    }

    /// Somebody who gives certificates without being an authority.
    pub(crate) fn pretended(params: CertificateParams, key: Key, certificate: &[u8]) -> Self {
        Self { pem: pem("CERTIFICATE", certificate), issuer: Issuer::new(params, key.0) }
    }

    /// A certificate for a key.
    pub(crate) fn certify(&self, key: &Key, params: &CertificateParams) -> Vec<u8> {
        params.signed_by(&key.0, &self.issuer).unwrap().der().to_vec()
    }

    pub(crate) fn authority(&self) -> Authority {
        self.pem.parse().unwrap()
    }
}

/// Fulcio's extension for the issuer.
pub(crate) fn issuer(text: &str) -> CustomExtension {
    let der = [&[0x0c, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 57264, 1, 8], der)
}

/// Fulcio's older extension for the issuer.
pub(crate) fn raw_issuer(text: &str) -> CustomExtension {
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 57264, 1, 1], text.into())
}

pub(crate) fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// A certificate as Fulcio gives it to a workflow.
pub(crate) fn leaf() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = vec![uri(WORKFLOW)];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    params.custom_extensions = vec![issuer(ISSUER)];
    params.not_before = date_time_ymd(2025, 6, 1);
    params.not_after = params.not_before + Duration::from_mins(10);
    params
}

/// An entry of the log.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) body: String,
    pub(crate) time: u64,
    pub(crate) log: String,
    pub(crate) promise: Vec<u8>,
}

impl Entry {
    /// The entry that a log makes at a time.
    pub(crate) fn new(log: &Key, body: &Value, time: u64) -> Self {
        let (body, id) = (base64(body.to_string()), log.public().id().to_owned());
        let signed = format!(r#"{{"body":"{body}","integratedTime":{time},"logID":"{id}","logIndex":7}}"#);
        Self { body, time, log: id, promise: log.sign(signed.as_bytes()) }
    }

    /// As cosign keeps it.
    pub(crate) fn annotation(&self) -> String {
        let Self { body, time, log, promise } = self;
        let payload = json!({"body": body, "integratedTime": time, "logIndex": 7, "logID": log});
        json!({"SignedEntryTimestamp": base64(promise), "Payload": payload}).to_string()
    }

    /// As a bundle has it.
    pub(crate) fn in_bundle(&self) -> Value {
        let digits: Vec<u32> = self.log.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
        let bytes: Vec<u8> = digits.chunks(2).map(|pair| u8::try_from(16 * pair[0] + pair[1]).unwrap()).collect();
        json!({
            "logIndex": "7",
            "logId": {"keyId": base64(bytes)},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": self.time.to_string(),
            "inclusionPromise": {"signedEntryTimestamp": base64(&self.promise)},
            "canonicalizedBody": self.body,
        })
    }
}

/// An entry's body about a signature of these bytes.
pub(crate) fn hashedrekord(signed: &[u8], signature: &[u8], certificate: &[u8]) -> Value {
    json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
        "data": {"hash": {"algorithm": "sha256", "value": sha256(signed)}},
        "signature": {
            "content": base64(signature),
            "publicKey": {"content": base64(pem("CERTIFICATE", certificate))},
        },
    }})
}

/// An entry's body about an envelope.
pub(crate) fn dsse(payload: &[u8], signature: &[u8], certificate: &[u8]) -> Value {
    json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
        "envelopeHash": {"algorithm": "sha256", "value": sha256(b"the envelope")},
        "payloadHash": {"algorithm": "sha256", "value": sha256(payload)},
        "signatures": [{"signature": base64(signature), "verifier": base64(pem("CERTIFICATE", certificate))}],
    }})
}

/// An entry's body about an envelope with a statement.
pub(crate) fn intoto(payload: &[u8], signature: &[u8], certificate: &[u8]) -> Value {
    json!({"apiVersion": "0.0.2", "kind": "intoto", "spec": {"content": {
        "envelope": {
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{
                "sig": base64(base64(signature)),
                "publicKey": base64(pem("CERTIFICATE", certificate)),
            }],
        },
        "hash": {"algorithm": "sha256", "value": sha256(b"the envelope")},
        "payloadHash": {"algorithm": "sha256", "value": sha256(payload)},
    }}})
}

/// An authority, its log, and a key with a certificate.
pub(crate) struct Keyless {
    pub(crate) ca: Ca,
    pub(crate) log: Key,
    pub(crate) key: Key,
    pub(crate) certificate: Vec<u8>,
}

impl Keyless {
    pub(crate) fn new() -> Self {
        Self::with(&leaf())
    }

    pub(crate) fn with(leaf: &CertificateParams) -> Self {
        let (ca, key) = (Ca::root("root"), Key::new());
        let certificate = ca.certify(&key, leaf);
        Self { ca, log: Key::new(), key, certificate }
    }

    /// The owner of the certificate.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            authority: self.ca.authority(),
            log: self.log.public(),
            issuer: ISSUER.to_owned(),
            subject: "https://github.com/team/app/.github/workflows/*@refs/tags/*".parse().unwrap(),
        }
    }

    /// What cosign keeps beside a signature of a payload.
    pub(crate) fn annotations(&self, payload: &[u8]) -> Annotations {
        let signature = self.key.sign(payload);
        let body = hashedrekord(payload, &signature, &self.certificate);
        self.annotations_with(&signature, &Entry::new(&self.log, &body, MIDNIGHT + 300))
    }

    pub(crate) fn annotations_with(&self, signature: &[u8], entry: &Entry) -> Annotations {
        Annotations::from([
            (SIGNATURE.to_owned(), base64(signature)),
            (CERTIFICATE.to_owned(), pem("CERTIFICATE", &self.certificate)),
            (CHAIN.to_owned(), self.ca.pem.clone()),
            (BUNDLE.to_owned(), entry.annotation()),
        ])
    }
}

/// What cosign signs.
pub(crate) fn payload(image: &Digest) -> Vec<u8> {
    json!({
        "critical": {
            "identity": {"docker-reference": "registry.example/team/app"},
            "image": {"docker-manifest-digest": image},
            "type": "cosign container image signature",
        },
        "optional": null,
    })
    .to_string()
    .into_bytes()
}

pub(crate) const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

/// A statement about an image.
pub(crate) fn statement(image: &Digest) -> Vec<u8> {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": image.hex()}}],
        "predicateType": SIGN,
        "predicate": {},
    })
    .to_string()
    .into_bytes()
}

pub(crate) const IN_TOTO: &str = "application/vnd.in-toto+json";

/// What is signed of an envelope.
pub(crate) fn encoded(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// An envelope, and its signatures.
pub(crate) fn envelope(payload: &[u8], signatures: &[Vec<u8>]) -> Value {
    let signatures: Vec<Value> = signatures.iter().map(|signature| json!({"sig": base64(signature)})).collect();
    json!({"payloadType": IN_TOTO, "payload": base64(payload), "signatures": signatures})
}
