//! A hash that stands for something that is not kept.

use local_registry_core::text::hex;
use ring::digest::{Context, SHA256};

/// A SHA-256 that stands for some parts of bytes, in their order.
///
/// ```
/// use local_registry_cluster::credentials::Fingerprint;
///
/// assert_ne!(Fingerprint::of(&[b"ab", b"c"]), Fingerprint::of(&[b"a", b"bc"]));
/// assert_eq!(Fingerprint::of(&[]).to_hex().len(), 64);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of these parts.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            // With its length, no part runs into the next one.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(context.finish().as_ref()).for_each(|(byte, found)| *byte = *found);
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its bytes as hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }
}
