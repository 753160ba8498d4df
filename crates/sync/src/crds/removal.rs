//! What this program has added to a CRD.

use local_registry_cluster::crds::Crd;
use local_registry_core::shipwright::Kind;

use super::change::{Change, DESCRIPTION};
use super::place::{Found, places};

/// What of the field `local` is to be removed from a CRD.
///
/// Only what this program has added, which it knows by the description: Shipwright may have a field of that name some day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The change; `None` if there is nothing to remove.
    pub change: Option<Change>,
    /// What is left there, and why.
    pub left: Vec<String>,
}

impl Removal {
    /// Finds the fields in every version that is known. Where a CRD has another shape, there is none.
    #[must_use]
    pub fn from(kind: Kind, crd: &Crd) -> Self {
        let (mut change, mut left) = (Change::of(crd), Vec::new());
        for place in places(kind, crd) {
            match place.find() {
                Ok(Found::Field(Some(DESCRIPTION))) => change.remove(&place),
                Ok(Found::Field(_)) => {
                    left.push(format!("{place}: the field local has another description, so somebody else added it"));
                }
                Ok(Found::Anything | Found::NoField) | Err(_) => {}
            }
        }
        Self { change: Some(change).filter(|change| !change.places().is_empty()), left }
    }
}
