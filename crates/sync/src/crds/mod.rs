//! The field `local` in Shipwright's custom resource definitions.
//!
//! Shipwright's own lack it, so the API server would refuse or drop it before the policy sees it. [`add`] adds it once,
//! [`watch`] keeps it there, and [`remove`] takes it out again, also while somebody keeps it there ([`revoke_and_remove`]). Nothing else of a CRD is ever changed, and one whose images
//! are not where they are known to be is only reported.
//!
//! ```no_run
//! use local_registry_cluster::Cluster;
//! use local_registry_core::shipwright::Kind;
//! use local_registry_sync::crds::add;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = Cluster::new(kube::Client::try_default().await?);
//! for kind in Kind::ALL {
//!     println!("{}", add(&cluster, kind, false).await);
//! }
//! # Ok(())
//! # }
//! ```

mod addition;
mod allowance;
mod change;
mod for_good;
mod once;
mod place;
mod removal;
mod report;
mod watch;

// What is to be done, without I/O.
pub use self::addition::Addition;
pub use self::change::Change;
pub use self::place::{OtherShape, warnings};
pub use self::removal::Removal;

// What is done, and what came of it.
pub use self::for_good::revoke_and_remove;
pub use self::once::{add, remove};
pub use self::report::{CrdReport, CrdResult, FieldState, Work};
pub use self::watch::watch;
