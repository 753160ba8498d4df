//! What can be wrong with a host, and what is worth a warning.

use std::fmt;

use crate::text::Quoted;

/// Why a text is not a [`RegistryHost`](crate::RegistryHost) or [`RuntimeHost`](crate::RuntimeHost): what was found, and
/// how to fix it.
///
/// ```
/// let error = local_registry_core::RegistryHost::parse("http://reg.io").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`http://reg.io` starts with a scheme; write only the host and port, without `http://`"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} {kind}", Quoted(.text))]
pub struct HostError {
    pub(super) text: String,
    pub(super) kind: HostErrorKind,
}

/// What not every program can do with a valid host, and how to avoid that.
///
/// A third parser of references, containers/image (buildah, skopeo, podman and CRI-O), has no IPv6 in its grammar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is an IPv6 address, which buildah, skopeo, podman and CRI-O cannot read in the name of an image; use a name, or an IPv4 address",
    Quoted(.0)
)]
pub struct HostWarning(pub(super) String);

/// Who uses a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum User {
    /// Pods: `localhost` is the pod itself.
    Pod,
    /// The nodes' container runtimes: `localhost` is the node.
    Runtime,
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pod => "pod",
            Self::Runtime => "node",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum HostErrorKind {
    #[error("is empty; write the registry's host and port, as in `kind-registry:5000`, or leave it out")]
    Empty,
    #[error(
        "looks as if a variable was not filled in; write the registry's host and port, as in `kind-registry:5000`, or leave it out"
    )]
    Template,
    #[error("is longer than the 253 bytes that a domain may have")]
    TooLong,
    #[error("has white space or a control character; a registry host has neither")]
    WhiteSpace,
    #[error("has a character that is not ASCII; write an international domain in its `xn--` form")]
    NotAscii,
    #[error("starts with a scheme; write only the host and port, without `{0}`")]
    Scheme(String),
    #[error("has a user part; write only the host and port, without anything up to the `@`")]
    User,
    #[error("has a path; write only the host and port, without the `/` and what follows it")]
    Path,
    #[error("has an upper-case letter; write the host in lower case")]
    UpperCase,
    #[error("has an underscore; image parsers disagree about it, so use a name without one")]
    Underscore,
    #[error("has the character {}; a host has only letters, digits, `-` and `.`", Quoted(.0))]
    Character(String),
    #[error("ends with a dot; leave the dot out")]
    TrailingDot,
    #[error("has an empty part between dots; write each label once")]
    EmptyLabel,
    #[error("has a label that starts or ends with `-`; labels start and end with a letter or digit")]
    Dash,
    #[error("has a label of more than 63 bytes, which no domain may have")]
    LongLabel,
    #[error("has an empty port; write a port after the `:` or leave the `:` out")]
    EmptyPort,
    #[error("has the port {}; a port is a number from 1 to 65535 without leading zeros", Quoted(.0))]
    Port(String),
    #[error(
        "has neither a dot nor a port, so image parsers read it as a Docker Hub namespace; add the port, as in `{0}:5000`"
    )]
    Bare(String),
    #[error(
        "means the build pod itself when used inside a cluster; write the host under which pods reach the registry"
    )]
    Loopback,
    #[error(
        "means every address of a machine, and none to connect to; write the host under which nodes reach the registry"
    )]
    Unspecified,
    #[error(
        "is a link-local, multicast or broadcast address, and no registry answers every {0} there; write the host under which {0}s reach the registry"
    )]
    Unreachable(User),
    #[error("is Docker Hub, not a registry of this cluster; write the host under which {0}s reach the local registry")]
    DockerHub(User),
    #[error("ends in a number but is not an IPv4 address; write four numbers from 0 to 255 without leading zeros")]
    NotIpv4,
    #[error("is not an IPv6 address between brackets; write it as in `[fd00::1]:5000`")]
    NotIpv6,
    #[error("is an IPv6 address without brackets; write it as in `[fd00::1]:5000`")]
    Unbracketed,
    #[error("has an IPv6 zone, which no other machine understands; write the address without it")]
    Zone,
    #[error("has an IPv4 address within an IPv6 one; write only the IPv4 address")]
    Ipv4InIpv6,
}
