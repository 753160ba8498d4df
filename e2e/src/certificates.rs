//! Certificate authorities for the servers of a test.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// A certificate authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, both PEM.
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl Authority {
    /// An authority with this name and a new key.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let mut authority = CertificateParams::new([]).unwrap();
        authority.distinguished_name.push(DnType::CommonName, name);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate, PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Issues a certificate for a server with these names and addresses.
    #[must_use]
    pub fn issue(&self, names: &[&str]) -> Issued {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.0).unwrap();
        Issued { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

/// The authority, and one certificate that all servers share.
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
    /// Issues them, and writes them into this folder. `names` are the servers' names and addresses.
    pub(crate) fn issue(folder: &Path, names: &[&str]) -> Self {
        let authority = Authority::named("test");
        let Issued { certificate, key } = authority.issue(names);
        let tokens = KeyPair::generate().unwrap();
        let write = |name: &str, pem: String| {
            let path = folder.join(name);
            std::fs::write(&path, pem).unwrap();
            path
        };
        Self {
            authority: write("ca.crt", authority.pem()),
            certificate: write("tls.crt", certificate),
            key: write("tls.key", key),
            signing_key: write("service-accounts.key", tokens.serialize_pem()),
            verification_key: write("service-accounts.pub", tokens.public_key_pem()),
        }
    }
}
