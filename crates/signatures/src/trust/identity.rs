//! Owners of certificates.

use super::authority::Authority;
use super::pattern::Pattern;
use super::public_key::PublicKey;

/// Who signs by a certificate: whoever an authority calls so, at a time that a transparency log has signed.
///
/// ```
/// use local_registry_signatures::{Authority, Identity, PublicKey};
///
/// /// The workflows of a repository, by a Fulcio and a Rekor of one's own.
/// fn workflows(authority: Authority, log: PublicKey) -> Identity {
///     Identity {
///         authority,
///         log,
///         issuer: "https://token.actions.githubusercontent.com".to_owned(),
///         subject: "https://github.com/team/app/.github/workflows/*".parse().unwrap(),
///     }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Identity {
    /// Who gives the certificates.
    pub authority: Authority,
    /// The key by which the transparency log signs its entries.
    pub log: PublicKey,
    /// Who told the authority whom the certificate is for, exactly as the certificate has it: the issuer of an OIDC token.
    pub issuer: String,
    /// Whom the certificate is for: a URI or an e-mail address.
    pub subject: Pattern,
}
