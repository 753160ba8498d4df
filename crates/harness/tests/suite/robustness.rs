//! Spoilt and huge payloads. Each gets a decision or a clear rejection, within the memory and the time that a policy
//! server allows. A trap, an error of the engine or a 500 fails the test.

use crate::module;
use local_registry_testkit::repository::policy_module;
use std::sync::{LazyLock, OnceLock};

use local_registry_harness::capabilities::Capabilities;
use local_registry_harness::engine::Policy;
use local_registry_harness::objects::{Folder, Objects};
use local_registry_testkit::case;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The memory that a guest may use: 64 MiB.
const MEMORY: usize = 64 << 20;

fn policy() -> &'static Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    POLICY.get_or_init(|| {
        let module = policy_module();
        let objects = Objects::Folder(Folder::read(&case::folder().join("objects")).unwrap());
        Policy::load_within(&module, Capabilities::new(module::granted(), objects), MEMORY).unwrap()
    })
}

/// The payloads of all cases, which are valid.
static SEEDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let payload = |case: case::Case| json!({"request": case.request, "settings": case.settings}).to_string();
    case::all().into_iter().map(payload).collect()
});

/// The policy's answer. The object stays text, since some are nested too deep for a tree of values.
#[derive(Deserialize)]
struct Answer {
    accepted: bool,
    message: Option<String>,
    code: Option<u16>,
    mutated_object: Option<Box<RawValue>>,
}

/// Asks the policy. An error says what is wrong with its answer.
fn ask(payload: &[u8]) -> Result<Answer, String> {
    let answer = policy().call("validate", payload).map_err(|error| error.to_string())?;
    let text = || String::from_utf8_lossy(&answer);
    let answer: Answer = serde_json::from_slice(&answer).map_err(|error| format!("{error}: {}", text()))?;
    let sound = match &answer {
        Answer { accepted: true, message: None, code: None, mutated_object } => {
            mutated_object.as_ref().is_none_or(|object| object.get().starts_with('{'))
        }
        Answer { accepted: false, message: Some(message), code: Some(400 | 404), mutated_object: None } => {
            !message.is_empty()
        }
        _ => false,
    };
    if sound { Ok(answer) } else { Err(format!("not an answer: {}", text())) }
}

/// One way to spoil a payload.
#[derive(Debug, Clone)]
enum Spoil {
    /// Replaces a byte.
    Byte(Index, u8),
    /// Removes a byte.
    Remove(Index),
    /// Removes everything from a position on.
    Truncate(Index),
    /// Writes a part of the text twice, which repeats keys and leaves brackets open.
    Repeat(Index, Index),
    /// Inserts a text.
    Insert(Index, &'static str),
    /// Replaces a JSON value.
    Replace(Index, Value),
    /// Removes a field of an object, or an element of an array.
    Drop(Index),
    /// Renames a field of an object.
    Rename(Index, &'static str),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let index = any::<Index>;
    let token = select(vec![
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "true",
        "NaN",
        "-Infinity",
        "1e999",
        "-0",
        "0x1",
        "1.",
        "\\u0000",
        "\\ud800",
        "\\udc00\\ud800",
        "\\",
        "\0",
        "\u{feff}",
        "\"local\":true,",
        "\"image\":\"a\",",
        "\"spec\":{},",
        " ",
        "\n",
        "é",
        "𝄞",
    ]);
    let value = prop_oneof![
        select(vec![json!(null), json!(true), json!(false), json!([]), json!({}), json!(""), json!(-1), json!(1e300)]),
        select(vec![
            "/",
            "a",
            "a/b",
            "localhost/a",
            "a:",
            "@",
            "reg.io/a",
            "kind-registry:5000/a/b",
            "UPPER/a",
            "true"
        ])
        .prop_map(Value::from),
        ".{0,300}".prop_map(Value::from),
        Just(json!({"image": "a/b", "local": true})),
        Just(json!([{"image": "a/b", "local": true}])),
    ];
    let key = select(vec![
        "spec",
        "output",
        "image",
        "local",
        "build",
        "name",
        "kind",
        "object",
        "metadata",
        "annotations",
        "",
    ]);
    prop_oneof![
        1 => (index(), any::<u8>()).prop_map(|(at, byte)| Spoil::Byte(at, byte)),
        1 => index().prop_map(Spoil::Remove),
        1 => index().prop_map(Spoil::Truncate),
        1 => (index(), index()).prop_map(|(from, to)| Spoil::Repeat(from, to)),
        1 => (index(), token).prop_map(|(at, text)| Spoil::Insert(at, text)),
        3 => (index(), value).prop_map(|(at, value)| Spoil::Replace(at, value)),
        2 => index().prop_map(Spoil::Drop),
        1 => (index(), key).prop_map(|(at, key)| Spoil::Rename(at, key)),
    ]
}

impl Spoil {
    fn apply(&self, payload: &mut Vec<u8>) {
        if payload.is_empty() {
            return;
        }
        let length = payload.len();
        match self {
            Self::Byte(at, byte) => payload[at.index(length)] = *byte,
            Self::Remove(at) => drop(payload.remove(at.index(length))),
            Self::Truncate(at) => payload.truncate(at.index(length)),
            Self::Repeat(from, to) => {
                let (from, to) = (from.index(length), to.index(length));
                let stretch = payload[from.min(to)..from.max(to)].to_vec();
                payload.splice(from..from, stretch);
            }
            Self::Insert(at, text) => drop(payload.splice(at.index(length)..at.index(length), text.bytes())),
            Self::Replace(at, value) => structure(payload, *at, |place| *place = value.clone()),
            Self::Drop(at) => structure(payload, *at, |place| match place {
                Value::Object(fields) => drop(fields.keys().next().cloned().and_then(|key| fields.remove(&key))),
                Value::Array(elements) => drop(elements.pop()),
                _ => *place = Value::Null,
            }),
            Self::Rename(at, key) => structure(payload, *at, |place| {
                if let Value::Object(fields) = place
                    && let Some(first) = fields.keys().next().cloned()
                    && let Some(value) = fields.remove(&first)
                {
                    fields.insert((*key).to_owned(), value);
                }
            }),
        }
    }
}

/// Changes one of the values in a payload, if it is still JSON.
fn structure(payload: &mut Vec<u8>, at: Index, change: impl FnOnce(&mut Value)) {
    fn count(value: &Value) -> usize {
        let inner: usize = match value {
            Value::Object(fields) => fields.values().map(count).sum(),
            Value::Array(elements) => elements.iter().map(count).sum(),
            _ => 0,
        };
        inner + 1
    }
    fn find<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
        if *left == 0 {
            return Some(value);
        }
        *left -= 1;
        match value {
            Value::Object(fields) => fields.values_mut().find_map(|value| find(value, left)),
            Value::Array(elements) => elements.iter_mut().find_map(|value| find(value, left)),
            _ => None,
        }
    }
    if let Ok(mut value) = serde_json::from_slice::<Value>(payload) {
        let mut left = at.index(count(&value));
        if let Some(place) = find(&mut value, &mut left) {
            change(place);
        }
        *payload = value.to_string().into_bytes();
    }
}

proptest! {
    #![proptest_config(module::config(20_000, 4))]

    #[test]
    fn a_spoilt_payload_gets_a_decision(seed in any::<Index>(), spoils in prop::collection::vec(spoil(), 1..5)) {
        let mut payload = seed.get(&SEEDS).clone().into_bytes();
        for spoil in &spoils {
            spoil.apply(&mut payload);
        }
        if let Err(error) = ask(&payload) {
            prop_assert!(false, "{error}: {}", String::from_utf8_lossy(&payload));
        }
    }
}

#[test]
fn a_payload_that_ends_early_is_rejected() {
    let payload = SEEDS.iter().max_by_key(|payload| payload.len()).unwrap().as_bytes();
    for length in 0..payload.len() {
        assert!(!ask(&payload[..length]).unwrap().accepted, "{length} bytes");
    }
    ask(payload).unwrap();
}

/// A request to create a BuildRun with this field in its `spec`, and an output that may be local.
fn with(field: &str, local: bool) -> String {
    let output = format!(r#""output":{{"image":"team/app","local":{local}}}"#);
    request(&format!(r#""spec":{{"build":{{"name":"b"}},{output},{field}}}"#))
}

/// A request to create a BuildRun with these fields.
fn request(object: &str) -> String {
    format!(
        r#"{{"settings":{{"host":"reg.io","lookupBuilds":false}},"request":{{"uid":"1","operation":"CREATE","namespace":"team","kind":{{"group":"shipwright.io","version":"v1beta1","kind":"BuildRun"}},"object":{{{object}}}}}}}"#
    )
}

#[test]
fn ten_thousand_nested_values_get_a_decision() {
    for depth in [100, 10_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("{\"spec\":", "}"), ("{\"output\":", "}")] {
            let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            for field in ["other", "source", "volumes"] {
                for local in [true, false] {
                    ask(with(&format!("\"{field}\":{nested}"), local).as_bytes()).unwrap();
                }
            }
            ask(request(&format!("\"spec\":{{\"build\":{nested}}}")).as_bytes()).unwrap();
            ask(nested.as_bytes()).unwrap();
            ask(&nested.as_bytes()[..nested.len() / 2]).unwrap();
        }
    }
}

#[test]
fn texts_of_five_megabytes_get_a_decision() {
    for part in ["a", "/", "é", "\\u0000", "\\\"", "\\ud83d\\ude00", "a/"] {
        let text = part.repeat(5_000_000 / part.len());
        for local in [true, false] {
            let answer = ask(with(&format!("\"other\":\"{text}\""), local).as_bytes()).unwrap();
            assert_eq!(answer.mutated_object.is_some(), local);
            ask(with(&format!("\"{text}\":1"), local).as_bytes()).unwrap();
        }
        for object in [
            format!(r#""spec":{{"build":{{"spec":{{"output":{{"image":"{text}","local":true}}}}}}}}"#),
            format!(
                r#""spec":{{"build":{{"name":"b"}}}},"metadata":{{"annotations":{{"local-registry-hosting/output":"{text}"}}}}"#
            ),
        ] {
            let answer = ask(request(&object).as_bytes()).unwrap();
            assert!(!answer.accepted);
            assert!(answer.message.unwrap().len() < 2_000, "the message quotes too much");
        }
        ask(request(&format!(r#""spec":{{"build":{{"name":"{text}"}}}}"#)).as_bytes()).unwrap();
    }
}

#[test]
fn a_hundred_thousand_fields_or_elements_get_a_decision() {
    let fields: Vec<String> = (0..100_000).map(|index| format!("\"field-{index}\":\"{index}\"")).collect();
    let fields = fields.join(",");
    let elements = vec![r#"{"image":"a/b","local":true}"#; 100_000].join(",");
    for local in [true, false] {
        ask(with(&fields, local).as_bytes()).unwrap();
        for list in ["env", "sources", "source", "output-list"] {
            ask(with(&format!("\"{list}\":[{elements}]"), local).as_bytes()).unwrap();
        }
    }
    ask(request(&format!("\"metadata\":{{\"annotations\":{{{fields}}}}}")).as_bytes()).unwrap();
    let settings = with("\"x\":1", true).replace("\"host\":\"reg.io\"", &fields);
    ask(settings.as_bytes()).unwrap();
}
