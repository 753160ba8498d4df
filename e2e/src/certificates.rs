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

/// The authority, one certificate that all servers share, and the keys of service accounts: all PEM.
#[derive(Clone)]
pub(crate) struct Pems {
    authority: String,
    certificate: String,
    key: String,
    signing_key: String,
    verification_key: String,
}

impl Pems {
    /// Issues them. `names` are the servers' names and addresses.
    pub(crate) fn issue(names: &[&str]) -> Self {
        let authority = Authority::named("test");
        let Issued { certificate, key } = authority.issue(names);
        let tokens = KeyPair::generate().unwrap();
        let (signing_key, verification_key) = (tokens.serialize_pem(), tokens.public_key_pem());
        Self { authority: authority.pem(), certificate, key, signing_key, verification_key }
    }

    /// Writes them into this folder.
    pub(crate) fn write(&self, folder: &Path) -> Certificates {
        let write = |name: &str, pem: &str| {
            let path = folder.join(name);
            std::fs::write(&path, pem).unwrap();
            path
        };
        Certificates {
            authority: write("ca.crt", &self.authority),
            certificate: write("tls.crt", &self.certificate),
            key: write("tls.key", &self.key),
            signing_key: write("service-accounts.key", &self.signing_key),
            verification_key: write("service-accounts.pub", &self.verification_key),
        }
    }
}

/// The files of [`Pems`].
pub(crate) struct Certificates {
    /// The authority's own certificate.
    pub(crate) authority: PathBuf,
    /// The servers' certificate.
    pub(crate) certificate: PathBuf,
    /// Its key.
    pub(crate) key: PathBuf,
    /// The key that signs the tokens of service accounts.
    pub(crate) signing_key: PathBuf,
    /// The public key that such tokens are checked with.
    pub(crate) verification_key: PathBuf,
}
