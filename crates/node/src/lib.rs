//! The node agent: on its node, it keeps the container runtime's files equal to where the declared registry is now.
//!
//! [`once`] reconciles a node, [`follow`] does so again and again, and [`clean_up`] removes every file of the agent. Each returns
//! a [`Report`], which `check` reads. [`stop_agents`] and [`await_clean_nodes`] are for all nodes: how the agents are taken away.
//!
//! ```no_run
//! use local_registry_cluster::Cluster;
//! use local_registry_node::{NodeTask, once};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = Cluster::new(kube::Client::try_default().await?);
//! let task = NodeTask { dry_run: true, ..NodeTask::default() };
//! println!("{}", once(&cluster, &task).await.to_text());
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod agent;
mod agents;
mod authority;
mod clean_up;
mod containerd;
mod cri_o;
mod file_system;
mod files;
mod knowledge;
mod marker;
mod name;
mod paths;
mod reconcile;
mod report;
mod route;
pub mod runtime;
mod runtime_config;
mod target;
mod task;

// What the agent does.
pub use self::agent::{DirectoryRemovedError, follow, once};
pub use self::clean_up::clean_up;

// How the agents of all nodes are taken away.
pub use self::agents::{AgentsReport, AgentsResult, await_clean_nodes, stop_agents};

// What it is started for.
pub use self::paths::Paths;
pub use self::route::{AddressRule, AddressRuleError};
pub use self::runtime::Runtime;
pub use self::task::NodeTask;

// What it says of its node.
pub use self::report::{NameReport, NameResult, Report, State};
pub use self::runtime_config::{RuntimeConfig, RuntimeReads};
