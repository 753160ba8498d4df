//! The files of a registry (distribution 3): which entries are broken, and what can be fixed.
//!
//! A node that loses power leaves files without content. One such entry ends every garbage collection, which does not name it,
//! and whoever may push can make others that do. [`repair`] finds them before that: it writes a link again whose digest its path
//! says, leaves out a manifest that is not what its digest says or that distribution 3 does not read, and makes folders that
//! are missing.
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! std::fs::create_dir_all(folder.path().join("docker/registry/v2/blobs"))?;
//! let layer = folder.path().join("docker/registry/v2/repositories/team/app/_layers/sha256").join("a".repeat(64));
//! std::fs::create_dir_all(&layer)?;
//! std::fs::write(layer.join("link"), "")?;
//!
//! let report = local_registry_storage::repair(folder.path(), false)?;
//! assert_eq!(report.entries.len(), 1);
//! assert!(report.entries[0].to_string().ends_with("/link: is empty; written again"));
//! assert_eq!(std::fs::read_to_string(layer.join("link"))?, format!("sha256:{}", "a".repeat(64)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod entry;
mod layout;
mod repair;

pub use self::entry::{Entry, Fault, Outcome};
pub use self::repair::{Report, StorageError, repair};
