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
mod service;
mod slim;

pub use self::connection::Cluster;
pub(crate) use self::error::ClusterError;
pub(crate) use self::following::Following;
pub(crate) use self::listing::Listed;
pub(crate) use self::pods::{ContainerState, NodeSummary, PodSummary};
pub use self::policies::ApplyMode;
pub(crate) use self::service::{ServiceName, ServicePort, ServiceSpec};
pub(crate) use self::slim::Content;
