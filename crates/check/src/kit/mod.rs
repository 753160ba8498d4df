//! The links of the registry kit: the Service that the declared name leads to, its pods, and each node's file.

mod agents;
mod node;
mod nodes;
mod service;

pub(super) use self::agents::{AT_ONCE, Agents};
pub(super) use self::nodes::nodes;
pub(super) use self::service::{Target, service};
