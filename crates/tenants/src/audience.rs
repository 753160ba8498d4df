//! For whom the tokens are that clients have as passwords.

/// The audience of the tokens in credentials, and the one that the token server accepts by default. The API server takes no such
/// token for itself.
pub const AUDIENCE: &str = "local-registry";
