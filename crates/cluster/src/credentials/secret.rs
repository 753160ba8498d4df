//! The Secret with the token: what is seen of it, and what is written to it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::{Value, json};

use super::fingerprint::Fingerprint;
use super::found::Part;

/// The key of the Secret with the configuration of Docker.
pub const CONFIG_KEY: &str = ".dockerconfigjson";
/// The key of the Secret with the registry's certificate authority.
const CA_KEY: &str = "ca.crt";
/// The annotation that says when the token ends (RFC 3339).
pub const EXPIRES: &str = "local-registry-hosting/expires";
/// The annotation that says how long it lives, in seconds.
pub const LIFETIME: &str = "local-registry-hosting/lifetime";
/// The annotation with a hash that shows whether somebody has changed the Secret.
pub const SEAL: &str = "local-registry-hosting/seal";

const TYPE: &str = "kubernetes.io/dockerconfigjson";
/// How long a value of our annotations may be. Whoever may write Secrets could fill the memory of this program otherwise.
const LONGEST: usize = 64;

/// What is kept of the Secret: nothing that is secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredSecret {
    is_docker_config: bool,
    is_immutable: bool,
    config: Option<Fingerprint>,
    ca: Option<Fingerprint>,
    expires: Option<String>,
    lifetime: Option<String>,
    seal: Option<String>,
}

/// What is written to the Secret. Printing it shows nothing that is secret.
#[derive(Clone)]
pub struct SecretContent {
    /// What is under [`CONFIG_KEY`], in Base64.
    config: String,
    /// What is under [`CA_KEY`], in Base64.
    ca: Option<String>,
    /// The annotations.
    annotations: BTreeMap<&'static str, String>,
}

/// How this program writes a value of a Secret down, and how the API server does.
fn fingerprint(encoded: &str) -> Fingerprint {
    Fingerprint::of(&[encoded.as_bytes()])
}

impl SecretContent {
    /// A Secret with this configuration of Docker, and with this certificate authority.
    #[must_use]
    pub fn new(config: &str, ca: Option<&str>) -> Self {
        Self { config: STANDARD.encode(config), ca: ca.map(|ca| STANDARD.encode(ca)), annotations: BTreeMap::new() }
    }

    /// The same with an annotation.
    #[must_use]
    pub fn with_annotation(mut self, name: &'static str, value: String) -> Self {
        self.annotations.insert(name, value);
        self
    }

    /// The fingerprint of the configuration.
    #[must_use]
    pub fn config(&self) -> Fingerprint {
        fingerprint(&self.config)
    }

    /// How it looks when it is stored.
    #[must_use]
    pub fn stored(&self) -> StoredSecret {
        let annotation = |name| self.annotations.get(name).cloned();
        StoredSecret {
            is_docker_config: true,
            is_immutable: false,
            config: Some(self.config()),
            ca: self.ca.as_deref().map(fingerprint),
            expires: annotation(EXPIRES),
            lifetime: annotation(LIFETIME),
            seal: annotation(SEAL),
        }
    }

    /// What is applied beside the metadata.
    pub(super) fn body(&self) -> Value {
        let mut data = json!({CONFIG_KEY: self.config});
        if let (Some(data), Some(ca)) = (data.as_object_mut(), &self.ca) {
            data.insert(CA_KEY.to_owned(), json!(ca));
        }
        json!({"apiVersion": "v1", "type": TYPE, "data": data})
    }

    /// The annotations.
    pub(super) fn annotations(&self) -> &BTreeMap<&'static str, String> {
        &self.annotations
    }
}

impl fmt::Debug for SecretContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretContent").field("annotations", &self.annotations).finish_non_exhaustive()
    }
}

impl StoredSecret {
    /// Whether its data can be set: nobody can change the type of a Secret, or the data of an immutable one.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.is_docker_config && !self.is_immutable
    }

    /// The fingerprint of the configuration.
    #[must_use]
    pub fn config(&self) -> Option<Fingerprint> {
        self.config
    }

    /// Whether the certificate authority is this one. What others have added counts for nothing where there should be none.
    #[must_use]
    pub fn has_ca(&self, ca: Option<&str>) -> bool {
        ca.is_none_or(|ca| self.ca == Some(fingerprint(&STANDARD.encode(ca))))
    }

    /// Whether it holds what this content has. Keys that others have added do not count.
    #[must_use]
    pub fn holds(&self, content: &SecretContent) -> bool {
        let StoredSecret { ca, .. } = content.stored();
        Self { ca: ca.and(self.ca), ..self.clone() } == content.stored()
    }

    /// What says when the token ends.
    #[must_use]
    pub fn expires(&self) -> Option<&str> {
        self.expires.as_deref()
    }

    /// What says how long it lives.
    #[must_use]
    pub fn lifetime(&self) -> Option<&str> {
        self.lifetime.as_deref()
    }

    /// What shows whether somebody has changed the Secret.
    #[must_use]
    pub fn seal(&self) -> Option<&str> {
        self.seal.as_deref()
    }
}

impl Part for StoredSecret {
    const KIND: &'static str = "Secret";
    const PLURAL: &'static str = "secrets";
    const IS_SECRET: bool = true;
    const FIELDS: &'static [&'static str] = &["data", "type", "immutable"];
    const ANNOTATIONS: &'static [&'static str] = &[EXPIRES, LIFETIME, SEAL];

    fn read_field<'de, A: MapAccess<'de>>(&mut self, field: &str, fields: &mut A) -> Result<(), A::Error> {
        match field {
            "data" => {
                let Fingerprints { config, ca } = fields.next_value()?;
                (self.config, self.ca) = (config, ca);
            }
            "type" => self.is_docker_config = fields.next_value::<Cow<'de, str>>()? == TYPE,
            _ => self.is_immutable = fields.next_value::<Option<bool>>()? == Some(true),
        }
        Ok(())
    }

    fn note_annotation(&mut self, name: &str, value: String) {
        let value = Some(value).filter(|value| value.len() <= LONGEST);
        match name {
            EXPIRES => self.expires = value,
            LIFETIME => self.lifetime = value,
            _ => self.seal = value,
        }
    }
}

/// The fingerprints of the data. The data itself is not kept.
#[derive(Default)]
struct Fingerprints {
    config: Option<Fingerprint>,
    ca: Option<Fingerprint>,
}

impl<'de> Deserialize<'de> for Fingerprints {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;
        impl<'de> Visitor<'de> for Values {
            type Value = Fingerprints;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("data")
            }

            fn visit_unit<E: Error>(self) -> Result<Fingerprints, E> {
                Ok(Fingerprints::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Fingerprints, A::Error> {
                let mut found = Fingerprints::default();
                while let Some(key) = entries.next_key::<Cow<'de, str>>()? {
                    let place = match &*key {
                        CONFIG_KEY => &mut found.config,
                        CA_KEY => &mut found.ca,
                        _ => {
                            entries.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    *place = entries.next_value::<Option<Cow<'de, str>>>()?.as_deref().map(fingerprint);
                }
                Ok(found)
            }
        }
        deserializer.deserialize_any(Values)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Found;
    use super::*;

    const TOKEN: &str = "very-secret-token";

    fn stored(secret: &Value) -> Found<StoredSecret> {
        serde_json::from_value(secret.clone()).unwrap()
    }

    #[test]
    fn what_is_written_is_seen_again_and_nothing_secret_of_it_is_kept() {
        let content = SecretContent::new(TOKEN, Some("ca")).with_annotation(SEAL, "s".to_owned());
        let mut secret = content.body();
        secret["data"]["of-somebody-else"] = json!("eA==");
        secret["metadata"] = json!({"name": "n", "uid": "u", "annotations": content.annotations()});
        let found = stored(&secret);
        assert!(found.part().holds(&content) && found.part().is_writable() && found.part().has_ca(Some("ca")));
        assert_eq!((found.uid(), found.part()), ("u", &content.stored()));
        for text in [format!("{content:?}"), format!("{found:?}")] {
            assert!(!text.contains(TOKEN) && !text.contains(&STANDARD.encode(TOKEN)), "{text}");
        }
        let other = SecretContent::new("another", Some("ca")).with_annotation(SEAL, "s".to_owned());
        let other_ca = SecretContent::new(TOKEN, Some("another")).with_annotation(SEAL, "s".to_owned());
        assert!(!found.part().holds(&other) && !found.part().holds(&other_ca) && !found.part().has_ca(Some("another")));
        secret["data"][CA_KEY] = json!("eA==");
        let without_ca = SecretContent::new(TOKEN, None).with_annotation(SEAL, "s".to_owned());
        assert!(stored(&secret).part().holds(&without_ca), "whose it is does not matter");
    }

    #[test]
    fn a_secret_of_any_shape_is_read() {
        for data in [json!(null), json!({}), json!({"x": "eA=="}), json!({CONFIG_KEY: null})] {
            let found = stored(&json!({"metadata": {"annotations": null}, "data": data, "type": "Opaque"}));
            assert_eq!((found.part().config(), found.part().is_writable()), (None, false));
        }
        let long = json!({"metadata": {"annotations": {SEAL: "x".repeat(LONGEST + 1), EXPIRES: "y"}}, "immutable": true, "type": TYPE});
        let found = stored(&long);
        assert_eq!((found.part().seal(), found.part().expires()), (None, Some("y")));
        assert!(!found.part().is_writable());
    }
}
