//! The sync job: one run, which brings policies in line with the ConfigMap, the loop around it, and what both report.

mod change;
mod metrics;
mod once;
mod report;
mod state;
mod task;
mod watch;

pub use self::metrics::Metrics;
pub use self::once::once;
pub use self::report::{PolicyReport, PolicyResult, Report};
pub use self::state::State;
pub use self::task::Task;
pub use self::watch::{Patience, watch};
