//! What the ServiceAccount says of the token in the Secret.

use std::collections::BTreeMap;

use super::secret::EXPIRES;

/// The annotation of the ServiceAccount with the host that the Secret is for.
pub const HOST: &str = "local-registry-hosting/host";

/// What the annotations of a ServiceAccount say of the token in its Secret: when that ends, and for which host it is. They are for
/// readers that may not read the Secret, such as `check`.
///
/// Whoever may write that object may forge them, so a value is cut that is longer than any that this program writes.
/// It is cut to one character more than those, so it never equals one. An empty value says nothing, as no annotation does: by that, what
/// somebody else has written can be taken back, since a server-side apply removes only what it has written itself.
///
/// ```
/// use local_registry_cluster::credentials::Promise;
///
/// let promise = Promise::new("2026-11-30T00:00:00Z".to_owned(), "kind-registry:5000".to_owned());
/// assert_eq!((promise.expires(), promise.host()), (Some("2026-11-30T00:00:00Z"), Some("kind-registry:5000")));
/// assert_eq!(Promise::default().expires(), None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promise {
    expires: Option<String>,
    host: Option<String>,
}

impl Promise {
    /// The annotations that are read.
    pub(super) const ANNOTATIONS: &'static [&'static str] = &[EXPIRES, HOST];
    /// How long the time may be.
    const LONGEST_TIME: usize = 64;
    /// How long the host may be: that of a domain, with its port.
    const LONGEST_HOST: usize = 259;

    /// That a token ends then (RFC 3339), and is for this host.
    #[must_use]
    pub fn new(expires: String, host: String) -> Self {
        Self { expires: Some(expires), host: Some(host) }
    }

    /// What says when the token ends.
    #[must_use]
    pub fn expires(&self) -> Option<&str> {
        self.expires.as_deref()
    }

    /// What says for which host it is.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Takes in the value of one of the annotations.
    pub(super) fn note(&mut self, name: &str, value: &str) {
        let (place, longest) = match name {
            EXPIRES => (&mut self.expires, Self::LONGEST_TIME),
            _ => (&mut self.host, Self::LONGEST_HOST),
        };
        *place = Some(value.chars().take(longest + 1).collect()).filter(|value: &String| !value.is_empty());
    }

    /// The annotations that say it.
    pub(super) fn annotations(&self) -> BTreeMap<&'static str, String> {
        let both = [(EXPIRES, &self.expires), (HOST, &self.host)];
        both.into_iter().map(|(name, value)| (name, value.clone().unwrap_or_default())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_little_is_kept_of_what_others_write() {
        let longest = format!("{}:65535", "h".repeat(253));
        let mut read = Promise::default();
        for promise in [Promise::new("2026-11-30T00:00:00Z".to_owned(), longest), Promise::default()] {
            for (name, value) in promise.annotations() {
                read.note(name, &value);
            }
            assert_eq!(read, promise);
        }
        for name in Promise::ANNOTATIONS {
            read.note(name, &"ü".repeat(100_000));
        }
        let kept = [read.expires().unwrap(), read.host().unwrap()].map(|value| value.chars().count());
        assert_eq!(kept, [65, 260]);
    }
}
