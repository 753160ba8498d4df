//! The certificate of a server, which is renewed while the server runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// How often the files are read again. The kubelet writes them a minute or so after their Secret has changed.
const AGAIN: Duration = Duration::from_mins(1);

/// A certificate and its private key, in files.
pub(crate) struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    acceptor: Mutex<(Instant, TlsAcceptor)>,
}

impl Tls {
    /// Reads both files, in PEM.
    ///
    /// # Errors
    /// If they cannot be read, or do not belong together.
    pub(crate) fn read(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let acceptor = Mutex::new((Instant::now(), acceptor(certificate, key)?));
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), acceptor })
    }

    /// What accepts connections with the current certificate. Files that cannot be used leave the last one in place.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let mut last = self.acceptor.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0.elapsed() >= AGAIN {
            last.0 = Instant::now();
            match acceptor(&self.certificate, &self.key) {
                Ok(acceptor) => last.1 = acceptor,
                Err(error) => tracing::error!(error = format!("{error:#}"), "the certificate before it stays in use"),
            }
        }
        last.1.clone()
    }
}

fn acceptor(certificate: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()));
    let chain = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| anyhow!("{}: has no certificate in PEM", certificate.display()))?;
    // The library's own error could show what is in the file.
    let private = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|_| anyhow!("{}: has no private key in PEM", key.display()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| format!("{}: is not a certificate of the key {}", certificate.display(), key.display()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use rcgen::CertifiedKey;

    use super::*;

    /// Files with a certificate for this name, and its key.
    fn write(folder: &Path, name: &str) -> [PathBuf; 2] {
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let [certificate, key] = ["tls.crt", "tls.key"].map(|file| folder.join(file));
        std::fs::write(&certificate, cert.pem()).unwrap();
        std::fs::write(&key, signing_key.serialize_pem()).unwrap();
        [certificate, key]
    }

    /// The acceptor after the time at which the files are read again.
    fn later(tls: &Tls) -> Arc<ServerConfig> {
        tls.acceptor.lock().unwrap().0 -= AGAIN;
        Arc::clone(tls.acceptor().config())
    }

    #[test]
    fn a_renewed_certificate_is_used_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = write(folder.path(), "first");
        let tls = Tls::read(&certificate, &key).unwrap();
        let first = Arc::clone(tls.acceptor().config());
        write(folder.path(), "second");
        assert!(Arc::ptr_eq(&first, tls.acceptor().config()), "the files are not read for each connection");
        let second = later(&tls);
        assert!(!Arc::ptr_eq(&first, &second));
        std::fs::write(&certificate, "").unwrap();
        assert!(Arc::ptr_eq(&second, &later(&tls)));
    }

    #[test]
    fn files_that_cannot_be_used_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = write(folder.path(), "first");
        let error = |certificate: &Path, key: &Path| {
            let error = format!("{:#}", Tls::read(certificate, key).err().unwrap());
            error.replace(&format!("{}/", folder.path().display()), "")
        };
        assert_eq!(error(&key, &key), "tls.key: has no certificate in PEM");
        assert_eq!(error(&certificate, &certificate), "tls.crt: has no private key in PEM");
        let missing = error(&folder.path().join("none"), &key);
        assert!(missing.starts_with("none: cannot be read: "), "{missing}");
        let other = tempfile::tempdir().unwrap();
        let [_, of_another] = write(other.path(), "other");
        let error = format!("{:#}", Tls::read(&certificate, &of_another).err().unwrap());
        assert!(error.contains("is not a certificate of the key"), "{error}");
    }
}
