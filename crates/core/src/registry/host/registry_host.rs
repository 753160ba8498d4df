//! The registry's host as pods see it.

use super::super::checked_text::checked_text;
use super::check::{check, parts};
use super::error::{HostError, User};

/// The host, and port if any, of the cluster's registry: `kind-registry:5000`, `10.0.0.5:5000`, `[fd00::1]:5000`.
///
/// ```
/// use local_registry_core::RegistryHost;
///
/// let host: RegistryHost = "kind-registry:5000".parse()?;
/// assert_eq!((host.name(), host.port()), ("kind-registry", Some(5000)));
///
/// let error = RegistryHost::parse("Registry.example").unwrap_err();
/// assert_eq!(error.to_string(), "`Registry.example` has an upper-case letter; write the host in lower case");
/// # Ok::<(), local_registry_core::registry::HostError>(())
/// ```
///
/// ```text
/// registry-host = ( domain | ipv4 | "[" ipv6 "]" ) [ ":" port ]
/// domain        = label *( "." label )         ; at most 253 bytes, lower case
/// label         = 1*63( a-z | 0-9 | "-" )      ; no "-" at either end
/// port          = 1 to 65535, no leading zero
/// ```
///
/// A host is valid if both parsers of the ecosystem (distribution/reference and go-containerregistry, which
/// Shipwright uses) read it back as the registry of `HOST/x/y`; so a domain without a dot needs a port. Docker Hub and
/// addresses that mean the build pod itself are refused, as are link-local, multicast and broadcast addresses, and what
/// a template leaves behind where a variable was empty (`:5000`, `null:5000`, `${HOST}`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryHost(String);

impl RegistryHost {
    /// Checks `text` against the grammar above.
    ///
    /// # Errors
    /// A [`HostError`] that says what was found and how to fix it.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        match check(text, User::Pod) {
            Ok(()) => Ok(Self(text.to_owned())),
            Err(kind) => Err(HostError { text: text.to_owned(), kind }),
        }
    }

    /// The host without its port: a domain, an IPv4 address, or an IPv6 address between brackets.
    #[must_use]
    pub fn name(&self) -> &str {
        parts(&self.0).0
    }

    /// The port, if the host has one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        parts(&self.0).1
    }
}

checked_text!(RegistryHost, HostError);

#[cfg(test)]
mod tests {
    use super::super::RuntimeHost;
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
    fn docker_hub_is_not_a_local_registry() {
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
        for host in ["a..b:5000", ".local:5000"] {
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
                    "`{host}` ends in a number but is not an IPv4 address; write four numbers from 0 to 255 without leading zeros"
                ),
            );
        }
        check_invalid(
            "reg!stry:5000",
            "`reg!stry:5000` has the character `!`; a host has only letters, digits, `-` and `.`",
        );
    }

    #[test]
    fn what_a_template_leaves_behind() {
        for host in [
            ":5000",
            ":",
            ":5000/team",
            "null:5000",
            "null",
            "nil:5000",
            "None:5000",
            "NONE",
            "undefined:5000",
            "NaN:5000",
            "registry:null",
            "registry:undefined",
            "registry.infra.svc:None",
            "${NAME}:${PORT}",
            "$(NAME):5000",
            "$NAME:5000",
            "http://$NAME:5000",
            "%!s(<nil>):5000",
            "registry:%!d(string=)",
            "{{ .Values.host }}:5000",
            "{% host %}",
            "registry.<no value>.svc:5000",
            "<your registry>",
        ] {
            check_invalid(
                host,
                &format!(
                    "`{host}` looks as if a variable was not filled in; write the registry's host and port, as in `kind-registry:5000`, or leave it out"
                ),
            );
            assert!(RuntimeHost::parse(host).is_err(), "{host}");
        }
        // These are names as any other.
        for host in ["null.example", "none-registry:5000", "nil.svc:5000", "undefined.example:80"] {
            check_valid(host);
        }
        check_invalid("::1", "`::1` is an IPv6 address without brackets; write it as in `[fd00::1]:5000`");
    }

    #[test]
    fn ipv6_addresses() {
        check_invalid("fd00::1", "`fd00::1` is an IPv6 address without brackets; write it as in `[fd00::1]:5000`");
        check_invalid(
            "[fe80::1%eth0]:5000",
            "`[fe80::1%eth0]:5000` has an IPv6 zone, which no other machine understands; write the address without it",
        );
        for host in ["[::ffff:10.0.0.1]:5000", "[::ffff:a00:1]:5000"] {
            let message = format!("`{host}` has an IPv4 address within an IPv6 one; write only the IPv4 address");
            check_invalid(host, &message);
        }
        for host in ["[fd00::1", "[]", "[fd00::1]5000", "[fd00:::1]", "[registry]:5000"] {
            check_invalid(
                host,
                &format!("`{host}` is not an IPv6 address between brackets; write it as in `[fd00::1]:5000`"),
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
    fn texts_that_are_not_hosts() {
        check_invalid(
            "",
            "`` is empty; write the registry's host and port, as in `kind-registry:5000`, or leave it out",
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

    #[test]
    fn hosts_know_their_parts() {
        for (text, expected) in [
            ("reg.io", ("reg.io", None)),
            ("kind-registry:5000", ("kind-registry", Some(5000))),
            ("10.0.0.5:80", ("10.0.0.5", Some(80))),
            ("[fd00::1]", ("[fd00::1]", None)),
            ("[fd00::1]:5000", ("[fd00::1]", Some(5000))),
        ] {
            let host = RegistryHost::parse(text).unwrap();
            assert_eq!((host.name(), host.port()), expected, "{text}");
            let host = RuntimeHost::parse(text).unwrap();
            assert_eq!((host.name(), host.port()), expected, "{text}");
        }
    }
}
