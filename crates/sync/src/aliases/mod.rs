//! The alias of the local registry, for plain pods that push: a Service `local-registry` that is another name of the declared
//! one, in the namespaces that the operator has labelled.
//!
//! [`once`] brings every alias in line with the declaration, and [`watch`] keeps them in line. [`revoke_and_remove`] takes them away.
//! A Service of that name that somebody else has made is never touched.
//!
//! ```no_run
//! use local_registry_cluster::Cluster;
//! use local_registry_declaration::AllowedHosts;
//! use local_registry_sync::aliases::{AliasTask, once};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = Cluster::new(kube::Client::try_default().await?);
//! let task = AliasTask { allowed: &AllowedHosts::default(), cluster_domain: "cluster.local", dry_run: false };
//! println!("{}", once(&cluster, task).await);
//! # Ok(())
//! # }
//! ```

mod for_good;
mod once;
mod plan;
mod report;
mod round;
mod survey;
mod target;
mod task;
mod watch;

// What is to be done, without I/O.
pub use self::plan::{Step, plan};
pub use self::survey::Survey;
pub use self::target::{NoTarget, target};

// What is done, and what came of it.
pub use self::for_good::revoke_and_remove;
pub use self::once::once;
pub use self::report::{AliasReport, AliasResult, AliasesReport, AliasesState};
pub use self::task::AliasTask;
pub use self::watch::watch;
