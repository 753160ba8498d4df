//! What the agent found and did on its node, for people and for programs.

mod node;

pub use self::node::{NameReport, NameResult, Report, State};
