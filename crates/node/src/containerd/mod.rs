//! containerd: the file `hosts.toml` of a registry, and whether containerd reads it.

mod config;
mod config_file;
mod hosts;
mod version;

pub(super) use self::config::read_config;
pub use self::hosts::directory;
pub(super) use self::hosts::{CA, HOSTS, hosts_toml, other_directory};
pub(super) use self::version::Version;
