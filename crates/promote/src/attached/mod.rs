//! What a registry has that is attached to an image, and what of that counts: referrers, and cosign's tags.

mod cosign;
mod limits;
mod payload;
mod referrers;
mod tag_names;

pub(crate) use self::cosign::{BUNDLES, COSIGN_ARTIFACTS, CosignTag, ENVELOPES, PAYLOADS, has_signatures_of};
pub(crate) use self::limits::{
    ATTESTATIONS, BLOBS, CONFIGURATION, ENVELOPE, LEVELS, MANIFESTS, NAMED, PAYLOAD, READ, REFERRERS, SIGNATURES,
};
pub(crate) use self::referrers::{Referrers, index_tag};
pub(crate) use self::tag_names::{TagNames, may_have};
