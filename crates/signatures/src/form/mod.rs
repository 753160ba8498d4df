//! The three forms in which an image's signatures are kept: cosign's payload with annotations, an envelope with annotations, and
//! Sigstore's bundle. Reading them verifies nothing.

mod annotations;
mod bundle;
mod envelope;
mod evidence;
mod payload;

pub(crate) use self::annotations::{evidence_of, signature_of};
pub(crate) use self::bundle::{Bundle, Content};
pub(crate) use self::envelope::Envelope;
pub(crate) use self::evidence::Evidence;
pub(crate) use self::payload::Payload;
