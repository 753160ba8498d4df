//! Every call to the API server: what is asked, how long it may take, and what each error means.
//!
//! [`Cluster`] has a method for each call. Objects that are watched are [`Followed`], and [`reconcile_forever`] is the loop of
//! the programs that keep something in line with them. No other crate talks to the API server.
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
mod announcement;
mod backoff;
mod call;
mod config_map;
mod connection;
mod error;
mod followed;
mod journal;
mod listing;
mod named;
mod object;
mod object_watch;
mod pods;
mod policies;
mod policy;
mod policy_name;
mod reconcile;
mod service;
mod service_url;
mod slim;

pub use self::connection::Cluster;
pub use self::error::ClusterError;

// Objects that are followed, and the loop around them.
pub use self::followed::{Followed, Lost, News, Seen};
pub use self::reconcile::{Due, Outcome, Reconciler, View, reconcile_forever};
pub use self::slim::Content;

// Policies.
pub use self::policies::ApplyMode;
pub use self::policy::{FIELD_MANAGER, Policy};
pub use self::policy_name::{PolicyName, PolicyNameError};

// Other objects.
pub use self::listing::Listed;
pub use self::pods::{ContainerState, NodeSummary, PodSummary};
pub use self::service::{ServiceName, ServicePort, ServiceSpec};
pub use self::service_url::ServiceError;
