//! `check`: the whole chain from the ConfigMap to the policy, link by link, and how to fix each.

mod builds;
mod chain;
mod config_map;
mod crd;
mod link;
mod names;
mod policy;
mod probe;
mod registry;
mod selector;
mod vantage;

pub use self::chain::check;
pub use self::link::{Link, LinkVerdict};
pub use self::probe::{Probe, probe};
pub use self::vantage::Vantage;
