//! The key that signs tokens: ECDSA on the curve P-256 with SHA-256, which JOSE calls ES256.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::json;
use thiserror::Error;

/// How many bytes each coordinate of a point has.
const COORDINATE: usize = 32;

/// A private key, and the name that tokens have it by.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    der: Vec<u8>,
    coordinates: [String; 2],
    id: String,
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(transparent)]
pub struct KeyError(#[from] KeyErrorKind);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
enum KeyErrorKind {
    #[error("is not the private key of a pair for ES256 in PKCS #8 (DER)")]
    NotAKey,
    #[error("the operating system gives no random numbers")]
    NoRandomness,
}

impl KeyError {
    pub(crate) fn no_randomness() -> Self {
        KeyErrorKind::NoRandomness.into()
    }
}

impl SigningKey {
    /// A new key.
    ///
    /// # Errors
    /// A [`KeyError`] if the operating system gives no random numbers.
    pub fn generate() -> Result<Self, KeyError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| KeyError::no_randomness())?;
        Self::from_der(document.as_ref())
    }

    /// The key of a PKCS #8 document, in DER.
    ///
    /// # Errors
    /// A [`KeyError`] if it is none.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new())
            .map_err(|_| KeyErrorKind::NotAKey)?;
        // A byte says that the point is not compressed, and then come both coordinates.
        let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
        let (x, y) = point.split_at_checked(COORDINATE).ok_or(KeyErrorKind::NotAKey)?;
        let coordinates = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
        let id = thumbprint(&coordinates);
        Ok(Self { pair, der: der.to_vec(), coordinates, id })
    }

    /// The PKCS #8 document. It is secret.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The name of the key: its thumbprint (RFC 7638).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public key as a JSON Web Key Set (RFC 7517), as the registry reads it.
    #[must_use]
    pub fn jwks(&self) -> String {
        let [x, y] = &self.coordinates;
        let key = json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id, "x": x, "y": y});
        json!({"keys": [key]}).to_string()
    }

    /// Signs a text.
    ///
    /// # Errors
    /// A [`KeyError`] if the operating system gives no random numbers.
    pub(crate) fn sign(&self, text: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self.pair.sign(&SystemRandom::new(), text).map_err(|_| KeyError::no_randomness())?;
        Ok(signature.as_ref().to_vec())
    }
}

/// The hash of the members that a key cannot be without, in the order of the alphabet and without spaces.
fn thumbprint([x, y]: &[String; 2]) -> String {
    let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_key_is_the_same_key() {
        let key = SigningKey::generate().unwrap();
        let stored = SigningKey::from_der(key.der()).unwrap();
        assert_eq!((stored.id(), stored.jwks()), (key.id(), key.jwks()));
        assert_ne!(SigningKey::generate().unwrap().id(), key.id());
    }

    #[test]
    fn what_is_no_key_is_an_error() {
        let key = SigningKey::generate().unwrap();
        for der in [&b""[..], b"-----BEGIN PRIVATE KEY-----", &key.der()[1..], &[0; 138]] {
            let error = SigningKey::from_der(der).err().unwrap();
            assert_eq!(error.to_string(), "is not the private key of a pair for ES256 in PKCS #8 (DER)");
        }
    }

    #[test]
    fn the_key_set_has_no_secret() {
        let key = SigningKey::generate().unwrap();
        let set: serde_json::Value = serde_json::from_str(&key.jwks()).unwrap();
        let names: Vec<&String> = set["keys"][0].as_object().unwrap().keys().collect();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    }
}
