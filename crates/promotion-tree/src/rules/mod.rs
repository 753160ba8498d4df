//! What a project demands of the images that it promotes. Pure: what was found goes in, and whether that is enough comes out.

mod platform;
mod project_rules;

pub use self::platform::{Platform, PlatformError};
pub use self::project_rules::{ProjectRules, ProvenanceRule, Rules, SignatureRule};
