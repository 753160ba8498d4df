//! The node agent: on its node, it keeps the container runtime's files equal to where the declared registry is now.
//!
//! `place` says where a name leads, `containerd` and `cri_o` what the runtime's file for it says, and `files` writes it.
//! `look` brings one node in line, and `agent` does so again and again.

mod agent;
mod authority;
mod clean_up;
mod containerd;
mod cri_o;
mod file_system;
mod files;
mod knowledge;
mod marker;
mod paths;
mod reconcile;
mod report;
mod route;
mod runtime;
mod runtime_config;
mod task;

pub use self::agent::{DirectoryRemovedError, follow, once};
pub use self::clean_up::clean_up;
pub use self::containerd::directory;
pub use self::paths::Paths;
pub use self::report::{NameReport, NameResult, Report, State};
pub use self::route::{AddressRule, AddressRuleError};
pub use self::runtime::{Runtime, contents};
pub use self::runtime_config::{RuntimeConfig, RuntimeReads};
pub use self::task::NodeTask;
