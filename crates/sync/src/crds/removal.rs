//! What this program has added to a CRD.

use std::collections::BTreeSet;

use local_registry_cluster::crds::Crd;
use local_registry_core::shipwright::Kind;

use super::change::Change;
use super::place::{DESCRIPTION, Found, places};

/// What of the field `local` is to be removed from a CRD.
///
/// Only what this program has added, which it knows by the description: Shipwright may have a field of that name some day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The change; `None` if there is nothing to remove.
    pub change: Option<Change>,
    /// What is not touched, and why.
    pub warnings: Vec<String>,
    /// Where a field that this program has added stays, since the CRD has another shape there.
    pub left: Vec<String>,
}

impl Removal {
    /// Finds the fields in every version that is known.
    #[must_use]
    pub fn from(kind: Kind, crd: &Crd) -> Self {
        let (mut change, mut warnings, mut left) = (Change::of(crd), BTreeSet::new(), Vec::new());
        for place in places(kind, crd) {
            match place.find() {
                Ok(Found::Field(Some(DESCRIPTION))) => change.remove(&place),
                Ok(Found::Field(_)) => {
                    let reason = "the field local has another description, so somebody else added it";
                    warnings.insert(format!("{place}: {reason}"));
                }
                Ok(Found::Anything | Found::NoField) => {}
                Err(other) => {
                    if place.has_ours() {
                        left.push(place.to_string());
                    }
                    // A version that nobody uses may have any shape.
                    if place.has_ours() || place.is_used() {
                        warnings.insert(other.to_string());
                    }
                }
            }
        }
        let change = Some(change).filter(|change| !change.places().is_empty());
        Self { change, warnings: warnings.into_iter().collect(), left }
    }
}
