//! Limits of what is attached to images. Nobody reviews that: whoever may push to the staging registry may attach anything to
//! anything. What is over a limit is left out, and reported.
//!
//! Each is for one manifest of an image, with all that is attached to what is attached to it.

/// How many levels deep: a signature of an image is one, and a signature of that is two.
pub(crate) const LEVELS: usize = 4;
/// How many referrers. An image that is signed and described by five tools has a dozen.
pub(crate) const REFERRERS: usize = 64;
/// How many bytes of manifests. One of a signature has some KiB, with its certificate.
pub(crate) const MANIFESTS: usize = 1 << 20;
/// How many bytes of manifests are read to find that out. A list may say that something is smaller than it is.
pub(crate) const READ: usize = 8 << 20;
/// How many bytes of blobs. Bills of materials have some MiB, and indexes for lazy pulling a hundredth of their image.
pub(crate) const BLOBS: u64 = 1 << 30;
/// How many bytes an index of referrers may have, as the list of the API has.
pub(crate) const INDEX: usize = 128 << 10;
/// How many annotations the list says of a referrer.
pub(crate) const ANNOTATIONS: usize = 16;
/// How many signatures a tag of cosign may name.
pub(crate) const SIGNATURES: usize = 64;
/// How many bytes the text has that cosign signs.
pub(crate) const PAYLOAD: u64 = 64 << 10;
/// How many bytes an attestation may have. It may have a bill of materials in it, and is read as a whole.
pub(crate) const ENVELOPE: u64 = 8 << 20;
/// How many bytes all attestations of a tag may have, for the same reason.
pub(crate) const ATTESTATIONS: u64 = 32 << 20;
/// How many subjects an attestation may have.
pub(crate) const SUBJECTS: usize = 10_000;
/// How much of what was left out is named for an image.
pub(crate) const NAMED: usize = 16;
/// How many bytes the configuration of an image may have, where it has to say what it runs on.
pub(crate) const CONFIGURATION: u64 = 256 << 10;
