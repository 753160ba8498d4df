//! Credentials for builds, which make themselves: in each namespace that the operator has labelled, a ServiceAccount that may push
//! to the repositories of its namespace, and a Secret with a token of it for the declared registry.
//!
//! [`once`] brings the credentials of every namespace in line, and [`watch`] keeps them in line and renews the tokens.
//! [`revoke_and_remove`] takes them away. What somebody else has made under the same name is never touched. No token is kept in memory,
//! printed or logged.
//!
//! ```no_run
//! use std::time::Duration;
//! use local_registry_cluster::Cluster;
//! use local_registry_declaration::AllowedHosts;
//! use local_registry_tenants::credentials::{Clock, CredentialsTask, once};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = Cluster::new(kube::Client::try_default().await?);
//! let (allowed, lifetime) = (AllowedHosts::default(), Duration::from_secs(86_400));
//! let task = CredentialsTask { allowed: &allowed, authority: None, lifetime, clock: Clock::start(), dry_run: false };
//! println!("{}", once(&cluster, task).await);
//! # Ok(())
//! # }
//! ```

mod authority;
mod clock;
mod for_good;
mod history;
mod once;
mod plan;
mod record;
mod report;
mod round;
mod step;
mod survey;
mod task;
mod wanted;
mod watch;
mod worker;

// What is done.
pub use self::clock::Clock;
pub use self::for_good::revoke_and_remove;
pub use self::once::once;
pub use self::task::CredentialsTask;
pub use self::watch::watch;

// What came of it.
pub use self::report::{CredentialObject, CredentialReport, CredentialResult, CredentialsReport, CredentialsState};
