//! What credentials are kept by.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use local_registry_cluster::follow::Pace;
use local_registry_declaration::AllowedHosts;

use super::clock::Clock;

/// How many calls to the API server begin in a second. A new credential takes six: so a thousand are there within a minute.
const CALLS_PER_SECOND: NonZeroU32 = NonZeroU32::new(120).unwrap();
/// How many namespaces are worked on at a time, each with one call.
pub(super) const AT_ONCE: usize = 8;

/// What credentials are kept by, besides the declaration.
///
/// ```no_run
/// use std::time::Duration;
/// use local_registry_declaration::AllowedHosts;
/// use local_registry_tenants::credentials::{Clock, CredentialsTask};
///
/// let (allowed, lifetime) = (AllowedHosts::default(), Duration::from_secs(86_400));
/// let task = CredentialsTask { allowed: &allowed, authority: None, lifetime, clock: Clock::start(), dry_run: true };
/// # let _ = task;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct CredentialsTask<'a> {
    /// The registry hosts that a cluster may declare.
    pub allowed: &'a AllowedHosts,
    /// The file with the registry's certificate authority, in PEM.
    pub authority: Option<&'a Path>,
    /// How long tokens are to live. The API server may give them another life, of ten minutes at least.
    pub lifetime: Duration,
    /// What time it is.
    pub clock: Clock,
    /// Whether to write nothing, and only say what would be done.
    pub dry_run: bool,
}

/// The pace of all calls of a program.
pub(super) fn pace() -> Pace {
    Pace::per_second(CALLS_PER_SECOND)
}
