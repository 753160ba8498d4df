//! The reader against serde_json, for properties and for the fuzz target `json`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::mask::Mask;
use super::node::Node;

/// Panics if the reader and serde_json disagree about a text: whether it is JSON, which keys an object has, and what its
/// strings are.
#[cfg_attr(test, expect(unreachable_pub, reason = "the fuzz target calls it"))]
pub fn compare_with_serde_json(text: &str) {
    let skipped = Node::parse(text, Mask::Raw);
    let theirs = serde_json::from_str::<&RawValue>(text);
    assert_eq!(skipped.is_ok(), theirs.is_ok(), "{text:?}: ours {skipped:?}, theirs {theirs:?}");
    if let (Ok(Node::Raw(ours)), Ok(theirs)) = (skipped, theirs) {
        assert_eq!(ours, theirs.get());
    }

    let read = Node::parse(text, Mask::Scalars(&[]));
    let fields = serde_json::from_str::<BTreeMap<String, &RawValue>>(text);
    match (&read, fields) {
        (Ok(Node::Object(object)), Ok(fields)) => {
            // Of two fields with the same key, serde_json keeps the last.
            let mut ours = BTreeMap::new();
            for entry in &object.entries {
                let value = text.get(entry.span.clone()).unwrap_or_default();
                ours.insert(entry.key.to_string(), value);
                if let Node::String(string) = &entry.value {
                    assert_eq!(serde_json::from_str::<Cow<'_, str>>(value).ok().as_ref(), Some(string), "{text:?}");
                }
            }
            let theirs = fields.iter().map(|(key, value)| (key.clone(), value.get())).collect::<BTreeMap<_, _>>();
            assert_eq!(ours, theirs, "{text:?}");
        }
        // serde_json leaves the strings in raw values unread, so it accepts half a surrogate pair there.
        (Err(error), Ok(_)) => {
            assert!(error.to_string().starts_with("a string has one half of a surrogate pair"), "{text:?}: {error}");
        }
        (Ok(ours), theirs) => {
            let is_object = matches!(ours, Node::Object(_));
            assert!(!is_object && theirs.is_err(), "{text:?}: ours {ours:?}, theirs {theirs:?}");
        }
        (Err(_), Err(_)) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use local_registry_testkit::properties::config;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};
    use serde_json::Value;

    /// Texts that are JSON, or nearly.
    fn text() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            select(vec![
                "null",
                "true",
                "false",
                "0",
                "-0",
                "1.5e-7",
                "1e999",
                "123456789012345678901234567890",
                "\"\\ud800\""
            ])
            .prop_map(str::to_owned),
            any::<String>().prop_map(|text| Value::from(text).to_string()),
            "[a-z]{0,20}".prop_map(|text| Value::from(text).to_string()),
        ];
        let json = leaf.prop_recursive(4, 24, 4, |inner| {
            let space = select(vec!["", " ", "\n\t", "\r"]);
            let field = ("[a-z\"\\\\é]{0,9}", inner.clone(), space.clone());
            let field = field.prop_map(|(key, value, space)| format!("{}{space}:{space}{value}", Value::from(key)));
            let comma = space.prop_map(|space| format!("{space},{space}"));
            prop_oneof![
                (prop::collection::vec(inner, 0..4), comma.clone())
                    .prop_map(|(elements, comma)| format!("[{}]", elements.join(&comma))),
                (prop::collection::vec(field, 0..4), comma)
                    .prop_map(|(fields, comma)| format!("{{{}}}", fields.join(&comma))),
            ]
        });
        let token = select(vec![
            "", "\"", "\\", "\\u", "\\u00e9", "{", "}", "[", "]", ",", ":", "0", "-", ".", "e", "E+", "null", "x",
            "\u{1}", "\u{7f}", "é", " ",
        ]);
        let spoil = prop::collection::vec((any::<Index>(), token, any::<bool>()), 0..3);
        (json, spoil).prop_map(|(mut text, spoils)| {
            for (at, token, replaces) in spoils {
                let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
                if let Some(place) = (!places.is_empty()).then(|| *at.get(&places)) {
                    let next = text.get(place..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
                    text.replace_range(place..place + if replaces { next } else { 0 }, token);
                }
            }
            text
        })
    }

    proptest! {
        #![proptest_config(config(20_000, 3))]

        #[test]
        fn serde_json_agrees_about_every_text(text in text()) {
            compare_with_serde_json(&text);
        }

        #[test]
        fn serde_json_agrees_about_every_string(text in "\"([ -~é\u{0}-\u{20}😀]|\\\\[\"\\\\/bfnrtux]|\\\\u(d[89a-f]|00|[0-9a-fA-F]{2})[0-9a-fA-F]{2}|[a-z]{8}){0,6}\"") {
            let ours = match Node::parse(&text, Mask::Scalar) {
                Ok(Node::String(string)) => Some(string.into_owned()),
                _ => None,
            };
            prop_assert_eq!(ours, serde_json::from_str::<String>(&text).ok());
        }
    }
}
