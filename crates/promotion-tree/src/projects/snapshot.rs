//! What a registry has, as an `images.yaml`.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use local_registry_core::{Digest, Tag};

use crate::format::yaml;

/// The tags of an image, and the digests that they name.
pub type ImageTags = BTreeMap<Tag, Digest>;

/// What a registry has, as an `images.yaml`: images in the order of their names, digests in the order of their first tags, as
/// people read versions.
///
/// ```
/// use local_registry_promotion_tree::{ImageTags, Snapshot};
///
/// let digest = local_registry_oci::digest_of(b"an image");
/// let tags = ["v1.10", "v1.9"].map(|tag| (tag.parse().unwrap(), digest.clone()));
/// let snapshot = Snapshot::from_iter([("app".to_owned(), ImageTags::from(tags))]);
/// assert_eq!(snapshot.to_string(), format!("- name: app\n  dmap:\n    \"{digest}\": [\"v1.9\", \"v1.10\"]\n"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<String, ImageTags>);

impl FromIterator<(String, ImageTags)> for Snapshot {
    /// Images that have tags.
    fn from_iter<I: IntoIterator<Item = (String, ImageTags)>>(images: I) -> Self {
        Self(images.into_iter().filter(|(_, tags)| !tags.is_empty()).collect())
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("[]\n");
        }
        for (name, tags) in &self.0 {
            let mut tags: Vec<(&Tag, &Digest)> = tags.iter().collect();
            tags.sort_by(|(one, _), (other, _)| one.natural_order(other));
            let mut digests: Vec<(&Digest, Vec<String>)> = Vec::new();
            let mut known: BTreeMap<&Digest, usize> = BTreeMap::new();
            for (tag, digest) in tags {
                let index = *known.entry(digest).or_insert(digests.len());
                if index == digests.len() {
                    digests.push((digest, Vec::new()));
                }
                if let Some((_, tags)) = digests.get_mut(index) {
                    tags.push(format!("\"{tag}\""));
                }
            }
            let mut block = format!("- name: {}\n  dmap:\n", yaml::scalar(name));
            for (digest, tags) in digests {
                writeln!(block, "    \"{digest}\": [{}]", tags.join(", "))?;
            }
            f.write_str(&block)?;
        }
        Ok(())
    }
}
