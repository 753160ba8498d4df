//! One admission request: what it says, the settings that it is decided by, and the decision.
//!
//! Nothing here knows a kind of object; that is for the rooms that decide.

mod decision;
mod field;
mod outcome;
mod request;
mod settings;

pub use self::decision::Decision;
pub(crate) use self::field::value_at;
pub(crate) use self::outcome::Outcome;
pub(crate) use self::request::Write;
pub use self::request::{PayloadError, Request};
pub use self::settings::{OutputWithoutRegistry, Settings, SettingsError, SettingsWarning, is_help_url};
