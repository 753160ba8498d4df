//! Generators of references and JSON values, for property tests of `core` and of the built module.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// References, most of them valid, and texts that are almost references.
pub fn reference() -> impl Strategy<Value = String> {
    let registry = select(vec![
        "",
        "",
        "",
        "docker.io/",
        "reg.io/",
        "kind-registry:5000/",
        "local-registry:5000/",
        "local-registry:5001/",
        "localhost/",
        "[fd00::1]:5000/",
        "Team/",
        "reg_x.io/",
    ]);
    let component = "[a-z0-9]{1,4}((\\.|_|__|-{1,3})[a-z0-9]{1,3}){0,2}";
    let path = prop::collection::vec(component, 1..4).prop_map(|components| components.join("/"));
    let tag = prop_oneof![2 => Just(String::new()), 2 => ":[A-Za-z0-9_][A-Za-z0-9._-]{0,6}", 1 => ":.{0,2}"];
    let digest = prop_oneof![4 => Just(String::new()), 1 => "@sha256:[0-9a-f]{64}", 1 => "@sha256:[0-9A-F]{64}", 1 => "@sha512:[0-9a-f]{128}"];
    let valid = (registry, path, tag, digest).prop_map(|(a, b, c, d)| format!("{a}{b}{c}{d}"));
    let broken =
        (valid.clone(), any::<prop::sample::Index>(), select(vec!["", "/", ":", "@", ".", "_", "A", " ", "é"]))
            .prop_map(|(text, index, insert)| {
                let at = index.index(text.chars().count() + 1);
                let (before, after): (Vec<_>, Vec<_>) =
                    text.chars().enumerate().partition(|(position, _)| *position < at);
                let text =
                    |part: Vec<(usize, char)>| part.into_iter().map(|(_, character)| character).collect::<String>();
                format!("{}{insert}{}", text(before), text(after))
            });
    prop_oneof![3 => valid, 2 => broken, 1 => "[0-9a-f]{64}", 1 => ".{0,12}"]
}

/// JSON values of every shape, also with integers that no float represents exactly.
pub fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", |number| number.is_finite().then(|| json!(number))),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key(), inner, 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// Keys that the policy does not read, and keys that it reads only in other places.
pub fn key() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-z]{1,6}", 1 => select(vec!["image", "local", "output", "spec", "a\"b", "ü"]).prop_map(ToOwned::to_owned)]
}
