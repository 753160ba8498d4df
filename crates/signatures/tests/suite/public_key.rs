//! Public keys, as a user writes them.

use local_registry_signatures::PublicKey;

use crate::maker::{Ca, Key, pem};

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(text.parse::<PublicKey>().unwrap_err().to_string(), expected);
}

#[test]
fn a_key_is_known_by_its_bytes() {
    let (key, text) = (Key::new(), Key::new().pem());
    assert_eq!(key.public(), format!("# release\n{}\n", key.pem().replace('\n', "\r\n")).parse().unwrap());
    assert_ne!(key.public(), text.parse().unwrap());
    assert_eq!(format!("{:?}", key.public()), format!("PublicKey(\"{}\")", key.public().id()));
}

#[test]
fn something_else_than_a_key_is_named() {
    let key = Key::new();
    check("", "is not PEM; write a public key, which begins with `-----BEGIN PUBLIC KEY-----`");
    check(&key.pem().repeat(2), "has 2 PEM blocks, and one public key is expected; write each key for itself");
    check(
        &Ca::root("root").pem,
        "is a certificate, and a public key is expected; write the block `PUBLIC KEY` that `openssl x509 -noout -pubkey` prints",
    );
    for private in [
        key.private_pem(),
        pem("ENCRYPTED SIGSTORE PRIVATE KEY", b"{}"),
        pem("ENCRYPTED COSIGN PRIVATE KEY", b"{}"),
        pem("EC PRIVATE KEY", b""),
    ] {
        check(
            &private,
            "is a private key, and a public key is expected; keep it secret, and write what `cosign public-key --key` prints",
        );
    }
    check(
        &pem("RSA PUBLIC KEY", b""),
        "is the PEM block `RSA PUBLIC KEY`, and `PUBLIC KEY` is expected; write what `openssl pkey -pubout` prints",
    );
}

#[test]
fn a_broken_key_is_refused() {
    let no_key = "is not a public key: its bytes are not a `SubjectPublicKeyInfo`";
    check(&pem("PUBLIC KEY", b"junk"), no_key);
    check(&pem("PUBLIC KEY", b""), no_key);
    check(
        &Key::new().pem().replace("\n-----END PUB", "AAAA\n-----END PUB"),
        "is not a public key: the PEM block `PUBLIC KEY` is not base64",
    );
    let broken = "-----BEGIN PUBLIC KEY-----\nAQ";
    let cut_off =
        "is not a public key: the PEM block `PUBLIC KEY` has no line `-----END PUBLIC KEY-----`, so it is cut off";
    check(broken, cut_off);
}

/// Keys as openssl writes them, of kinds that are not supported.
#[test]
fn another_kind_of_key_is_named() {
    check(
        include_str!("../data/keys/p521.pem"),
        "is a key of the kind 1.3.132.0.35, and ECDSA on P-256 or P-384, Ed25519 or RSA is expected",
    );
    check(
        include_str!("../data/keys/ed448.pem"),
        "is a key of the kind 1.3.101.113, and ECDSA on P-256 or P-384, Ed25519 or RSA is expected",
    );
    check(
        include_str!("../data/keys/compressed.pem"),
        "is not a public key: its point is not written as on its curve, uncompressed",
    );
    check(include_str!("../data/keys/rsa1024.pem"), "is an RSA key of 1024 bits, and 2048 to 8192 are expected");
}
