//! What matters of a manifest's text.

use std::collections::BTreeMap;

use local_registry_core::Digest;
use serde::Deserialize;
use thiserror::Error;

use crate::decision::inventory::{Config, Manifest};

/// The annotation with the date of an image.
const CREATED: &str = "org.opencontainers.image.created";
/// The types of the configurations that have a date.
const OF_IMAGES: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

/// Why a text is not a manifest.
#[derive(Debug, Error)]
pub(crate) enum DocumentError {
    #[error("it is not a manifest: {0}")]
    Json(#[from] serde_json::Error),
    #[error("it is not a manifest: expected one of `manifests`, `config`, `layers` and `blobs`")]
    Nothing,
    #[error("it names `{0}`, which is not a digest of the algorithm sha256")]
    Digest(String),
}

#[derive(Deserialize)]
struct Document {
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    blobs: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    #[serde(default)]
    size: u64,
}

impl Descriptor {
    fn digest(&self) -> Result<Digest, DocumentError> {
        self.digest.parse().map_err(|_| DocumentError::Digest(self.digest.clone()))
    }
}

/// Reads a manifest, which has this digest.
///
/// # Errors
/// A [`DocumentError`] if it is not one that can be understood.
pub(crate) fn read(digest: &Digest, bytes: &[u8]) -> Result<Manifest, DocumentError> {
    let found: Document = serde_json::from_slice(bytes)?;
    if found.manifests.is_none() && found.config.is_none() && found.layers.is_none() && found.blobs.is_none() {
        return Err(DocumentError::Nothing);
    }
    let children = found.manifests.iter().flatten().map(Descriptor::digest).collect::<Result<_, _>>()?;
    let config = found.config.as_ref().map(|config| {
        let is_of_an_image = OF_IMAGES.contains(&config.media_type.as_str());
        Ok::<_, DocumentError>(Config { digest: config.digest()?, size: config.size, is_of_an_image })
    });
    let blobs = found.config.iter().chain(found.layers.iter().flatten()).chain(found.blobs.iter().flatten());
    // A layer of another algorithm only is not counted.
    let parts = blobs.filter_map(|blob| Some((blob.digest().ok()?, blob.size)));
    let own = (digest.clone(), bytes.len() as u64);
    Ok(Manifest {
        children,
        subject: found.subject.as_ref().map(Descriptor::digest).transpose()?,
        config: config.transpose()?,
        annotation: found.annotations.and_then(|mut annotations| annotations.remove(CREATED)),
        parts: parts.chain([own]).collect(),
    })
}

/// The date in a configuration, as it is written.
///
/// # Errors
/// If the configuration is not JSON, or has something else as its date.
pub(crate) fn created(config: &[u8]) -> Result<Option<String>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Dated {
        created: Option<String>,
    }
    serde_json::from_slice(config).map(|Dated { created }| created)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn digest(letter: char) -> Digest {
        format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
    }

    #[test]
    fn what_matters_of_a_manifest_is_read() {
        let text = json!({
            "config": {"mediaType": OF_IMAGES[0], "digest": digest('c'), "size": 7},
            "layers": [{"digest": digest('1'), "size": 10}, {"digest": "sha512:00", "size": 9}],
            "subject": {"digest": digest('f'), "size": 1},
            "annotations": {CREATED: "2026-01-01T00:00:00Z", "x": "y"},
        })
        .to_string();
        let found = read(&digest('a'), text.as_bytes()).unwrap();
        assert_eq!((found.children.as_slice(), found.subject), (&[][..], Some(digest('f'))));
        assert_eq!(found.config, Some(Config { digest: digest('c'), size: 7, is_of_an_image: true }));
        assert_eq!(found.annotation.as_deref(), Some("2026-01-01T00:00:00Z"));
        assert_eq!(found.parts, [(digest('c'), 7), (digest('1'), 10), (digest('a'), text.len() as u64)]);
        let text = json!({"manifests": [{"digest": digest('b'), "size": 2}]}).to_string();
        assert_eq!(read(&digest('a'), text.as_bytes()).unwrap().children, [digest('b')]);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let check = |text: &str, expected: &str| {
            assert_eq!(read(&digest('a'), text.as_bytes()).unwrap_err().to_string(), expected);
        };
        check("{}", "it is not a manifest: expected one of `manifests`, `config`, `layers` and `blobs`");
        check("<html>", "it is not a manifest: expected value at line 1 column 1");
        check(
            r#"{"manifests": [{"digest": "sha512:00"}]}"#,
            "it names `sha512:00`, which is not a digest of the algorithm sha256",
        );
        check(
            r#"{"manifests": {}}"#,
            "it is not a manifest: invalid type: map, expected a sequence at line 1 column 14",
        );
    }

    #[test]
    fn a_configuration_may_have_a_date() {
        assert_eq!(created(br#"{"created": "x", "os": "linux"}"#).unwrap(), Some("x".to_owned()));
        assert_eq!(created(b"{}").unwrap(), None);
        assert!(created(b"[").is_err());
    }
}
