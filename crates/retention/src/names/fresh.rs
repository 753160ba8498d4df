//! What the cluster names, read again in time.

use std::time::Duration;

use local_registry_cluster::Cluster;
use local_registry_cluster::objects::ResourceName;
use tokio::time::Instant;

use super::finder::Finder;
use super::named::Names;
use super::reading::{NamesError, read_names};

/// How long it counts what the cluster names, before anything is deleted by that.
const FRESH: Duration = Duration::from_mins(1);

/// What the cluster names, and until when that counts.
pub(crate) struct FreshNames<'a> {
    cluster: &'a Cluster,
    finder: Finder,
    added: &'a [ResourceName],
    nothing: Names,
    names: Names,
    until: Instant,
}

impl<'a> FreshNames<'a> {
    /// Reads it for the first time, for the repositories of `nothing`.
    pub(crate) async fn read(
        cluster: &'a Cluster,
        finder: Finder,
        added: &'a [ResourceName],
        nothing: Names,
    ) -> Result<Self, NamesError> {
        let now = Instant::now();
        let mut fresh = Self { cluster, finder, added, names: nothing.clone(), nothing, until: now };
        fresh.refresh().await?;
        Ok(fresh)
    }

    /// Reads it again, unless that was done a moment ago. Returns whether it was read.
    pub(crate) async fn refresh(&mut self) -> Result<bool, NamesError> {
        if Instant::now() < self.until {
            return Ok(false);
        }
        let names = self.nothing.clone();
        self.names = read_names(self.cluster, &self.finder, self.added, names).await?;
        self.until = Instant::now() + FRESH;
        Ok(true)
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// Until when it counts.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }
}
