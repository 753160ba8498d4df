//! Names of objects in Kubernetes.

/// Whether Kubernetes accepts `name` as the name of an object: a DNS-1123 subdomain. Another one must not become a
/// part of a request's path.
///
/// ```
/// use local_registry_core::text::is_object_name;
///
/// assert!(is_object_name("my-build.v1"));
/// assert!(!is_object_name("../secrets"));
/// ```
#[must_use]
pub fn is_object_name(name: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= 253
        && name.split('.').all(|label| {
            label.bytes().next().is_some_and(alphanumeric)
                && label.bytes().last().is_some_and(alphanumeric)
                && label.bytes().all(|b| alphanumeric(b) || b == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_an_object_can_have_are_looked_up() {
        let longest = format!("{}.b", "a".repeat(251));
        for name in ["b", "my-build", "build.v1", "0", &longest] {
            assert!(is_object_name(name), "{name}");
        }
        let too_long = format!("{longest}b");
        for name in
            ["", "B", "a_b", "-a", "a-", "a..b", ".a", "a.", "a.-b", "a/b", "..", "a b", "ä", "a?x=y", &too_long]
        {
            assert!(!is_object_name(name), "{name}");
        }
    }
}
