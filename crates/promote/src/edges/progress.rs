//! Who wants to know how a promotion goes on.

use super::report::Report;

/// Learns how far a promotion is, as it goes on.
pub trait Progress: Send + Sync {
    /// What is known of an edge, or what became of it. Each edge comes once.
    fn edge(&self, report: &Report);

    /// This many bytes of a blob came in.
    fn bytes(&self, count: u64);
}
