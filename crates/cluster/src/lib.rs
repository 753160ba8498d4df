//! Every call to the API server: what is asked, how long it may take, and what each error means.
//!
//! [`Cluster`] has a method for each call. [`follow`] has objects that are watched, and the loop of the programs that keep
//! something in line with them. No other crate talks to the API server.
//!
//! ```no_run
//! use local_registry_cluster::Cluster;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = Cluster::new(kube::Client::try_default().await?);
//! let mut config_map = cluster.follow_config_map();
//! let news = config_map.news().await;
//! println!("{news:?}: {:?}", config_map.seen());
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod access;
mod admission;
pub mod aliases;
mod call;
mod config_map;
mod connection;
pub mod crds;
pub mod credentials;
mod daemon_sets;
mod deployments;
mod error;
mod events;
pub mod follow;
pub mod guards;
mod jobs;
mod listing;
mod named;
pub mod namespaces;
mod nodes;
pub mod objects;
pub mod pods;
pub mod policies;
mod policy_server;
pub mod reviews;
pub mod revocation;
mod secrets;
mod selector;
pub mod services;

pub use self::connection::Cluster;
pub use self::daemon_sets::DaemonSetStatus;
pub use self::deployments::Replicas;
pub use self::error::ClusterError;
pub use self::events::FieldReason;
pub use self::jobs::{JobEnd, JobSummary};
pub use self::listing::Listed;
pub use self::policy_server::PolicyServer;
pub use self::secrets::SecretData;
pub use self::selector::{Selector, SelectorError};
