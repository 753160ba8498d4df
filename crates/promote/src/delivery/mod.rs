//! What targets get beside manifests and tags.

mod referrer_index;
mod shipments;
mod writers;

pub(crate) use self::writers::Delivery;
