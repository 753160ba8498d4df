//! A phrase that faults and warnings share.

use std::fmt;

use crate::message::Quoted;

/// An output that goes to Docker Hub.
#[derive(Debug, Clone, Copy)]
pub(super) struct DockerHubOutput<'a> {
    pub(super) text: &'a str,
    /// The Build that the output is inherited from.
    pub(super) build: Option<&'a str>,
}

impl DockerHubOutput<'_> {
    pub(super) const REMEDY: &'static str = "set local: true for this cluster's registry, or name a registry";
}

impl fmt::Display for DockerHubOutput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(build) = self.build {
            write!(f, "the output image of Build {}, ", Quoted(build))?;
        }
        let comma = if self.build.is_some() { "," } else { "" };
        write!(f, "{}{comma} names no registry and is not local, so it goes to Docker Hub", Quoted(self.text))
    }
}
