//! One admission request: what it says, the settings that it is decided by, and the decision; and what becomes of a local
//! image in it.
//!
//! Nothing here knows a kind of object; that is for the rooms that decide. [`decide`](crate::decide) joins them:
//!
//! ```
//! use local_registry_core::admission::{Decision, Request};
//! use local_registry_core::decide;
//!
//! // No kind of object that has images.
//! let payload = br#"{"request": {"kind": {"group": "", "version": "v1", "kind": "Secret"}, "operation": "CREATE"}}"#;
//! let request = Request::parse(payload)?;
//! let decision = decide(&request, &mut |_: &str, _: &str| unreachable!())?;
//! assert!(matches!(decision, Decision::Accept { edits, warnings } if edits.is_empty() && warnings.is_empty()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decision;
mod field;
mod local_image;
mod request;
mod settings;

pub use self::decision::Decision;
pub(crate) use self::decision::Outcome;
pub(crate) use self::field::{ANNOTATIONS, SPEC, annotations, value_at};
pub(crate) use self::local_image::{Fate, Hint, ImageProblem, See, fate_of_local_image, undo};
pub(crate) use self::request::Operation;
pub use self::request::{PayloadError, Request};
pub use self::settings::{
    ImagesWithoutRegistry, KnativeTags, OutputWithoutRegistry, Repositories, Settings, SettingsError, SettingsWarning,
    is_help_url,
};
pub use crate::json::{EditError, Edits};
pub use crate::message::{Code, Rejection, Warning};
