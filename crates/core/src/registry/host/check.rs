//! The grammar of hosts.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::error::{HostErrorKind, User};
use crate::text::{find, scheme};

/// Checks a text by the grammar of [`RegistryHost`](super::RegistryHost) or [`RuntimeHost`](super::RuntimeHost).
pub(super) fn check(text: &str, user: User) -> Result<(), HostErrorKind> {
    if is_left_by_template(text) {
        return Err(HostErrorKind::Template);
    }
    check_characters(text)?;
    if let Some(rest) = text.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or(HostErrorKind::NotIpv6)?;
        check_ipv6(address, user)?;
        return match after.strip_prefix(':') {
            Some(port) => check_port(port),
            None if after.is_empty() => Ok(()),
            None => Err(HostErrorKind::NotIpv6),
        };
    }
    let (name, port) = match text.split_once(':') {
        Some((_, port)) if port.contains(':') => return Err(HostErrorKind::Unbracketed),
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    check_name(name, user)?;
    match port {
        Some(port) => check_port(port),
        None if name.contains('.') || name == LOCALHOST => Ok(()),
        None => Err(HostErrorKind::Bare(name.to_owned())),
    }
}

/// Whether a template has left this behind where a variable was empty or unknown: a name of nothing (`null:5000`), nothing
/// before the port (`:5000`), or the variable itself (`${HOST}`, `%!s(<nil>)`, `{{ .host }}`, `<host>`).
///
/// It comes before every other check: any other message would explain how to write such a text better.
fn is_left_by_template(text: &str) -> bool {
    const NOTHING: [&str; 5] = ["null", "nil", "none", "undefined", "nan"];
    let is_nothing = |part: &str| NOTHING.iter().any(|nothing| part.eq_ignore_ascii_case(nothing));
    let (name, port) = text.rsplit_once(':').unwrap_or((text, ""));
    // What starts with two colons is an IPv6 address without brackets.
    let has_no_name = text.starts_with(':') && !text.starts_with("::");
    let has_variable = || {
        // No host has one of these characters, so nearly every text is done here.
        text.contains(['$', '%', '{', '<'])
            && (text.contains(['$', '<']) || ["%!", "{{", "{%"].iter().any(|mark| find(text, mark).is_some()))
    };
    has_no_name || is_nothing(name) || is_nothing(port) || has_variable()
}

/// Finds what single characters show. Its messages are the plainest.
fn check_characters(text: &str) -> Result<(), HostErrorKind> {
    if text.is_empty() {
        return Err(HostErrorKind::Empty);
    }
    // True of nearly every host, and it is asked about on every request.
    if text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b':')) {
        return Ok(());
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(HostErrorKind::WhiteSpace);
    }
    if !text.is_ascii() {
        return Err(HostErrorKind::NotAscii);
    }
    if let Some(scheme) = scheme(text) {
        return Err(HostErrorKind::Scheme(scheme.to_owned()));
    }
    if text.contains('@') {
        return Err(HostErrorKind::User);
    }
    if text.contains('/') {
        return Err(HostErrorKind::Path);
    }
    if text.contains('%') {
        return Err(HostErrorKind::Zone);
    }
    if text.contains(|c: char| c.is_ascii_uppercase()) {
        return Err(HostErrorKind::UpperCase);
    }
    Ok(())
}

/// The one name that parsers read as a registry although it has neither a dot nor a port.
const LOCALHOST: &str = "localhost";

fn check_name(name: &str, user: User) -> Result<(), HostErrorKind> {
    if let Some(character) = name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-' | '.')) {
        return Err(if character == '_' {
            HostErrorKind::Underscore
        } else {
            HostErrorKind::Character(character.into())
        });
    }
    if name.is_empty() {
        return Err(HostErrorKind::EmptyLabel);
    }
    if [LOCALHOST, "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback"].contains(&name)
    {
        return if user == User::Runtime { Ok(()) } else { Err(HostErrorKind::Loopback) };
    }
    if name.len() > 253 {
        return Err(HostErrorKind::TooLong);
    }
    if name.ends_with('.') {
        return Err(HostErrorKind::TrailingDot);
    }
    for label in name.split('.') {
        if label.is_empty() {
            return Err(HostErrorKind::EmptyLabel);
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(HostErrorKind::Dash);
        }
        if label.len() > 63 {
            return Err(HostErrorKind::LongLabel);
        }
    }
    if ["docker.io", "hub.docker.com"].iter().any(|hub| name.strip_suffix(hub).is_some_and(is_all_or_labels)) {
        return Err(HostErrorKind::DockerHub(user));
    }
    if is_unusual_ipv4(name) {
        return Err(HostErrorKind::NotIpv4);
    }
    name.parse().map_or(Ok(()), |address| check_ipv4(address, user))
}

/// Whether resolvers read a host's name as an IPv4 address, although it is not written as one is: `127.1`, `0x7f.0.0.1`.
///
/// ```
/// use local_registry_core::registry::is_unusual_ipv4;
///
/// assert!(is_unusual_ipv4("127.1") && is_unusual_ipv4("registry.010"));
/// assert!(!is_unusual_ipv4("127.0.0.1") && !is_unusual_ipv4("registry.v1"));
/// ```
#[must_use]
pub fn is_unusual_ipv4(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(is_number) && name.parse::<Ipv4Addr>().is_err()
}

/// Whether a name is a domain or a subdomain of it, by what the name has before the domain.
fn is_all_or_labels(before: &str) -> bool {
    before.is_empty() || before.ends_with('.')
}

/// Whether resolvers read a last label as a part of an IPv4 address (WHATWG URL, *ends in a number*).
fn is_number(label: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let hexadecimal = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    digits(label) || label.strip_prefix("0x").is_some_and(hexadecimal)
}

/// Why nobody, or no pod, connects to an address.
fn no_address(is_unspecified: bool, is_loopback: bool, user: User) -> Option<HostErrorKind> {
    match user {
        User::Pod if is_unspecified || is_loopback => Some(HostErrorKind::Loopback),
        User::Runtime if is_unspecified => Some(HostErrorKind::Unspecified),
        _ => None,
    }
}

fn check_ipv4(address: Ipv4Addr, user: User) -> Result<(), HostErrorKind> {
    if let Some(kind) = no_address(address.is_unspecified(), address.is_loopback(), user) {
        return Err(kind);
    }
    if address.is_link_local() || address.is_multicast() || address.is_broadcast() {
        return Err(HostErrorKind::Unreachable(user));
    }
    Ok(())
}

fn check_ipv6(text: &str, user: User) -> Result<(), HostErrorKind> {
    let address: Ipv6Addr = text.parse().map_err(|_| HostErrorKind::NotIpv6)?;
    if let Some(kind) = no_address(address.is_unspecified(), address.is_loopback(), user) {
        return Err(kind);
    }
    if address.is_unicast_link_local() || address.is_multicast() {
        return Err(HostErrorKind::Unreachable(user));
    }
    let mapped = address.to_ipv4_mapped();
    if let Some(mapped) = mapped {
        check_ipv4(mapped, user)?;
    }
    if mapped.is_some() || text.contains('.') {
        return Err(HostErrorKind::Ipv4InIpv6);
    }
    Ok(())
}

fn check_port(port: &str) -> Result<(), HostErrorKind> {
    if port.is_empty() {
        return Err(HostErrorKind::EmptyPort);
    }
    let digits = port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
    match port.parse::<u16>() {
        Ok(_) if digits => Ok(()),
        _ => Err(HostErrorKind::Port(port.to_owned())),
    }
}

/// The parts of a host that was checked.
pub(super) fn parts(host: &str) -> (&str, Option<u16>) {
    match host.rsplit_once(':') {
        // The last colon may be one of an IPv6 address.
        Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
        _ => (host, None),
    }
}
