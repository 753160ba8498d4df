//! Keeps the policies' settings equal to what the cluster declares about its local registry.
//!
//! [`once`] brings policies in line with the declaration, and [`watch`] keeps them in line. [`crds`] does the same for the
//! field `local` in Shipwright's CRDs, and [`aliases`] for the alias of namespaces whose pods push. [`watch_safeguards`] says whether the API server still asks the policies, and refuses
//! what they do not see.
//!
//! ```no_run
//! use local_registry_cluster::Cluster;
//! use local_registry_cluster::policies::ApplyMode;
//! use local_registry_sync::{Task, once};
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

#![forbid(unsafe_code)]

pub mod aliases;
mod change;
pub mod crds;
mod foreign;
mod once;
mod plan;
mod report;
mod safeguards;
mod settings;
mod state;
mod task;
mod watch;

pub use self::foreign::ForeignFields;
pub use self::once::once;
pub use self::plan::{Plan, SettingsTypeError};
pub use self::report::{PolicyReport, PolicyResult, Report};
pub use self::safeguards::{Safeguard, Standing, watch_safeguards};
pub use self::settings::OwnedSettings;
pub use self::state::State;
pub use self::task::Task;
pub use self::watch::watch;
pub use local_registry_cluster::follow::Timing;
pub use local_registry_cluster::revocation::{Revocation, RevocationResult};
