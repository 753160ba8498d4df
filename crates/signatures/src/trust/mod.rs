//! Whom one trusts: keys, and owners of certificates that an authority gave. It verifies single signatures and chains, and knows
//! nothing of images.

mod authority;
mod certificate;
mod identity;
mod pattern;
mod public_key;

pub use self::authority::{Authority, AuthorityError};
pub(crate) use self::certificate::{Certificate, CertificateFault, MOST_CERTIFICATES};
pub use self::identity::Identity;
pub use self::pattern::{Pattern, PatternError};
pub use self::public_key::{PublicKey, PublicKeyError};
