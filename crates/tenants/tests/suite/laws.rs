//! For whatever rights there are and whatever is asked for: a token gives exactly what reviews give.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use local_registry_testkit::properties::config;
use proptest::prelude::*;

use super::api_server::{ApiServer, State, ask, get};

const USERS: [(&str, &str); 2] = [("token-a", "user-a"), ("token-b", "user-b")];

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::select(texts).prop_map(ToOwned::to_owned)
}

/// A right: the user, the verb, the namespace or the whole cluster, and the name or all.
fn right() -> impl Strategy<Value = [String; 4]> {
    let user = one_of(&["user-a", "user-b", "system:anonymous"]);
    let (verb, namespace) =
        (one_of(&["pull", "push", "delete", "list", "get", "*"]), one_of(&["", "team", "other", "app"]));
    (user, verb, namespace, one_of(&["*", "app", "app/web", "team/app", "team"])).prop_map(<[String; 4]>::from)
}

/// A scope, which may be nothing that anybody could be given.
fn scope() -> impl Strategy<Value = String> {
    let name = one_of(&[
        "app",
        "team/app",
        "team/app/web",
        "other/app",
        "team",
        "team/../other/app",
        "catalog",
        "TEAM/app",
        "team//app",
    ]);
    let kind = one_of(&["repository", "registry", "repository(plugin)", "x"]);
    let actions = proptest::collection::vec(one_of(&["pull", "push", "delete", "list", "*", "fly", ""]), 0..4);
    (kind, name, actions).prop_map(|(kind, name, actions)| format!("{kind}:{name}:{}", actions.join(",")))
}

proptest! {
    #![proptest_config(config(512, 27))]

    #[test]
    fn a_token_gives_what_reviews_give(
        rights in proptest::collection::btree_set(right(), 0..12),
        scopes in proptest::collection::vec(scope(), 0..6),
        caller in proptest::option::of(0..USERS.len()),
    ) {
        let (user, password) = caller.map_or(("system:anonymous", None), |at| (USERS[at].1, Some(USERS[at].0)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let (given, reviewed) = runtime.block_on(async {
            let state = State { rights: rights.clone(), tokens: USERS.into(), ..State::with_secret() };
            let api = ApiServer::start(state);
            let server = api.token_server().await;
            let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
            let answered = ask(&server, get(&scopes, password)).await;
            assert_eq!(answered.status, StatusCode::OK, "{answered:?}");
            let reviews = api.state().reviews.clone();
            (answered.access(), reviews)
        });
        // What was given, a right a line.
        let given: BTreeSet<String> = given
            .iter()
            .flat_map(|access| {
                let (target, actions) = access.rsplit_once(':').unwrap();
                actions.split(',').map(move |action| format!("{target}:{action}"))
            })
            .collect();
        // What RBAC gives of what was asked for, worked out from the scopes' texts alone.
        let may = |verb: &str, namespace: &str, name: &str| {
            rights.iter().any(|[of, what, place, object]| {
                of == user && what == verb && (place.is_empty() || place == namespace) && (object == "*" || object == name)
            })
        };
        let mut expected = BTreeSet::new();
        for scope in &scopes {
            let parts: Vec<&str> = scope.split(':').collect();
            let [kind, name, actions] = parts[..] else { panic!("{scope}") };
            for action in actions.split(',') {
                if (kind, name, action) == ("registry", "catalog", "*") && may("list", "", "") {
                    expected.insert("registry:catalog:*".to_owned());
                }
                if kind != "repository" || name.contains("..") || name.contains("//") || name.contains("TEAM") {
                    continue;
                }
                let (namespace, rest) = name.split_once('/').unwrap_or(("", name));
                for verb in ["pull", "push", "delete"].into_iter().filter(|verb| action == *verb || action == "*") {
                    if may(verb, namespace, rest) {
                        expected.insert(format!("repository:{name}:{verb}"));
                    }
                }
            }
        }
        prop_assert_eq!(given, expected, "{} {:?} {:?}", user, scopes, rights);
        // Nobody else's rights are asked for.
        for (kind, spec) in reviewed {
            prop_assert!(kind == "TokenReview" || spec["user"] == user, "{}", spec);
        }
    }
}
