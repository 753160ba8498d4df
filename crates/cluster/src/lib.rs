//! Every call to the API server: what is asked, how long it may take, and what each error means.
//!
//! No other room talks to the API server.

mod access;
mod announcement;
mod call;
mod config_map;
mod connection;
mod error;
mod following;
mod journal;
mod listing;
mod object;
mod pods;
mod policies;
mod policy;
mod policy_name;
mod service;
mod service_url;
mod slim;

pub use self::connection::Cluster;
pub use self::error::ClusterError;
pub use self::following::Following;
pub use self::listing::Listed;
pub use self::pods::{ContainerState, NodeSummary, PodSummary};
pub use self::policies::ApplyMode;
pub use self::policy::{FIELD_MANAGER, Policy};
pub use self::policy_name::{PolicyName, PolicyNameError};
pub use self::service::{ServiceName, ServicePort, ServiceSpec};
pub use self::service_url::ServiceError;
pub use self::slim::Content;
