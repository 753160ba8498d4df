//! The rights of tenants: who may pull, push and delete which repository of the registry, by the cluster's own RBAC.
//!
//! [`TokenServer`] gives out the tokens that distribution's token authentication asks for. The password is a Kubernetes token, which a
//! TokenReview judges. Each [`Scope`] that a client asks for has a [`Right`] for each action, which is judged by a
//! SubjectAccessReview. What nobody grants is left out of the token.
//!
//! [`credentials`] make themselves, so that a build pushes without a password of its own.
//!
//! ```
//! use local_registry_tenants::{Right, Scope};
//!
//! let scope = Scope::parse("repository:team/app:pull,push").unwrap();
//! let rights: Vec<String> = Right::of(&scope).map(|right| right.to_string()).collect();
//! assert_eq!(rights[1], "push repositories.registry.local-registry-hosting/app --namespace team");
//! ```

#![forbid(unsafe_code)]

mod answer;
mod audience;
pub mod credentials;
mod refusal;
mod request;
mod right;
mod scope;
mod signing_key;
mod stored_key;
mod token;
mod token_server;

// What is asked for, without I/O.
pub use self::refusal::Refusal;
pub use self::request::TokenRequest;
pub use self::right::{GROUP, RESOURCE, Right};
pub use self::scope::{Action, RepositoryName, Scope, Target};

// Tokens.
pub use self::signing_key::{KeyError, SigningKey};
pub use self::token::{ISSUER, LIFETIME, Token};

// Who gives them out, and for whom they are.
pub use self::audience::AUDIENCE;
pub use self::stored_key::{SecretName, SecretNameError};
pub use self::token_server::{Peer, TokenEvent, TokenServer, TokenTask};
