//! The layers of what is attached to an image. Signatures stand in their annotations.

use std::collections::BTreeMap;

use local_registry_core::Digest;
use local_registry_oci::{Blob, RawManifest};
use serde::{Deserialize, Deserializer, Serialize};

/// A layer, as far as it matters here. Nobody reads anything else of it, and that may be large.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Layer {
    pub(crate) media_type: String,
    #[serde(deserialize_with = "digest")]
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    #[serde(default)]
    pub(crate) annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Layers {
    #[serde(default)]
    layers: Vec<Layer>,
}

impl Layer {
    /// The layers of a manifest; `None` if they are not described as layers are.
    pub(crate) fn all_of(manifest: &RawManifest) -> Option<Vec<Self>> {
        serde_json::from_slice::<Layers>(&manifest.bytes).ok().map(|found| found.layers)
    }

    pub(crate) fn blob(&self) -> Blob {
        Blob { digest: self.digest.clone(), size: self.size }
    }
}

fn digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}
