//! What the programs ask of the operating system: signals that stop the work, files that are written in one step, and
//! lines on standard output.
//!
//! ```
//! use local_registry_system::AtomicFile;
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("hosts.toml");
//! AtomicFile { path: &path, temporary: &folder.path().join(".hosts.toml.tmp"), permissions: None }.write("# new\n")?;
//! assert_eq!(std::fs::read_to_string(path)?, "# new\n");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Features
//!
//! `output` has [`Output`], for command lines, and `signals` has [`until_stopped`]. An agent that only writes files needs
//! neither.

#![forbid(unsafe_code)]

mod atomic_file;
#[cfg(feature = "output")]
mod output;
#[cfg(feature = "signals")]
mod signals;

pub use self::atomic_file::AtomicFile;
#[cfg(feature = "output")]
pub use self::output::{Output, print_line};
#[cfg(feature = "signals")]
pub use self::signals::{Ended, Signal, SignalError, until_stopped};
