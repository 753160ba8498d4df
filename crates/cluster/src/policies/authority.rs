//! Whether a `caBundle` has a certificate.

use k8s_openapi::ByteString;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Whether a `caBundle`, which is base64, has at least one certificate in PEM. The API server can call nobody without.
///
/// Whether the certificate is the right one is not looked at: only a call shows that.
pub(super) fn is_authority(bundle: &str) -> bool {
    let Some(pem) = decoded(bundle).and_then(|bytes| String::from_utf8(bytes).ok()) else { return false };
    pem.split(BEGIN).skip(1).filter_map(|block| block.split_once(END)).any(|(body, _)| {
        let body: String = body.split_whitespace().collect();
        decoded(&body).is_some_and(|der| is_sequence(&der))
    })
}

/// What base64 stands for.
fn decoded(base64: &str) -> Option<Vec<u8>> {
    let text: StrDeserializer<'_, Error> = base64.into_deserializer();
    Some(ByteString::deserialize(text).ok()?.0)
}

/// Whether these bytes are one sequence of DER, as every certificate is.
fn is_sequence(der: &[u8]) -> bool {
    let (length, rest) = match der {
        [0x30, short, rest @ ..] if *short < 0x80 => (usize::from(*short), rest),
        [0x30, 0x81, length, rest @ ..] => (usize::from(*length), rest),
        [0x30, 0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return false,
    };
    length > 0 && rest.len() == length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_without_a_certificate_is_none() {
        let base64 = |text: &str| serde_json::to_value(ByteString(text.into())).unwrap().as_str().unwrap().to_owned();
        let block = |body: &str| format!("{BEGIN}\n{body}\n{END}\n");
        for (text, expected) in [
            (block("MAMCAQE="), true),
            (block("MAMC\nAQE="), true),
            (format!("# theirs\n{}{}", block("x"), block("MAMCAQE=")), true),
            ("ca".to_owned(), false),
            (String::new(), false),
            (block(""), false),
            (block("not base64!"), false),
            // A sequence that is cut, and a text.
            (block("MAUCAQE="), false),
            (block("Z2FyYmFnZQ=="), false),
            (format!("{BEGIN}\nMAMCAQE=\n"), false),
            ("-----BEGIN PRIVATE KEY-----\nMAMCAQE=\n-----END PRIVATE KEY-----\n".to_owned(), false),
        ] {
            assert_eq!(is_authority(&base64(&text)), expected, "{text}");
        }
        assert!(!is_authority("%%%"));
    }
}
