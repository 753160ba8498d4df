//! A certificate authority for the servers of a test.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// The authority, and one certificate for 127.0.0.1 that all servers share.
pub(crate) struct Certificates {
    /// The authority's own certificate, PEM.
    pub(crate) authority: PathBuf,
    /// The servers' certificate, PEM.
    pub(crate) certificate: PathBuf,
    /// Its key, PEM.
    pub(crate) key: PathBuf,
    /// The key that signs the tokens of service accounts, PEM.
    pub(crate) signing_key: PathBuf,
    /// The public key that such tokens are checked with, PEM.
    pub(crate) verification_key: PathBuf,
}

impl Certificates {
    pub(crate) fn issue(folder: &Path) -> Self {
        let mut authority = CertificateParams::new([]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        let tokens = KeyPair::generate().unwrap();
        let write = |name: &str, pem: String| {
            let path = folder.join(name);
            std::fs::write(&path, pem).unwrap();
            path
        };
        Self {
            authority: write("ca.crt", authority.pem()),
            certificate: write("tls.crt", certificate.pem()),
            key: write("tls.key", key.serialize_pem()),
            signing_key: write("service-accounts.key", tokens.serialize_pem()),
            verification_key: write("service-accounts.pub", tokens.public_key_pem()),
        }
    }
}
