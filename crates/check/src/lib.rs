//! `check`: the whole chain from the ConfigMap to the policy and to the nodes, link by link, and how to fix each.

mod builds;
mod chain;
mod config_map;
mod crd;
mod kit;
mod link;
mod names;
mod policy;
mod probe;
mod pull;
mod registry;
mod scope;
mod selector;
mod vantage;

pub use self::chain::check;
pub use self::link::{Link, LinkVerdict};
pub use self::probe::{Probe, probe};
pub use self::pull::{PullTask, pull};
pub use self::scope::Scope;
pub use self::vantage::Vantage;
