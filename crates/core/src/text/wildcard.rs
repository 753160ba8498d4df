//! Patterns in which `*` stands for other characters.

/// Whether a pattern matches a whole text. A `*` stands for any number of characters but `barrier`, also for none.
///
/// ```
/// use local_registry_core::text::matches_wildcard;
///
/// assert!(matches_wildcard("*.svc.cluster.local:5000", "registry.infra.svc.cluster.local:5000", ':'));
/// assert!(!matches_wildcard("*.svc.cluster.local", "registry.infra.svc.cluster.local", '.'));
/// ```
///
/// It takes time that is quadratic at worst, whatever the pattern.
#[must_use]
pub fn matches_wildcard(pattern: &str, text: &str, barrier: char) -> bool {
    let (mut pattern_rest, mut text_rest) = (pattern, text);
    // What follows the last `*` in the pattern, and what follows the characters that it stands for.
    let mut star: Option<(&str, &str)> = None;
    while let Some((character, text_after)) = split_first(text_rest) {
        let next = split_first(pattern_rest);
        if let Some(('*', pattern_after)) = next {
            star = Some((pattern_after, text_rest));
            pattern_rest = pattern_after;
        } else if let Some((expected, pattern_after)) = next
            && expected == character
        {
            (pattern_rest, text_rest) = (pattern_after, text_after);
        } else {
            // The last `*` takes one more character. This tries every length of it without recursion.
            let Some((pattern_after, taken)) = star else { return false };
            let Some((_, left)) = split_first(taken).filter(|(character, _)| *character != barrier) else {
                return false;
            };
            star = Some((pattern_after, left));
            (pattern_rest, text_rest) = (pattern_after, left);
        }
    }
    pattern_rest.chars().all(|character| character == '*')
}

fn split_first(text: &str) -> Option<(char, &str)> {
    let mut characters = text.chars();
    characters.next().map(|first| (first, characters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_star_stands_for_anything_up_to_a_barrier() {
        for (pattern, text, barrier, expected) in [
            ("reg.io:5000", "reg.io:5000", ':', true),
            ("reg.io:5000", "xreg.io:5000", ':', false),
            ("*", "reg.io", ':', true),
            ("*", "reg.io:5000", ':', false),
            ("*:*", "reg.io:5000", ':', true),
            ("*.io", "reg.io", '.', true),
            ("*.io", "my.reg.io", '.', false),
            ("a*a*b", "aabab", ':', true),
            ("ä*", "äöü", ':', true),
            ("", "", ':', true),
        ] {
            assert_eq!(matches_wildcard(pattern, text, barrier), expected, "{pattern} and {text}");
        }
    }

    proptest! {
        #[test]
        fn matching_equals_trying_every_split(pattern in "[ab:*]{1,8}", text in "[ab:]{0,8}") {
            fn tries(pattern: &[u8], text: &[u8]) -> bool {
                match (pattern.split_first(), text.split_first()) {
                    (None, None) => true,
                    (Some((b'*', rest)), _) if tries(rest, text) => true,
                    (Some((b'*', _)), Some((byte, tail))) => *byte != b':' && tries(pattern, tail),
                    (Some((a, rest)), Some((b, tail))) => a == b && tries(rest, tail),
                    _ => false,
                }
            }
            let expected = tries(pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(matches_wildcard(&pattern, &text, ':'), expected);
        }
    }
}
