//! The bytes that a signature is over.

use std::borrow::Cow;

/// What was signed: bytes as they are, or the payload of an envelope together with its type.
#[derive(Debug)]
pub(crate) struct SignedBytes<'a> {
    bytes: Cow<'a, [u8]>,
    payload: Option<&'a [u8]>,
}

impl<'a> SignedBytes<'a> {
    /// Bytes that were signed as they are.
    pub(crate) fn plain(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.into(), payload: None }
    }

    /// The payload of an envelope, signed together with its type by DSSE's encoding (PAE). The lengths in that keep anybody from
    /// passing off one as a part of the other.
    pub(crate) fn envelope(payload_type: &str, payload: &'a [u8]) -> Self {
        let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
        bytes.extend_from_slice(payload);
        Self { bytes: bytes.into(), payload: Some(payload) }
    }

    /// The bytes that a signature is over.
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// The payload of the envelope, if it is one.
    pub(crate) fn payload(&self) -> Option<&'a [u8]> {
        self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_encoded_as_in_the_specification() {
        let signed = SignedBytes::envelope("http://example.com/HelloWorld", b"hello world");
        assert_eq!(signed.as_slice(), b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }
}
