//! Kubewarden's policies.

mod calls;
mod name;
mod policy;
mod resources;
mod webhook;

pub use self::calls::ApplyMode;
pub(crate) use self::calls::{GROUP, VERSION};
pub use self::name::{PolicyName, PolicyNameError};
pub use self::policy::{FIELD_MANAGER, Policy};
pub use self::resources::Resources;
pub use self::webhook::PolicyWebhook;
