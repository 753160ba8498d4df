//! What a project demands of the images that it promotes. Pure: what was found goes in, and whether that is enough comes out.

mod platform;
mod project_rules;

pub(crate) use self::platform::Platform;
pub use self::project_rules::ProjectRules;
pub(crate) use self::project_rules::{ProvenanceRule, Rules, SignatureRule};
