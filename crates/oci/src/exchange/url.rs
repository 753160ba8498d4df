//! URLs, as far as the API of registries needs them: [`Uri`]s with a scheme and a host.
//!
//! The crate `url` would do more, and would bring the letters of all scripts into programs whose hosts are ASCII.

use std::fmt::Write;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

/// A URL that stands alone, for HTTP or anything else; `None` if a text is not one, or has a user in it. Characters that no URL
/// has are escaped, as browsers do.
pub(crate) fn absolute(text: &str) -> Option<Uri> {
    let url: Uri = escaped(text).parse().ok()?;
    let authority = url.authority()?;
    (url.scheme().is_some() && has_valid_port(authority) && !authority.as_str().contains('@')).then_some(url)
}

/// Where a link leads that a registry gave in its answer to `base` (RFC 3986, section 5.2). Dots in a path are left to the
/// transport.
pub(crate) fn join(base: &Uri, link: &str) -> Option<Uri> {
    let (scheme, authority, path) = (base.scheme_str()?, base.authority()?, base.path());
    let is_absolute = link.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    });
    if is_absolute {
        return absolute(link);
    }
    if link.starts_with("//") {
        return absolute(&format!("{scheme}:{link}"));
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    absolute(&match link.chars().next() {
        Some('/') => format!("{scheme}://{authority}{link}"),
        Some('?') => format!("{scheme}://{authority}{path}{link}"),
        _ => format!("{scheme}://{authority}{folder}/{link}"),
    })
}

fn escaped(text: &str) -> String {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte);
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if is_allowed(byte) {
            escaped.push(byte.into());
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

/// A text without the user, and the password, of a URL in it, for messages.
pub(crate) fn without_user(text: &str) -> String {
    let Some((before, rest)) = text.split_once("//") else { return text.to_owned() };
    let end = rest.find(['/', '?', '"', ' ', ',']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{before}//{host}{after}")
}

/// The URL with another path, and query if any.
pub(crate) fn with_path(url: &Uri, path: &str) -> Option<Uri> {
    let mut parts = url.clone().into_parts();
    parts.path_and_query = Some(path.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// The URL with more parameters at the end of its query. The caller has escaped what has to be.
pub(crate) fn with_parameters(url: &Uri, parameters: &str) -> Option<Uri> {
    let before = url.path_and_query().map_or("/", PathAndQuery::as_str);
    let separator = match url.query() {
        None => "?",
        Some("") => "",
        Some(_) => "&",
    };
    with_path(url, &format!("{before}{separator}{parameters}"))
}

/// Whether two URLs lead to the same scheme, host and port.
#[cfg(feature = "registries")]
pub(crate) fn is_same_origin(one: &Uri, other: &Uri) -> bool {
    let origin = |url: &Uri| Some((url.scheme()?.clone(), url.host()?.to_ascii_lowercase(), port(url)?));
    origin(one).is_some_and(|found| Some(found) == origin(other))
}

/// Whether the way to a URL is encrypted, or that to the registry is not either.
pub(crate) fn is_as_safe(url: &Uri, base: &Uri) -> bool {
    let (https, http) = (Some(&Scheme::HTTPS), Some(&Scheme::HTTP));
    url.scheme() == https || (url.scheme() == http && base.scheme() == http)
}

#[cfg(feature = "registries")]
fn port(url: &Uri) -> Option<u16> {
    url.port_u16().or(match url.scheme_str()? {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    })
}

/// Whether a port is one, or is left out.
pub(crate) fn has_valid_port(authority: &Authority) -> bool {
    authority.port_u16().is_some() || authority.as_str().len() == authority.host().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(link: &str, expected: Option<&str>) {
        let base = "http://[fd00::1]:5000/v2/team/app/blobs/uploads/?a=b".parse().unwrap();
        assert_eq!(join(&base, link).map(|url| url.to_string()).as_deref(), expected);
    }

    #[test]
    fn links_lead_on_from_where_they_were_found() {
        check("/v2/x?state=1", Some("http://[fd00::1]:5000/v2/x?state=1"));
        check("7?state=1", Some("http://[fd00::1]:5000/v2/team/app/blobs/uploads/7?state=1"));
        check("?state=1", Some("http://[fd00::1]:5000/v2/team/app/blobs/uploads/?state=1"));
        check("//other.example/x", Some("http://other.example/x"));
        check("https://other.example:8443/x#y", Some("https://other.example:8443/x"));
        check("ftp://other.example/x", Some("ftp://other.example/x"));
        check("https://user:password@other.example/x", None);
        check("https://other.example:99999/x", None);
        check("mailto:somebody", None);
        check("a b?c=d<e", Some("http://[fd00::1]:5000/v2/team/app/blobs/uploads/a%20b?c=d%3Ce"));
    }

    #[cfg(feature = "registries")]
    #[test]
    fn origins_are_the_same_however_they_are_written() {
        let check = |one: &str, other: &str, expected: bool| {
            assert_eq!(is_same_origin(&one.parse().unwrap(), &other.parse().unwrap()), expected, "{one} {other}");
        };
        check("https://registry.example/v2/", "https://REGISTRY.example:443/x", true);
        check("https://registry.example", "http://registry.example", false);
        check("https://registry.example", "https://registry.example:5000", false);
        check("http://[fd00::1]", "http://[fd00::1]:80", true);
        check("http://[fd00::1]", "http://[fd00::2]", false);
    }

    #[test]
    fn parameters_follow_those_that_are_there() {
        let add = |url: &str| with_parameters(&url.parse().unwrap(), "digest=sha256:12").unwrap().to_string();
        assert_eq!(add("http://reg.io/x"), "http://reg.io/x?digest=sha256:12");
        assert_eq!(add("http://reg.io/x?"), "http://reg.io/x?digest=sha256:12");
        assert_eq!(add("http://reg.io/x?state=1"), "http://reg.io/x?state=1&digest=sha256:12");
    }

    #[test]
    fn messages_show_no_users() {
        let check = |text: &str, expected: &str| assert_eq!(without_user(text), expected);
        check("https://user:password@reg.io/x?a=b@c", "https://reg.io/x?a=b@c");
        check("Bearer realm=\"https://u:p@reg.io\",service=\"x\"", "Bearer realm=\"https://reg.io\",service=\"x\"");
        check("/v2/x@y", "/v2/x@y");
    }
}
