//! For whatever there is: after a look, what should be there is there, and nothing that is not ours was written.

use local_registry_testkit::properties::config;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::look;
use super::server::{ACCOUNTS, BINDINGS, FIRST, OBJECTS, SECOND, SECRETS, Shared};

const NAMESPACES: [&str; 4] = ["a", "b", "c", "d"];

/// What somebody has done to an object of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Nothing,
    Discarded,
    /// It is of somebody else.
    Taken,
    Changed,
    /// Its fields are such as nobody can change. An account, which has none of these, promises too much.
    Frozen,
    /// It is another object of the same name.
    Replaced,
}

#[derive(Debug, Clone)]
struct Place {
    /// The label and the phase; `None` without the label.
    label: Option<(&'static str, &'static str)>,
    deeds: [Deed; 3],
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => Just(Deed::Nothing),
        1 => Just(Deed::Discarded),
        1 => Just(Deed::Taken),
        1 => Just(Deed::Changed),
        1 => Just(Deed::Frozen),
        1 => Just(Deed::Replaced),
    ]
}

fn place() -> impl Strategy<Value = Place> {
    let label = prop_oneof![
        4 => Just(Some(("true", "Active"))),
        1 => Just(Some(("true", "Terminating"))),
        1 => Just(Some(("yes", "Active"))),
        1 => Just(None),
    ];
    (label, [deed(), deed(), deed()]).prop_map(|(label, deeds)| Place { label, deeds })
}

fn declared() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![
        4 => Just(Some(FIRST)),
        2 => Just(Some(SECOND)),
        1 => Just(None),
        1 => Just(Some("help: https://example.org")),
        1 => Just(Some("hostFromClusterNetwork: localhost:5000")),
    ]
}

fn change(kind: &'static str, object: &mut Value, deed: Deed) {
    match (deed, kind) {
        (Deed::Taken, _) => object["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "Helm"}),
        (Deed::Replaced, _) => object["metadata"]["uid"] = json!("another"),
        (Deed::Changed, ACCOUNTS) => object["automountServiceAccountToken"] = json!(true),
        (Deed::Frozen, ACCOUNTS) => {
            object["metadata"]["annotations"]["local-registry-hosting/expires"] = json!("2999-01-01T00:00:00Z");
        }
        (Deed::Changed, BINDINGS) => object["subjects"] = json!([{"kind": "Group", "name": "system:authenticated"}]),
        (Deed::Changed, _) => object["data"] = json!({"x": "eA=="}),
        (Deed::Frozen, BINDINGS) => object["roleRef"]["name"] = json!("cluster-admin"),
        (Deed::Frozen, SECRETS) => object["type"] = json!("Opaque"),
        (Deed::Frozen | Deed::Nothing | Deed::Discarded, _) => {}
    }
}

proptest! {
    #![proptest_config(config(96, 31))]

    #[test]
    fn what_should_be_there_is_there_and_nothing_else_is_written(
        places in proptest::array::uniform4(place()),
        declared in declared(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let shared = Shared::with(&NAMESPACES);
            look(&shared).await;
            for (name, Place { label, deeds }) in NAMESPACES.into_iter().zip(&places) {
                for (kind, deed) in OBJECTS.into_iter().zip(*deeds) {
                    if deed == Deed::Discarded {
                        shared.lock().discard(kind, name);
                    } else {
                        shared.lock().edit(kind, name, |object| change(kind, object, deed));
                    }
                }
                match label {
                    Some(state) => drop(shared.lock().namespaces.insert(name.to_owned(), *state)),
                    None => drop(shared.lock().namespaces.remove(name)),
                }
            }
            shared.lock().declared = declared;
            shared.lock().writes.clear();
            let before = shared.lock().objects.clone();
            let report = look(&shared).await;
            {
                let server = shared.lock();
                let is_ours = |object: &Value| object["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "local-registry-credentials";
                for (place, object) in before.iter().filter(|(_, object)| !is_ours(object)) {
                    assert_eq!(server.objects.get(place), Some(object), "{report}");
                }
                let host = declared.and_then(|text| text.strip_prefix("hostFromClusterNetwork: "));
                let is_unusable = host == Some("localhost:5000");
                for (name, Place { label, deeds }) in NAMESPACES.into_iter().zip(&places) {
                    let there = |kind| server.objects.get(&(kind, name.to_owned()));
                    let same = |kind| there(kind) == before.get(&(kind, name.to_owned()));
                    // Nothing is promised, unless by the account of somebody else.
                    let is_silent = || there(ACCOUNTS).is_none_or(|account| !is_ours(account) || server.promise(name) == ["", ""]);
                    let has_foreign = deeds[0] == Deed::Taken || deeds[2] == Deed::Taken;
                    match label {
                        _ if is_unusable => assert!(OBJECTS.into_iter().all(same), "{name}: {report}"),
                        Some((_, "Terminating")) => assert!(OBJECTS.into_iter().all(same), "{name}: {report}"),
                        Some(("true", _)) if host.is_none() => {
                            assert!(is_silent() && same(BINDINGS), "{name}: {report}");
                            assert!(there(SECRETS).is_none_or(|secret| !is_ours(secret)), "{name}: {report}");
                        }
                        Some(("true", _)) if has_foreign => {
                            assert!(same(BINDINGS) && same(SECRETS), "{name}: {report}");
                            assert!(is_silent() || deeds[2] != Deed::Taken, "{name}: {report}");
                        }
                        Some(("true", _)) => {
                            let mut hosts = vec![host.unwrap().to_owned(), "local-registry:5000".to_owned()];
                            hosts.sort();
                            assert_eq!(server.good_for(name), hosts, "{name}: {report}");
                            let binding = there(BINDINGS).unwrap();
                            let is_right = binding["roleRef"]["name"] == "local-registry-push"
                                && binding["subjects"][0]["name"] == "local-registry-push";
                            assert!(is_right || !is_ours(binding), "{name}: {report}");
                            assert_eq!(there(ACCOUNTS).unwrap()["automountServiceAccountToken"], false);
                            let annotations = &there(SECRETS).unwrap()["metadata"]["annotations"];
                            let expires = annotations["local-registry-hosting/expires"].as_str().unwrap();
                            assert_eq!(server.promise(name), [expires, host.unwrap()]);
                        }
                        _ => assert!(OBJECTS.into_iter().all(|kind| there(kind).is_none_or(|object| !is_ours(object))), "{name}: {report}"),
                    }
                }
            }
            // Whatever is in line stays in line.
            shared.lock().writes.clear();
            look(&shared).await;
            assert_eq!(shared.lock().writes, [""; 0], "{report}");
        });
    }
}
