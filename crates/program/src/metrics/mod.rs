//! What monitoring asks for: health, readiness and metrics, of the sync job and of the agent.

mod node;
mod server;
mod sync;
mod watches;

use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) use self::node::NodeMetrics;
pub(crate) use self::server::{Monitored, serve};
pub(crate) use self::sync::SyncMetrics;

/// A label of a metric, and its value.
type Label = [(&'static str, String); 1];

/// The time, as metrics have it: in seconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}
