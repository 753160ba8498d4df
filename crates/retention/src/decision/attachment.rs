//! What a tag says that it is attached to.

use local_registry_core::{Digest, Tag};

/// The digest that a tag says it is attached to: `sha256-HEX`, alone or with any end that begins with `.`, `-` or `_`. Tools put
/// signatures, statements and lists of referrers there, and others may follow.
pub(crate) fn subject(tag: &Tag) -> Option<Digest> {
    let (hex, end) = tag.as_str().strip_prefix("sha256-")?.split_at_checked(64)?;
    let is_whole = end.is_empty() || end.starts_with(['.', '-', '_']);
    if is_whole { Digest::parse(&format!("sha256:{hex}")).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_says_what_it_is_attached_to() {
        let hex = "0123456789abcdef".repeat(4);
        for end in ["", ".sig", ".att", ".sbom", ".vex", "-1", "_x"] {
            let tag: Tag = format!("sha256-{hex}{end}").parse().unwrap();
            assert_eq!(subject(&tag).unwrap().hex(), hex, "{tag}");
        }
        for other in [format!("sha256-{hex}0"), format!("sha256-{}", hex.to_uppercase()), format!("sha256_{hex}"), hex]
        {
            assert_eq!(subject(&other.parse().unwrap()), None, "{other}");
        }
    }
}
