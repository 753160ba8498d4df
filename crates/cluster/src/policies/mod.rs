//! Kubewarden's policies.
//!
//! `spec` says what is read of a policy, `protection` whether it does its work, and `comparison` whether its webhook asks it.

mod authority;
mod calls;
mod comparison;
mod lenient;
mod name;
mod policy;
mod protection;
mod purpose;
mod requests;
mod resources;
mod shipped;
mod spec;
mod webhook;

// Which policies, and what they are about.
pub use self::name::{PolicyName, PolicyNameError};
pub use self::resources::Resources;

// What a policy says.
pub use self::policy::{FIELD_MANAGER, Policy};
pub use self::protection::Protection;
pub use self::shipped::ShippedPolicy;
pub use self::spec::{
    ContextAwareResource, MatchCondition, PolicyCondition, PolicyFields, PolicySettings, PolicySpec, PolicyStatus, Rule,
};

// How the API server asks it.
pub use self::comparison::ExpectedWebhook;
pub use self::webhook::PolicyWebhook;

// How it is changed.
pub use self::calls::ApplyMode;
pub(crate) use self::calls::{GROUP, VERSION};
pub(crate) use self::requests::{Request, listed, requests};
