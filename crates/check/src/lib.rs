//! `check`: the whole chain from the ConfigMap to the policies and to the nodes, link by link, and how to fix each.
//!
//! [`check`] only reads. [`pull`] lets every node pull an image. Both return [`Link`]s, in the order of the chain.
//!
//! ```no_run
//! use local_registry_check::{LinkVerdict, Location, PullTask, Scope, check, probe, pull};
//! use local_registry_cluster::Cluster;
//! use local_registry_sync::Task;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = Cluster::new(kube::Client::try_default().await?);
//! let task = Task { policies: vec!["local-registry".parse()?], ..Task::default() };
//! let scope = Scope { location: Location::InCluster, ..Scope::default() };
//! let mut links = check(&cluster, &task, &scope, probe).await;
//!
//! let pulling = PullTask {
//!     namespace: "local-registry-check".to_owned(),
//!     agents: scope.agents.clone(),
//!     image: None,
//!     password: None,
//! };
//! links.extend(pull(&cluster, &pulling, &task.allowed, probe).await);
//!
//! for link in &links {
//!     println!("{link}");
//! }
//! assert!(links.iter().all(|link| link.verdict != LinkVerdict::Failed));
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod aliases;
mod builds;
mod chain;
mod config_map;
mod crd;
mod credentials;
mod exchange;
mod guard;
mod kit;
mod link;
mod location;
mod mislabelled;
mod names;
mod pods;
mod policy;
mod probe;
mod pull;
mod registry;
mod release;
mod safeguard;
mod scope;
mod sign_in;
mod undeclared;

// The chain, and where it is followed.
pub use self::chain::check;
pub use self::location::Location;
pub use self::scope::{Credentials, Scope};

// What is found.
pub use self::link::{Link, LinkVerdict};

// How registries are asked.
pub use self::probe::{Probe, probe};
pub use self::sign_in::SignIn;

// The nodes' pulls.
pub use self::pull::{Password, PullTask, pull};
