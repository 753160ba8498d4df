//! Keeps the policy's settings equal to what the cluster declares about its local registry.
//!
//! What is declared ([`read`]) and what that means for a policy ([`plan`]) is decided without I/O;
//! `cluster` is the one file that talks to the API server.

#![forbid(unsafe_code)]

mod check;
mod cluster;
mod config_map;
mod json;
mod metrics;
mod plan;
mod probe;
mod report;
mod run;
mod watch;

pub use check::{Link, Place, Verdict, check};
pub use cluster::{Cluster, ClusterError, Data, Mode, PolicyName, PolicyNameError};
pub use config_map::{Declaration, Declared, NAME, NAMESPACE, Unusable, read};
pub use metrics::{Metrics, serve};
pub use plan::{MANAGER, Plan, PolicyError, Settings, plan};
pub use probe::{Probe, probe};
pub use report::{Outcome, PolicyReport, Report, State};
pub use run::once;
pub use watch::{Patience, watch};
