//! What a manifest says of a blob.

use local_registry_core::Digest;

/// A blob, as a manifest describes it.
///
/// ```
/// use local_registry_oci::{Blob, digest_of};
///
/// let blob = Blob { digest: digest_of(b"{}"), size: 2 };
/// assert_eq!(blob.digest.as_str(), "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Blob {
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
}
