//! The index that lists the referrers of a manifest, at a target without the API of referrers.

use std::collections::BTreeSet;

use local_registry_oci::{RawManifest, Reference};
use oci_spec::image::Descriptor;
use serde_json::{Value, json};

use crate::attached::index_tag;
use crate::image::{Parts, Place, PromotionError, Slots};
use local_registry_core::{Digest, Tag};
use local_registry_oci::Repository;

/// What it is.
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// What it may have beside its list, and what of each referrer. With anything more, such as platforms, it would be an image to
/// somebody.
const FIELDS: [&str; 4] = ["schemaVersion", "mediaType", "manifests", "annotations"];
const DESCRIBED: [&str; 5] = ["mediaType", "digest", "size", "artifactType", "annotations"];

/// Changes these indexes, each by one at a time.
#[derive(Default)]
pub(crate) struct ReferrerIndexes(Slots<(Repository, Tag)>);

impl ReferrerIndexes {
    /// Lists referrers. The index of the source is taken as it is, if it lists the same.
    pub(crate) async fn list(
        &self,
        target: &Place<'_>,
        subject: &Digest,
        referrers: &[Descriptor],
        of_source: Option<&RawManifest>,
    ) -> Result<(), PromotionError> {
        let Some(tag) = index_tag(subject) else { return Ok(()) };
        let key = (target.repository.clone(), tag.clone());
        self.0.alone(key, list(target, &tag, referrers, of_source)).await
    }
}

async fn list(
    target: &Place<'_>,
    tag: &Tag,
    referrers: &[Descriptor],
    of_source: Option<&RawManifest>,
) -> Result<(), PromotionError> {
    let existing = target.manifest(Reference::Tag(tag)).await?;
    let wanted: BTreeSet<String> = referrers.iter().map(|one| one.digest().to_string()).collect();
    let index = match (&existing, of_source) {
        (None, Some(index)) if is_plain(index) && listed_digests(index) == wanted => index.clone(),
        // Somebody's image has that tag.
        (Some(other), _) if !Parts::read(other).is_ok_and(|parts| parts.is_index) => {
            let image = target.repository.tagged(tag);
            return Err(PromotionError::Unfit(format!("{image} is {}, and not a list of referrers", other.digest)));
        }
        (existing, _) => match merged(existing.as_ref(), referrers) {
            Some(index) => index,
            None => return Ok(()),
        },
    };
    target.put(Reference::Tag(tag), INDEX, &index).await
}

fn document(index: &RawManifest) -> Value {
    serde_json::from_slice(&index.bytes).unwrap_or_default()
}

/// Whether an index only lists referrers.
fn is_plain(index: &RawManifest) -> bool {
    let index = document(index);
    let has_only = |value: &Value, fields: &[&str]| {
        value.as_object().is_some_and(|object| object.keys().all(|key| fields.contains(&key.as_str())))
    };
    let listed = index.get("manifests").and_then(Value::as_array);
    has_only(&index, &FIELDS) && listed.is_some_and(|listed| listed.iter().all(|one| has_only(one, &DESCRIBED)))
}

/// The digests that an index lists.
fn listed_digests(index: &RawManifest) -> BTreeSet<String> {
    let index = document(index);
    let listed = index.get("manifests").and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(|one| one.get("digest")?.as_str().map(str::to_owned)).collect()
}

/// An index with these referrers beside what it listed before; `None` if it lists all of them.
fn merged(before: Option<&RawManifest>, referrers: &[Descriptor]) -> Option<RawManifest> {
    let known = before.map(listed_digests).unwrap_or_default();
    let new: Vec<Value> =
        referrers.iter().filter(|one| !known.contains(&one.digest().to_string())).filter_map(described).collect();
    if new.is_empty() {
        return None;
    }
    let mut index = before.map(document).unwrap_or_default();
    if !index.get("manifests").is_some_and(Value::is_array) {
        index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
    }
    index.get_mut("manifests")?.as_array_mut()?.extend(new);
    Some(RawManifest::new(INDEX, serde_json::to_vec(&index).ok()?))
}

/// A descriptor with nothing but what describes a referrer.
fn described(descriptor: &Descriptor) -> Option<Value> {
    let mut described = serde_json::to_value(descriptor).ok()?;
    described.as_object_mut()?.retain(|key, _| DESCRIBED.contains(&key.as_str()));
    Some(described)
}
