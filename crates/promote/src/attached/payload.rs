//! What was signed: cosign's payload, and an attestation in its envelope (DSSE, in-toto). Only for what image it is about.

use std::fmt;

use base64::engine::general_purpose::STANDARD;
use base64::read::DecoderReader;
use bytes::Bytes;
use local_registry_core::Digest;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tokio::task::spawn_blocking;

use super::limits::SUBJECTS;

/// The text that cosign signs, which is that of simple signing.
#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    payload: &'a str,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    digest: SubjectDigest,
}

#[derive(Default, Deserialize)]
struct SubjectDigest {
    sha256: Option<String>,
}

/// Whether the text that cosign signs is about an image.
pub(crate) fn signs(payload: &[u8], image: &Digest) -> bool {
    let found = serde_json::from_slice::<Payload>(payload).map(|payload| payload.critical.image.digest);
    found.is_ok_and(|found| found == image.as_str())
}

/// Whether an attestation is about an image. It may be long, so others go on meanwhile.
pub(crate) async fn attests(envelope: Bytes, image: Digest) -> bool {
    spawn_blocking(move || attests_now(&envelope, &image)).await.unwrap_or_default()
}

fn attests_now(envelope: &[u8], image: &Digest) -> bool {
    let Ok(Envelope { payload }) = serde_json::from_slice(envelope) else { return false };
    // Nothing of it is kept: neither decoded nor parsed it is in memory as a whole.
    let decoded = std::io::BufReader::new(DecoderReader::new(payload.as_bytes(), &STANDARD));
    let mut deserializer = serde_json::Deserializer::from_reader(decoded);
    Statement(image).deserialize(&mut deserializer).unwrap_or_default()
}

/// Looks for an image among the subjects of a statement.
struct Statement<'d>(&'d Digest);

/// Looks for an image in a list of subjects.
struct Subjects<'d>(&'d Digest);

impl<'de> DeserializeSeed<'de> for Statement<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Statement<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a statement")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == "subject" {
                found = map.next_value_seed(Subjects(self.0))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

impl<'de> DeserializeSeed<'de> for Subjects<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Subjects<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no more than {SUBJECTS} subjects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let (mut found, mut count) = (false, 0);
        while let Some(subject) = list.next_element::<Subject>()? {
            count += 1;
            if count > SUBJECTS {
                return Err(serde::de::Error::invalid_length(count, &self));
            }
            found |= subject.digest.sha256.is_some_and(|hex| hex == self.0.hex());
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;

    use super::*;

    fn image() -> Digest {
        local_registry_oci::digest_of(b"an image")
    }

    #[track_caller]
    fn check_attests(statement: &str, expected: bool) {
        let envelope = format!(r#"{{"payloadType":"x","payload":"{}","signatures":[]}}"#, STANDARD.encode(statement));
        assert_eq!(attests_now(envelope.as_bytes(), &image()), expected, "{statement}");
    }

    #[test]
    fn a_signature_is_about_the_image_that_it_names() {
        let payload = |digest: &str| format!(r#"{{"critical":{{"image":{{"docker-manifest-digest":"{digest}"}}}}}}"#);
        assert!(signs(payload(image().as_str()).as_bytes(), &image()));
        assert!(!signs(payload(&format!("sha256:{}", "0".repeat(64))).as_bytes(), &image()));
        assert!(!signs(b"#!/bin/sh", &image()));
    }

    #[test]
    fn an_attestation_is_about_its_subjects() {
        let subject = |hex: &str| format!(r#"{{"name":"x","digest":{{"sha256":"{hex}","sha1":"1"}}}}"#);
        let (ours, other) = (subject(image().hex()), subject(&"0".repeat(64)));
        let statement = |subjects: &str| format!(r#"{{"_type":"y","subject":[{subjects}],"predicate":{{"a":[1]}}}}"#);
        check_attests(&statement(&format!("{other},{ours}")), true);
        check_attests(&statement(&other), false);
        check_attests(&statement(""), false);
        check_attests("[]", false);
        check_attests(&statement(&[&*ours].repeat(10_000).join(",")), true);
        check_attests(&statement(&[&*ours].repeat(10_001).join(",")), false);
        assert!(!attests_now(br#"{"payload":"?"}"#, &image()));
    }
}
