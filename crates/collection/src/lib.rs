//! Lets the registry of the chart take no writes while its garbage is collected.
//!
//! An upload during a garbage collection could lose its blobs. So the scheduler keeps pods that collect away from a registry that
//! takes writes, and [`hold`] puts a registry in its place that takes none, for as long as a Job collects. It scales two
//! Deployments, and can do nothing else.
//!
//! ```no_run
//! use local_registry_cluster::Cluster;
//! use local_registry_collection::hold;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = Cluster::new(kube::Client::try_default().await?);
//! let report = hold(&cluster, "local-registry", 1).await;
//! println!("{report}");
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod hold;
mod report;
mod step;

pub use self::hold::hold;
pub use self::report::{CollectionReport, CollectionResult};
