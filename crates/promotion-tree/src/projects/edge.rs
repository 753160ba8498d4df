//! One promotion: an image of a source, by digest, to one target, under one tag or none.

use std::sync::Arc;

use local_registry_core::{Digest, Tag};
use local_registry_oci::Repository;
use serde::{Serialize, Serializer};

/// An image to promote, from where, and to where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Edge {
    /// The project that says so.
    #[serde(serialize_with = "as_text")]
    pub project: Arc<str>,
    /// The repository that has the image.
    pub source: Repository,
    /// The image.
    pub digest: Digest,
    /// The repository that gets it.
    pub target: Repository,
    /// The tag there; `None` if the image is only known by its digest.
    pub tag: Option<Tag>,
}

impl Edge {
    /// The image at the target: by tag if there is one, else by digest.
    #[must_use]
    pub fn target_image(&self) -> String {
        self.tag.as_ref().map_or_else(|| self.target.at(&self.digest), |tag| self.target.tagged(tag))
    }
}

fn as_text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}
