//! What a registry has of an image: manifests, what they refer to, and how much of that is in memory at once.

mod error;
mod layer;
mod manifest_tree;
mod memo;
mod parts;
mod place;
mod room;

pub(crate) use self::error::PromotionError;
pub(crate) use self::layer::Layer;
pub(crate) use self::manifest_tree::{Manifest, ManifestTree};
pub(crate) use self::memo::{Memo, Slots};
pub(crate) use self::parts::Parts;
pub(crate) use self::place::{Manifests, Place};
pub(crate) use self::room::{Room, Rooms, SMALL, Turn, turn};
