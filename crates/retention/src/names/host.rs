//! Where a host stands in a text.

use local_registry_core::registry::begins_a_host;

/// The host that a text ends with, if it is one of these and stands as a host there: neither within a longer name or port, nor as a
/// component of a path. Letters may be upper case, as hosts are read.
pub(crate) fn host_at_end<'t>(text: &'t str, hosts: &[impl AsRef<str>]) -> Option<&'t str> {
    hosts.iter().find_map(|host| {
        let start = text.len().checked_sub(host.as_ref().len())?;
        let (before, found) = text.split_at_checked(start)?;
        (found.eq_ignore_ascii_case(host.as_ref()) && begins_a_host(before.as_bytes())).then_some(found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_with_a_host_where_it_stands_as_one() {
        let hosts = ["local-registry:5000", "reg.io", "reg.io:5000"];
        for (text, expected) in [
            ("reg.io", Some("reg.io")),
            ("Reg.IO:5000", Some("Reg.IO:5000")),
            ("image=reg.io", Some("reg.io")),
            ("docker-pullable://reg.io", Some("reg.io")),
            ("{\"image\":\"local-registry:5000", Some("local-registry:5000")),
            ("a.reg.io", None),
            ("my-local-registry:5000", None),
            ("quay.example/reg.io", None),
            ("äreg.io", None),
            ("reg.io ", None),
            ("", None),
        ] {
            assert_eq!(host_at_end(text, &hosts), expected, "{text}");
        }
    }
}
