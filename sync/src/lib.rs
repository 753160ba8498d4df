//! Keeps the policy's settings equal to what the cluster declares about its local registry.
//!
//! A cluster declares its registry in a ConfigMap ([`read`]). [`once`] brings policies in line with it, [`watch`] keeps
//! them in line, and [`check`] says where the chain from the ConfigMap to the policies is broken.
//!
//! ```no_run
//! use sync::{ApplyMode, Cluster, Task, once};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = Cluster::new(kube::Client::try_default().await?);
//! let task = Task {
//!     policies: vec!["local-registry".parse()?],
//!     mode: ApplyMode { dry_run: true, force: false },
//!     ..Task::default()
//! };
//! let report = once(&cluster, &task).await;
//! println!("{}", report.to_text());
//! assert!(report.succeeded());
//! # Ok(())
//! # }
//! ```
//!
//! What is declared, and what that means for a policy, is decided without I/O. Only `cluster` talks to the API server.

#![forbid(unsafe_code)]

mod causes;
mod check;
mod cluster;
mod declaration;
mod job;
mod monitoring;
mod node;
mod policies;

pub use check::{Link, LinkVerdict, Probe, PullTask, Scope, Vantage, check, probe, pull};
pub use cluster::{ApplyMode, Cluster};
pub use declaration::{
    AllowedHosts, Data, Declaration, DeclarationError, Declared, HostPattern, HostPatternError, read,
};
pub use job::{Metrics, Patience, PolicyReport, PolicyResult, Report, State, Task, once, watch};
pub use monitoring::{Monitored, serve};
pub use node::{
    AddressRule, AddressRuleError, DirectoryRemovedError, NameReport, NameResult, NodeMetrics, NodeReport, NodeState,
    NodeTask, Paths, Reading, RegistryUrl, Runtime, RuntimeConfig, Scheme, clean_up, contents, directory, follow,
    look_once,
};
pub use policies::{PolicyName, PolicyNameError};
