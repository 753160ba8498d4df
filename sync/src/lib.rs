//! Keeps the policy's settings equal to what the cluster declares about its local registry.
//!
//! What is declared ([`read`]) and what that means for a policy ([`plan`]) is decided without I/O;
//! `cluster` is the one file that talks to the API server.

#![forbid(unsafe_code)]

mod allowed;
mod check;
mod cluster;
mod config_map;
mod data;
mod document;
mod json;
mod metrics;
mod plan;
mod probe;
mod report;
mod run;
mod watch;

pub use allowed::{AllowedHosts, HostPattern, HostPatternError, NotAllowed};
pub use check::{Link, Place, Verdict, check};
pub use cluster::{Cluster, ClusterError, ConfigMaps, Mode, PolicyName, PolicyNameError};
pub use config_map::{Declaration, Declared, NAME, NAMESPACE, Unusable, read};
pub use data::Data;
pub use metrics::{Metrics, serve};
pub use plan::{Foreign, MANAGER, Plan, PolicyError, Settings, plan};
pub use probe::{Probe, probe};
pub use report::{Outcome, PolicyReport, Report, State};
pub use run::{Task, once};
pub use watch::{Patience, watch};
