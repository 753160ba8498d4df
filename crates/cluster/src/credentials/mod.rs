//! What lets the builds of a namespace push: a ServiceAccount, its RoleBinding, and a Secret with a token of it.

mod account;
mod binding;
mod calls;
mod fingerprint;
mod found;
mod promise;
mod secret;
mod token;

use crate::namespaces::NamespaceLabel;

pub use self::account::Account;
pub use self::binding::Binding;
pub use self::fingerprint::Fingerprint;
pub use self::found::{Found, Part};
pub use self::promise::{HOST, Promise};
pub use self::secret::{CONFIG_KEY, EXPIRES, LIFETIME, SEAL, SecretContent, StoredSecret};
pub use self::token::BoundToken;

/// The name of the ServiceAccount, of its RoleBinding, of the ClusterRole that it is bound to, and of the Secret.
pub const NAME: &str = "local-registry-push";
/// The label of the namespaces that get credentials. Its value is `true`.
pub const PUSH_LABEL: &str = "local-registry-hosting/push";
/// The field manager, and the value of the label by which objects are ours.
pub const MANAGER: &str = "local-registry-credentials";

/// The label of the namespaces that get credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushLabel;

impl NamespaceLabel for PushLabel {
    const LABEL: &'static str = PUSH_LABEL;
}
