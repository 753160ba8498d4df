//! Which old images of a registry may go, and their removal.
//!
//! [`prune`] keeps what the cluster names, and of the rest the newest images of each repository. The decision itself is a function
//! without I/O; around it are three edges: what the cluster names, what the registry has, and the deletion.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use local_registry_cluster::Cluster;
//! use local_registry_oci::{Connection, Credentials, Limits, Registries, Repository};
//! use local_registry_retention::{PruneTask, Rules, Selection, prune};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = Cluster::new(kube::Client::try_default().await?);
//! let registries = Registries::new(Connection {
//!     program: "an-example",
//!     plain_http: ["kind-registry:5000".to_owned()].into(),
//!     credentials: Credentials::from_files([]),
//!     limits: Limits { at_once: 8, per_second: None, retries: 3 },
//!     timeout: Duration::from_secs(30),
//! })?;
//! let registry = registries.registry(&Repository::parse("kind-registry:5000/any")?)?;
//! let task = PruneTask {
//!     host: "kind-registry:5000".parse()?,
//!     names: vec!["localhost:5001".parse()?],
//!     selection: Selection::default(),
//!     rules: Rules::default(),
//!     resources: vec!["rollouts.argoproj.io/v1alpha1".parse()?],
//!     confirm: false,
//! };
//! let summary = prune(&cluster, &registry, &task, |report| println!("{report}")).await?;
//! println!("{summary}");
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod decision;
mod names;
mod prune;
mod removal;
mod report;
mod repository;
mod survey;
mod task;

// What is to be done.
pub use self::decision::rules::{Rules, UndatedRule};
pub use self::prune::prune;
pub use self::survey::repositories::Selection;
pub use self::task::PruneTask;

// What came of it.
pub use self::removal::fault::PruneError;
pub use self::report::repository::RepositoryReport;
pub use self::report::summary::Summary;
