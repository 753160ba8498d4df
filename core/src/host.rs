//! The registry's host as pods see it: one type for the policy's settings and for the sync job.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::quote::Quoted;

/// The host, and port if any, of the cluster's registry: `kind-registry:5000`, `10.0.0.5:5000`, `[fd00::1]:5000`.
///
/// ```text
/// registry-host = ( domain | ipv4 | "[" ipv6 "]" ) [ ":" port ]
/// domain        = label *( "." label )         ; at most 253 bytes, lower case
/// label         = 1*63( a-z | 0-9 | "-" )      ; no "-" at either end
/// port          = 1 to 65535, no leading zero
/// ```
///
/// A valid host is one that both parsers of the ecosystem (distribution/reference and
/// go-containerregistry, which Shipwright runs) read back as the registry of `HOST/x/y`; so a domain
/// without a dot needs a port. Addresses that mean the build pod itself, and Docker Hub, are refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryHost(String);

impl RegistryHost {
    /// Checks `text` against the grammar above.
    ///
    /// # Errors
    /// A [`HostError`] that says what was found and how to mend it.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        match check(text) {
            Ok(()) => Ok(Self(text.to_owned())),
            Err(problem) => Err(HostError { text: text.to_owned(), problem }),
        }
    }

    /// The host as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no [`RegistryHost`]; its message names what was found and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} {problem}", Quoted(.text))]
pub struct HostError {
    text: String,
    problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("is empty; write the registry's host and port, as in `kind-registry:5000`, or leave `host` out")]
    Empty,
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
        "is a link-local, multicast or broadcast address, and no registry answers every pod there; write the host under which pods reach the registry"
    )]
    Unreachable,
    #[error("is Docker Hub, not a registry of this cluster; write the host under which pods reach the local registry")]
    DockerHub,
    #[error("ends in a number but is no IPv4 address; write four numbers from 0 to 255 without leading zeros")]
    NotIpv4,
    #[error("is no IPv6 address between brackets; write it as in `[fd00::1]:5000`")]
    NotIpv6,
    #[error("is an IPv6 address without brackets; write it as in `[fd00::1]:5000`")]
    Unbracketed,
    #[error("has an IPv6 zone, which no other machine understands; write the address without it")]
    Zone,
    #[error("has an IPv4 address within an IPv6 one; image parsers disagree about it, so write only the IPv4 address")]
    Ipv4InIpv6,
}

fn check(text: &str) -> Result<(), Problem> {
    check_characters(text)?;
    if let Some(rest) = text.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or(Problem::NotIpv6)?;
        check_ipv6(address)?;
        return match after.strip_prefix(':') {
            Some(port) => check_port(port),
            None if after.is_empty() => Ok(()),
            None => Err(Problem::NotIpv6),
        };
    }
    let (name, port) = match text.split_once(':') {
        Some((_, port)) if port.contains(':') => return Err(Problem::Unbracketed),
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    check_name(name)?;
    match port {
        Some(port) => check_port(port),
        None if name.contains('.') => Ok(()),
        None => Err(Problem::Bare(name.to_owned())),
    }
}

/// What can be told from single characters comes first: it makes for the plainest messages.
fn check_characters(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Err(Problem::Empty);
    }
    // Nearly every host, on every request.
    if text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b':')) {
        return Ok(());
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Problem::WhiteSpace);
    }
    if !text.is_ascii() {
        return Err(Problem::NotAscii);
    }
    if let Some((scheme, _)) = text.split_once("://") {
        return Err(Problem::Scheme(format!("{scheme}://")));
    }
    if text.contains('@') {
        return Err(Problem::User);
    }
    if text.contains('/') {
        return Err(Problem::Path);
    }
    if text.contains('%') {
        return Err(Problem::Zone);
    }
    if text.contains(|c: char| c.is_ascii_uppercase()) {
        return Err(Problem::UpperCase);
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Problem> {
    if let Some(character) = name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-' | '.')) {
        return Err(if character == '_' { Problem::Underscore } else { Problem::Character(character.into()) });
    }
    if name.is_empty() {
        return Err(Problem::EmptyLabel);
    }
    if ["localhost", "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback"]
        .contains(&name)
    {
        return Err(Problem::Loopback);
    }
    if name.len() > 253 {
        return Err(Problem::TooLong);
    }
    if name.ends_with('.') {
        return Err(Problem::TrailingDot);
    }
    for label in name.split('.') {
        if label.is_empty() {
            return Err(Problem::EmptyLabel);
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(Problem::Dash);
        }
        if label.len() > 63 {
            return Err(Problem::LongLabel);
        }
    }
    if ["docker.io", "hub.docker.com"].iter().any(|hub| name.strip_suffix(hub).is_some_and(is_all_or_labels)) {
        return Err(Problem::DockerHub);
    }
    if name.rsplit('.').next().is_some_and(is_number) {
        let address: Ipv4Addr = name.parse().map_err(|_| Problem::NotIpv4)?;
        return check_ipv4(address);
    }
    Ok(())
}

/// Whether what stands before a domain leaves that domain, or one within it.
fn is_all_or_labels(before: &str) -> bool {
    before.is_empty() || before.ends_with('.')
}

/// A last label that resolvers take for a part of an IPv4 address (WHATWG URL, *ends in a number*).
fn is_number(label: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let hexadecimal = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    digits(label) || label.strip_prefix("0x").is_some_and(hexadecimal)
}

fn check_ipv4(address: Ipv4Addr) -> Result<(), Problem> {
    if address.is_loopback() || address.is_unspecified() {
        return Err(Problem::Loopback);
    }
    if address.is_link_local() || address.is_multicast() || address.is_broadcast() {
        return Err(Problem::Unreachable);
    }
    Ok(())
}

fn check_ipv6(text: &str) -> Result<(), Problem> {
    let address: Ipv6Addr = text.parse().map_err(|_| Problem::NotIpv6)?;
    if address.is_loopback() || address.is_unspecified() {
        return Err(Problem::Loopback);
    }
    if address.is_unicast_link_local() || address.is_multicast() {
        return Err(Problem::Unreachable);
    }
    if let Some(mapped) = address.to_ipv4_mapped() {
        check_ipv4(mapped)?;
    }
    if text.contains('.') {
        return Err(Problem::Ipv4InIpv6);
    }
    Ok(())
}

fn check_port(port: &str) -> Result<(), Problem> {
    if port.is_empty() {
        return Err(Problem::EmptyPort);
    }
    let digits = port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
    match port.parse::<u16>() {
        Ok(_) if digits => Ok(()),
        _ => Err(Problem::Port(port.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_valid(text: &str) {
        assert_eq!(RegistryHost::parse(text).map(|host| host.to_string()), Ok(text.to_owned()));
    }

    #[track_caller]
    fn check_invalid(text: &str, message: &str) {
        assert_eq!(RegistryHost::parse(text).unwrap_err().to_string(), message);
    }

    #[test]
    fn hosts_that_both_parsers_read_back() {
        check_valid("kind-registry:5000");
        check_valid("registry.ns.svc.cluster.local");
        check_valid("k3d-registry.localhost:5000");
        check_valid("10.0.0.5:5000");
        check_valid("10.0.0.5");
        check_valid("[fd00::1]:5000");
        check_valid("[fd00::1]");
        check_valid("xn--n3h.com");
        check_valid("registry:1");
        check_valid("registry:65535");
        check_valid(&format!("{}.{}:80", "a".repeat(63), "b".repeat(63)));
    }

    #[test]
    fn a_name_without_dot_and_port_is_a_docker_hub_namespace() {
        check_invalid(
            "kind-registry",
            "`kind-registry` has neither a dot nor a port, so image parsers read it as a Docker Hub namespace; add the port, as in `kind-registry:5000`",
        );
    }

    #[test]
    fn addresses_of_the_pod_itself() {
        for host in [
            "localhost",
            "localhost:5000",
            "localhost.localdomain:5000",
            "ip6-localhost:5000",
            "ip6-loopback:5000",
            "127.0.0.1",
            "127.0.0.1:5000",
            "127.255.255.254",
            "0.0.0.0:5000",
            "[::1]:5000",
            "[0:0:0:0:0:0:0:1]",
            "[::]:5000",
            "[::ffff:7f00:1]:5000",
            "[::ffff:127.0.0.1]:5000",
            "[::ffff:0:0]:5000",
        ] {
            check_invalid(
                host,
                &format!(
                    "`{host}` means the build pod itself when used inside a cluster; write the host under which pods reach the registry"
                ),
            );
        }
    }

    #[test]
    fn docker_hub_is_no_local_registry() {
        for host in [
            "docker.io",
            "index.docker.io",
            "docker.io:443",
            "registry-1.docker.io",
            "hub.docker.com",
            "registry.hub.docker.com",
        ] {
            check_invalid(
                host,
                &format!(
                    "`{host}` is Docker Hub, not a registry of this cluster; write the host under which pods reach the local registry"
                ),
            );
        }
        check_valid("mydocker.io");
        check_valid("registry.docker.com");
        check_valid("github.docker.com");
    }

    #[test]
    fn addresses_that_no_pod_reaches() {
        for host in [
            "169.254.169.254:80",
            "224.0.0.1:5000",
            "255.255.255.255:5000",
            "[fe80::1]:5000",
            "[febf::1]:5000",
            "[ff02::1]:5000",
            "[::ffff:a9fe:1]:5000",
        ] {
            check_invalid(
                host,
                &format!(
                    "`{host}` is a link-local, multicast or broadcast address, and no registry answers every pod there; write the host under which pods reach the registry"
                ),
            );
        }
        check_valid("169.253.0.1:5000");
        check_valid("[fec0::1]:5000");
    }

    #[test]
    fn names_that_parsers_disagree_about_or_that_cannot_exist() {
        let upper = "has an upper-case letter; write the host in lower case";
        check_invalid("Registry:5000", &format!("`Registry:5000` {upper}"));
        check_invalid("[FD00::1]:5000", &format!("`[FD00::1]:5000` {upper}"));
        check_invalid(
            "my_registry:5000",
            "`my_registry:5000` has an underscore; image parsers disagree about it, so use a name without one",
        );
        check_invalid("registry.local.:5000", "`registry.local.:5000` ends with a dot; leave the dot out");
        for host in ["a..b:5000", ".local:5000", ":5000"] {
            check_invalid(host, &format!("`{host}` has an empty part between dots; write each label once"));
        }
        for host in ["-a.local", "a-.local", "a.-b:5000", "-:1"] {
            check_invalid(
                host,
                &format!(
                    "`{host}` has a label that starts or ends with `-`; labels start and end with a letter or digit"
                ),
            );
        }
        let long = format!("{}:5000", "a".repeat(64));
        check_invalid(&long, &format!("`{long}` has a label of more than 63 bytes, which no domain may have"));
        check_valid(&format!("{}a", "a.".repeat(126)));
        let long = format!("{}a", "a.".repeat(127));
        check_invalid(&long, &format!("`{}…` is longer than the 253 bytes that a domain may have", "a.".repeat(40)));
        for host in ["10.0.0.256:5000", "1.2.3", "010.0.0.1", "1.2.3.4.5", "5000:5000", "0x7f000001:5000", "a.0x1"] {
            check_invalid(
                host,
                &format!(
                    "`{host}` ends in a number but is no IPv4 address; write four numbers from 0 to 255 without leading zeros"
                ),
            );
        }
        check_invalid(
            "reg!stry:5000",
            "`reg!stry:5000` has the character `!`; a host has only letters, digits, `-` and `.`",
        );
    }

    #[test]
    fn ipv6_addresses() {
        check_invalid("fd00::1", "`fd00::1` is an IPv6 address without brackets; write it as in `[fd00::1]:5000`");
        check_invalid(
            "[fe80::1%eth0]:5000",
            "`[fe80::1%eth0]:5000` has an IPv6 zone, which no other machine understands; write the address without it",
        );
        check_invalid(
            "[::ffff:10.0.0.1]:5000",
            "`[::ffff:10.0.0.1]:5000` has an IPv4 address within an IPv6 one; image parsers disagree about it, so write only the IPv4 address",
        );
        for host in ["[fd00::1", "[]", "[fd00::1]5000", "[fd00:::1]", "[registry]:5000"] {
            check_invalid(
                host,
                &format!("`{host}` is no IPv6 address between brackets; write it as in `[fd00::1]:5000`"),
            );
        }
    }

    #[test]
    fn ports() {
        for host in ["registry:", "10.0.0.5:", "[fd00::1]:"] {
            check_invalid(
                host,
                &format!("`{host}` has an empty port; write a port after the `:` or leave the `:` out"),
            );
        }
        for port in ["0", "65536", "99999999999", "05000", "+80", "http"] {
            check_invalid(
                &format!("registry:{port}"),
                &format!(
                    "`registry:{port}` has the port `{port}`; a port is a number from 1 to 65535 without leading zeros"
                ),
            );
        }
    }

    #[test]
    fn texts_that_are_no_host() {
        check_invalid(
            "",
            "`` is empty; write the registry's host and port, as in `kind-registry:5000`, or leave `host` out",
        );
        check_invalid(
            "http://registry:5000",
            "`http://registry:5000` starts with a scheme; write only the host and port, without `http://`",
        );
        check_invalid(
            "me@registry:5000",
            "`me@registry:5000` has a user part; write only the host and port, without anything up to the `@`",
        );
        for host in ["registry:5000/", "registry:5000/team"] {
            check_invalid(
                host,
                &format!("`{host}` has a path; write only the host and port, without the `/` and what follows it"),
            );
        }
        let white = "has white space or a control character; a registry host has neither";
        check_invalid(" registry:5000", &format!("` registry:5000` {white}"));
        check_invalid("registry:5000\n", &format!("`registry:5000\\n` {white}"));
        check_invalid("registry\u{a0}:5000", &format!("`registry\\u{{a0}}:5000` {white}"));
        check_invalid(
            "☃.com",
            "`☃.com` has a character that is not ASCII; write an international domain in its `xn--` form",
        );
    }
}
