//! Laws that hold for every reference, host and object.

use local_registry_core::admission::Edits;
use local_registry_core::registry::PORTABLE_HOST;
use local_registry_core::registry::ReferenceError;
use local_registry_core::{Decision, ImageReference, RegistryHost, Request, decide};
use local_registry_testkit::properties::config;
use local_registry_testkit::strategy::{json_value, reference};
use oci_spec::distribution::Reference;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

fn host() -> impl Strategy<Value = String> {
    select(vec!["kind-registry:5000", "registry.ns.svc.cluster.local", "10.0.0.5:5000", "[fd00::1]:5000", "a.b"])
        .prop_map(ToOwned::to_owned)
}

/// Whether this is a text that oci-spec is known to read in another way than the Go parsers. Our error shows it.
fn is_known_difference(text: &str, ours: &Result<ImageReference<'_>, ReferenceError>) -> bool {
    let error = match ours {
        // oci-spec does not know IPv6 registries.
        Ok(reference) => return reference.registry().is_some_and(|registry| registry.starts_with('[')),
        Err(error) => error.to_string(),
    };
    // oci-spec accepts every digest algorithm, and upper-case hexadecimal digits.
    error.starts_with("has a digest that is not ")
        // It accepts an image ID, an upper-case namespace, and a path of one character. Of the Go parsers, only
        // go-containerregistry, in the version that Shipwright uses, refuses the last.
        || error.contains("which image parsers read as an image ID")
        || error.starts_with("has the upper-case letter")
        || error.starts_with("has a path of one character")
        // It accepts letters of every script in a tag.
        || foreign_letter(&error).is_some_and(|letter| !letter.is_ascii()) && text.contains(':')
        // It accepts an underscore in a registry.
        || error.starts_with("names the registry") && error.contains('_') && text.contains('/')
}

/// The character that an error calls foreign to references, unless it is shown escaped.
fn foreign_letter(error: &str) -> Option<char> {
    let (character, _) = error.strip_prefix("has `")?.split_once("` at character ")?;
    let mut characters = character.chars();
    characters.next().filter(|_| error.ends_with("which no reference may have") && characters.next().is_none())
}

fn build_run(output: &Value, others: &[Value]) -> Value {
    json!({
        "apiVersion": "shipwright.io/v1beta1",
        "kind": "BuildRun",
        "metadata": {"name": "r", "x": others[0]},
        "spec": {"volumes": others[1], "paramValues": others[2], "build": {"spec": {"output": output, "env": others[3]}}},
    })
}

fn decide_about(object: &Value, host: &str) -> (Decision, Option<Value>) {
    let payload = json!({
        "request": {"kind": {"group": "shipwright.io", "version": "v1beta1", "kind": "BuildRun"}, "operation": "CREATE", "object": object},
        "settings": {"host": host, "insecure": true},
    })
    .to_string();
    let request = Request::parse(payload.as_bytes()).unwrap();
    let decision = decide(&request, &mut |_: &str, _: &str| panic!("no Build is named, so none is looked up")).unwrap();
    let changed = match &decision {
        Decision::Accept { edits, .. } if !edits.is_empty() => Some(apply(&request, edits)),
        _ => None,
    };
    (decision, changed)
}

fn apply(request: &Request<'_>, edits: &Edits) -> Value {
    let mut text = String::new();
    request.apply(edits, &mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

proptest! {
    #![proptest_config(config(2000, 6))]

    #[test]
    fn a_reference_prints_as_it_was_written(text in reference()) {
        if let Ok(parsed) = ImageReference::parse(&text) {
            prop_assert_eq!(parsed.to_string(), text.clone());
            let registry = parsed.registry().map(|registry| format!("{registry}/")).unwrap_or_default();
            prop_assert_eq!(format!("{registry}{}", parsed.remainder()), text);
        }
    }

    #[test]
    fn an_injected_reference_is_our_host_and_the_written_reference(text in reference(), host in host()) {
        let host = RegistryHost::parse(&host).unwrap();
        let Ok(parsed) = ImageReference::parse(&text) else { return Ok(()) };
        if parsed.registry().is_some() {
            return Ok(());
        }
        let injected = parsed.at(&host);
        let again = ImageReference::parse(&injected).unwrap();
        prop_assert_eq!(again.registry(), Some(host.as_str()));
        prop_assert_eq!(again.remainder(), text);
    }

    #[test]
    fn oci_spec_reads_the_same_except_for_known_differences(text in reference()) {
        let ours = ImageReference::parse(&text);
        let theirs = text.parse::<Reference>();
        if ours.is_ok() != theirs.is_ok() {
            prop_assert!(is_known_difference(&text, &ours), "{text:?}: ours {ours:?}, theirs {theirs:?}");
        }
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            prop_assert_eq!(ours.registry().unwrap_or("docker.io"), theirs.registry());
            if let Some(digest) = theirs.digest() {
                prop_assert!(ours.remainder().ends_with(digest));
            }
        }
    }

    #[test]
    fn a_host_is_the_registry_of_a_path_behind_it(text in "[a-z0-9.:\\[\\]-]{1,16}") {
        if RegistryHost::parse(&text).is_ok() {
            let reference = format!("{text}/x/y");
            let parsed = ImageReference::parse(&reference).unwrap();
            prop_assert_eq!((parsed.registry(), parsed.remainder()), (Some(text.as_str()), "x/y"));
        }
    }

    #[test]
    fn no_text_makes_the_parsers_panic(text in any::<String>()) {
        let _ = (ImageReference::parse(&text), RegistryHost::parse(&text));
    }

    #[test]
    fn every_other_field_is_untouched(
        image in reference(),
        host in host(),
        extra in json_value(),
        others in prop::collection::vec(json_value(), 4),
    ) {
        let output = json!({"image": image, "local": true, "extra": extra});
        let object = build_run(&output, &others);
        let (_, changed) = decide_about(&object, &host);
        let Some(mut changed) = changed else { return Ok(()) };
        let changed_output = changed["spec"]["build"]["spec"]["output"].as_object_mut().unwrap();
        let rest = image.strip_prefix(PORTABLE_HOST).and_then(|rest| rest.strip_prefix('/')).unwrap_or(&image);
        prop_assert_eq!(changed_output.insert("image".into(), json!(image)), Some(json!(format!("{host}/{rest}"))));
        prop_assert_eq!(changed_output.remove("insecure"), Some(json!(true)));
        // Readers differ in how they round a number, so the same reader has to read both objects.
        let object: Value = serde_json::from_str(&object.to_string()).unwrap();
        prop_assert_eq!(changed, object);
    }

    #[test]
    fn deciding_twice_equals_deciding_once(image in reference(), host in host(), others in prop::collection::vec(json_value(), 4)) {
        let object = build_run(&json!({"image": image, "local": true}), &others);
        if let (Decision::Accept { .. }, Some(changed)) = decide_about(&object, &host) {
            let (again, more) = decide_about(&changed, &host);
            prop_assert_eq!(again, Decision::Accept { edits: Edits::default(), warnings: Vec::new() });
            prop_assert_eq!(more, None);
        }
    }

    #[test]
    fn an_accepted_local_image_names_our_registry(image in reference(), host in host()) {
        let object = build_run(&json!({"image": image, "local": true}), &[Value::Null, Value::Null, Value::Null, Value::Null]);
        let (decision, changed) = decide_about(&object, &host);
        if let Decision::Accept { .. } = decision {
            let stored = changed.unwrap_or(object);
            let stored = stored["spec"]["build"]["spec"]["output"]["image"].as_str().unwrap();
            prop_assert_eq!(ImageReference::parse(stored).unwrap().registry(), Some(host.as_str()));
        }
    }

    #[test]
    fn no_bytes_make_the_payload_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Request::parse(&bytes);
    }
}

#[test]
fn the_text_of_unchanged_values_is_kept() {
    let object = r#"{ "z": 12345678901234567890123456789.10, "spec":{"b":1e400, "build":{"spec":{"output":{"local":true,"image":"team/app" ,"q":"\u0041"}}},"a":-0.0}, "a":[ ] }"#;
    let payload = format!(
        r#"{{"settings":{{"host":"reg.io"}},"request":{{"oldObject":null,"object":{object},"operation":"CREATE","kind":{{"kind":"BuildRun","group":"shipwright.io","version":"v1beta1"}}}}}}"#
    );
    let request = Request::parse(payload.as_bytes()).unwrap();
    let decision = decide(&request, &mut |_: &str, _: &str| panic!("no Build is named, so none is looked up")).unwrap();
    let Decision::Accept { edits, warnings } = decision else { panic!("{decision:?}") };
    assert_eq!(warnings, []);
    let mut changed = String::new();
    request.apply(&edits, &mut changed).unwrap();
    assert_eq!(
        changed,
        r#"{ "z": 12345678901234567890123456789.10, "spec":{"b":1e400, "build":{"spec":{"output":{"local":true,"image":"reg.io/team/app" ,"q":"\u0041"}}},"a":-0.0}, "a":[ ] }"#
    );
}
