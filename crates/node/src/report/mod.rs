//! What the agent found and did on its node, for people and for programs: the agent writes it, and `check` reads it.

mod diff;
mod name;
mod node;

pub use self::name::{NameReport, NameResult};
pub use self::node::{Report, State};
