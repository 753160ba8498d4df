//! The key in its Secret: made once, by whichever replica comes first, and the same for all.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use local_registry_cluster::{Cluster, ClusterError, SecretData};
use local_registry_core::Quoted;
use local_registry_core::text::is_object_name;
use thiserror::Error;
use tokio::time::Instant;

use crate::signing_key::{KeyError, SigningKey};

/// The key of the Secret with the private key, in DER.
const PRIVATE: &str = "key.der";
/// The key of the Secret with the public key, as the registry reads it.
const PUBLIC: &str = "jwks.json";
/// How often a write is tried again that another replica was faster with.
const TRIES: usize = 5;
/// How long a new server waits for those that run before it makes a key. They look for theirs more often.
const GRACE: Duration = Duration::from_secs(15);

/// Which Secret has the key.
///
/// ```
/// use local_registry_tenants::SecretName;
///
/// assert!("local-registry/registry-token".parse::<SecretName>().is_ok());
/// assert!("registry-token".parse::<SecretName>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretName {
    namespace: String,
    name: String,
}

/// Why a text names no Secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{} names no Secret; write NAMESPACE/NAME, as in `local-registry/registry-token`", Quoted(.0))]
pub struct SecretNameError(String);

impl FromStr for SecretName {
    type Err = SecretNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            Some((namespace, name)) if is_object_name(namespace) && is_object_name(name) => {
                Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
            }
            _ => Err(SecretNameError(text.to_owned())),
        }
    }
}

/// Why there is no key to sign with.
#[derive(Debug, Error)]
pub(crate) enum StoredKeyError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("Secret {0}: not found; the chart makes it, with `registry.tenants.enabled`")]
    NoSecret(String),
    #[error(
        "Secret {secret}: its key {PRIVATE} {error}; remove {PRIVATE} and {PUBLIC} from it, and restart this server and then the registry"
    )]
    Malformed { secret: String, error: KeyError },
    #[error("Secret {0}: it was changed each time that the key was to be written; look who else writes it")]
    Contested(String),
    #[error("a key cannot be made: it {0}")]
    Generate(KeyError),
}

/// What a Secret says of the key.
enum Stored {
    /// It has this one.
    Has(Arc<SigningKey>),
    /// It lacks some of it, which has to be written: this is the key then.
    Lacks(Arc<SigningKey>),
}

/// Finds the key in its Secret, look by look.
pub(crate) struct KeyFinder {
    secret: SecretName,
    /// Since when the Secret was seen without a key, by a server that has none.
    empty_since: Option<Instant>,
}

impl KeyFinder {
    pub(crate) fn new(secret: SecretName) -> Self {
        Self { secret, empty_since: None }
    }

    /// The key of the Secret. Where it has none, the `current` one is written: whoever empties the Secret while a server runs must not
    /// leave a registry behind that trusts nobody. A server without a key makes one if the Secret stays without for a while, in which
    /// those that run would have written theirs; `None` until then.
    pub(crate) async fn find(
        &mut self,
        cluster: &Cluster,
        current: Option<&Arc<SigningKey>>,
    ) -> Result<Option<Arc<SigningKey>>, StoredKeyError> {
        let SecretName { namespace, name } = &self.secret;
        let subject = || format!("{namespace}/{name}");
        for _ in 0..TRIES {
            let Some(data) = cluster.secret(namespace, name).await? else {
                return Err(StoredKeyError::NoSecret(subject()));
            };
            let malformed = |error| StoredKeyError::Malformed { secret: subject(), error };
            let key = match stored(&data, current).map_err(malformed)? {
                Some(Stored::Has(key)) => return Ok(Some(key)),
                Some(Stored::Lacks(key)) => key,
                None if self.empty_since.get_or_insert_with(Instant::now).elapsed() < GRACE => return Ok(None),
                None => Arc::new(SigningKey::generate().map_err(StoredKeyError::Generate)?),
            };
            let content = BTreeMap::from([(PRIVATE, key.der().to_vec()), (PUBLIC, key.jwks().into_bytes())]);
            match cluster.fill_secret(namespace, name, &data, &content).await {
                Ok(()) => return Ok(Some(key)),
                Err(error) if error.is_outdated() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoredKeyError::Contested(subject()))
    }
}

/// What the Secret says; `None` if it has no key, and neither has this server.
fn stored(data: &SecretData, current: Option<&Arc<SigningKey>>) -> Result<Option<Stored>, KeyError> {
    let Some(der) = data.get(PRIVATE).filter(|der| !der.is_empty()) else {
        return Ok(current.map(|key| Stored::Lacks(Arc::clone(key))));
    };
    let key = Arc::new(SigningKey::from_der(der)?);
    let is_whole = data.get(PUBLIC) == Some(key.jwks().as_bytes());
    Ok(Some(if is_whole { Stored::Has(key) } else { Stored::Lacks(key) }))
}
