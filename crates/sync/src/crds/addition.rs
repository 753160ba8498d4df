//! What a CRD lacks of the field.

use local_registry_cluster::crds::Crd;
use local_registry_core::shipwright::Kind;

use super::change::Change;
use super::place::{Found, OtherShape, Place, places, unknown_storage};

/// What a CRD lacks of the field `local`.
///
/// ```
/// use local_registry_cluster::crds::Crd;
/// use local_registry_core::shipwright::Kind;
/// use local_registry_sync::crds::Addition;
///
/// let crd: Crd = serde_json::from_str(r#"{"versions": [{"name": "v1beta1", "served": true, "schema": {}}]}"#)?;
/// let other = Addition::to(Kind::Build, &crd).unwrap_err();
/// assert_eq!(other.to_string(), "v1beta1 schema: found nothing; expected a schema");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addition {
    /// Nothing: each image has it, or whatever users write there is kept.
    Nothing,
    /// This has to be changed.
    Missing(Change),
}

impl Addition {
    /// Compares a CRD with what it should have, in every version that is known and in use.
    ///
    /// # Errors
    /// An [`OtherShape`] if only one image is not where it is known to be, or if objects are stored in a version that is not
    /// known, where they would lose the field. Then nothing of the CRD may be changed.
    pub fn to(kind: Kind, crd: &Crd) -> Result<Self, OtherShape> {
        if crd.preserve_unknown_fields {
            return Ok(Self::Nothing);
        }
        if let Some(version) = unknown_storage(crd) {
            return Err(OtherShape::stored_as(version));
        }
        let (mut change, mut is_known) = (Change::of(crd), false);
        for place in places(kind, crd).filter(Place::is_used) {
            is_known = true;
            match place.find()? {
                Found::Anything | Found::Field(_) => {}
                Found::NoField => change.add(&place),
            }
        }
        match (is_known, change.places()) {
            (false, _) => Err(OtherShape::without_versions(crd)),
            (true, []) => Ok(Self::Nothing),
            (true, _) => Ok(Self::Missing(change)),
        }
    }
}
