//! Certificates of an authority, as a user writes them.

use local_registry_signatures::Authority;

use crate::maker::{Ca, Key, leaf, pem};

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(text.parse::<Authority>().unwrap_err().to_string(), expected);
}

#[test]
fn an_authority_has_a_root() {
    let root = Ca::root("root");
    let middle = root.intermediate("middle");
    assert!(format!("{}\n{}", middle.pem, root.pem).parse::<Authority>().is_ok());
    check(&middle.pem, "has no root, which is a certificate that the authority gave to itself; add it");
    let user = pem("CERTIFICATE", &root.certify(&Key::new(), &leaf()));
    let expected =
        "has as its PEM block 2 the certificate of a user, and only those of the authority are expected; remove it";
    check(&format!("{}{user}", root.pem), expected);
}

#[test]
fn an_authority_has_certificates_only() {
    let root = Ca::root("root");
    let key = Key::new();
    let expected = |label: &str| {
        format!("has the PEM block `{label}`, and only certificates are expected; write those of the authority")
    };
    check(&format!("{}{}", root.pem, key.pem()), &expected("PUBLIC KEY"));
    check(&key.private_pem(), &expected("PRIVATE KEY"));
    check(&pem("CERTIFICATE", b"junk"), "has as its PEM block 1 something else than a certificate");
    let cut_off = "does not have the certificates of an authority: the PEM block `CERTIFICATE` has no line `-----END CERTIFICATE-----`, so it is cut off";
    check("-----BEGIN CERTIFICATE-----\nAQID", cut_off);
}
