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
mod policies;

pub use self::connection::Cluster;
pub(crate) use self::error::ClusterError;
pub(crate) use self::listing::Listed;
pub use self::policies::ApplyMode;
