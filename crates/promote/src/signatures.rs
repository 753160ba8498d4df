//! What is asked about signatures that came later than their image.

/// Whether what is attached to an image counts by itself: signatures, attestations, bills of materials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signatures {
    /// What is attached at the source belongs to the target, also to an image that is there already.
    Follow,
    /// Nothing is asked about it. What is copied anew has it all the same.
    Ignore,
}
