//! One admission request: what it says, the settings that it is decided by, and the decision; and what becomes of a local
//! image in it.
//!
//! Nothing here knows a kind of object; that is for the rooms that decide.

mod decision;
mod field;
mod local_image;
mod outcome;
mod request;
mod settings;

pub use self::decision::Decision;
pub(crate) use self::field::value_at;
pub(crate) use self::local_image::{ImageProblem, resolve_image};
pub(crate) use self::outcome::Outcome;
pub(crate) use self::request::Write;
pub use self::request::{PayloadError, Request};
pub use self::settings::{OutputWithoutRegistry, Settings, SettingsError, SettingsWarning, is_help_url};
