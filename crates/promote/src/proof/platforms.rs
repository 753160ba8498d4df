//! What an image runs on: what its index says, or else its configuration.

use std::collections::BTreeSet;

use local_registry_core::{Digest, Quoted};
use local_registry_oci::{Blob, RawManifest};
use serde::Deserialize;

use crate::attached::{CONFIGURATION, NAMED};
use crate::image::{Manifest, ManifestTree, Place, PromotionError, Room, SMALL};
use local_registry_promotion_tree::Platform;

/// The manifests of an index, as far as they matter here.
#[derive(Deserialize)]
struct Index {
    manifests: Vec<Child>,
}

#[derive(Deserialize)]
struct Child {
    digest: String,
    platform: Option<Described>,
}

#[derive(Deserialize)]
struct Image {
    config: Configuration,
}

#[derive(Deserialize)]
struct Configuration {
    digest: String,
    size: u64,
}

/// How an index and a configuration describe a platform.
#[derive(Deserialize)]
struct Described {
    os: String,
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

impl From<Described> for Platform {
    fn from(Described { os, architecture, variant }: Described) -> Self {
        Self::of(&os, &architecture, variant.as_deref())
    }
}

/// Why an image is not for all of these platforms, if so.
pub(crate) async fn missing(
    wanted: &[Platform],
    place: &Place<'_>,
    image: &Digest,
    room: &Room,
) -> Result<Option<String>, PromotionError> {
    let found = match of_image(place, image, room).await {
        Err(PromotionError::Unfit(reason)) => return Ok(Some(format!("it does not say what it is for: {reason}"))),
        found => found?,
    };
    let is_missing = |wanted: &&Platform| !found.iter().any(|found| wanted.accepts(found));
    let missing: Vec<String> = wanted.iter().filter(is_missing).map(|platform| format!("`{platform}`")).collect();
    if missing.is_empty() {
        return Ok(None);
    }
    let found: Vec<String> =
        found.iter().take(NAMED).map(|platform| Quoted(&platform.to_string()).to_string()).collect();
    let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
    Ok(Some(format!("it is not for {}, only for {found}", missing.join(", "))))
}

async fn of_image(place: &Place<'_>, image: &Digest, room: &Room) -> Result<BTreeSet<Platform>, PromotionError> {
    let tree = ManifestTree::read(place, image, room).await?;
    let mut found = BTreeSet::new();
    for manifest in tree.manifests().filter(|manifest| manifest.parts.is_index) {
        for Child { digest, platform } in parsed::<Index>(&manifest.raw)?.manifests {
            let child = digest.parse().ok().and_then(|digest| tree.manifest(&digest));
            match (platform, child.filter(|child| !child.parts.is_index)) {
                (Some(platform), Some(_)) => found.extend([platform.into()]),
                (None, Some(child)) => found.extend(configured(place, child, room).await?),
                (_, None) => {}
            }
        }
    }
    if let Some(top) = tree.manifest(image).filter(|top| !top.parts.is_index) {
        found.extend(configured(place, top, room).await?);
    }
    Ok(found)
}

/// What the configuration of an image says. An artifact has one that says nothing.
async fn configured(place: &Place<'_>, manifest: &Manifest, room: &Room) -> Result<Option<Platform>, PromotionError> {
    let Ok(Image { config: Configuration { digest, size } }) = parsed(&manifest.raw) else { return Ok(None) };
    let Ok(digest) = digest.parse() else { return Ok(None) };
    if size > CONFIGURATION {
        let reason = format!("the configuration {digest} has more than {CONFIGURATION} bytes");
        return Err(PromotionError::Unfit(reason));
    }
    let blob = Blob { digest, size };
    let _turn = if size > SMALL as u64 { room.envelope().await } else { None };
    let bytes = place.registry.read_blob(place.repository, &blob).await.map_err(|error| place.failed(error))?;
    Ok(serde_json::from_slice::<Described>(&bytes).ok().map(Platform::from))
}

fn parsed<'m, T: Deserialize<'m>>(manifest: &'m RawManifest) -> Result<T, PromotionError> {
    serde_json::from_slice(&manifest.bytes)
        .map_err(|_| PromotionError::Unfit(format!("{} does not describe its parts as the OCI does", manifest.digest)))
}
