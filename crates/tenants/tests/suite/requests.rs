//! What clients are answered.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use super::api_server::{ApiServer, Fault, SERVICE, State, ask, ask_from, get};

const TOKEN: &str = "token-of-ci";
const CI: &str = "system:serviceaccount:team:ci";

fn with_ci() -> State {
    let mut state = State::with_secret();
    state.tokens.insert(TOKEN, CI);
    for verb in ["pull", "push"] {
        state.grant(CI, verb, "team", "*");
    }
    state.grant("system:anonymous", "pull", "", "*");
    state
}

#[tokio::test(start_paused = true)]
async fn a_token_gives_what_rbac_gives_and_leaves_out_the_rest() {
    let api = ApiServer::start(with_ci());
    let server = api.token_server().await;
    let scopes = ["repository:team/app:pull,push,delete", "repository:other/app:pull,push", "plugin:x:pull"];
    let answered = ask(&server, get(&scopes, Some(TOKEN))).await;
    assert_eq!(answered.status, StatusCode::OK);
    assert_eq!(answered.access(), ["repository:team/app:pull,push"]);
    let claims = answered.claims();
    assert_eq!([&claims["sub"], &claims["aud"]], [CI, SERVICE]);
    assert_eq!(answered.body["access_token"], answered.body["token"]);
    assert_eq!(answered.body["expires_in"], 240);
    assert_eq!(answered.body["refresh_token"], json!(null));
    assert_eq!(answered.headers["cache-control"], "no-store");

    let reviews = std::mem::take(&mut api.state().reviews);
    let audiences = json!({"token": TOKEN, "audiences": ["local-registry"]});
    assert_eq!(reviews[0], ("TokenReview".to_owned(), audiences));
    // Everything that the API server said of them, since rights may be bound to any of it.
    let expected = json!({
        "user": CI, "uid": "7", "groups": ["team"], "extra": {"of": ["it"]},
        "resourceAttributes": {
            "group": "registry.local-registry-hosting", "resource": "repositories",
            "verb": "pull", "namespace": "team", "name": "app",
        },
    });
    assert_eq!(reviews[1], ("SubjectAccessReview".to_owned(), expected));
    assert_eq!(reviews.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn whoever_says_nothing_is_judged_as_anonymous() {
    let api = ApiServer::start(with_ci());
    let server = api.token_server().await;
    let answered = ask(&server, get(&["repository:team/app:pull,push"], None)).await;
    assert_eq!(answered.access(), ["repository:team/app:pull"]);
    assert_eq!(answered.claims()["sub"], "system:anonymous");
    assert_eq!(api.state().reviews[0].1["groups"], json!(["system:unauthenticated"]));
    // Without a scope, a token says who somebody is, as `docker login` asks it.
    let answered = ask(&server, get(&[], Some(TOKEN))).await;
    assert_eq!(answered.access(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_repository_without_a_namespace_is_for_those_with_rights_in_the_whole_cluster() {
    let mut state = with_ci();
    state.grant(CI, "push", "", "shared");
    state.grant(CI, "list", "", "*");
    let api = ApiServer::start(state);
    let server = api.token_server().await;
    let scopes = ["repository:shared:push", "repository:team:push", "registry:catalog:*"];
    let answered = ask(&server, get(&scopes, Some(TOKEN))).await;
    assert_eq!(answered.access(), ["repository:shared:push", "registry:catalog:*"]);
    let attributes = api.state().reviews.iter().map(|(_, spec)| spec["resourceAttributes"].clone()).next_back();
    assert_eq!(attributes.unwrap()["namespace"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn a_form_is_answered_as_a_query_is() {
    let api = ApiServer::start(with_ci());
    let server = api.token_server().await;
    let form =
        format!("grant_type=password&username=x&password={TOKEN}&service={SERVICE}&scope=repository:team/app:push");
    let post = |form: String| Request::post("/token").body(Body::from(form)).unwrap();
    let answered = ask(&server, post(form)).await;
    assert_eq!(answered.access(), ["repository:team/app:push"]);
    let answered = ask(&server, post("grant_type=refresh_token&refresh_token=x".to_owned())).await;
    assert_eq!((answered.status, &answered.body["error"]), (StatusCode::BAD_REQUEST, &json!("unsupported_grant_type")));
    let answered = ask(&server, post("x".repeat(65 * 1024))).await;
    assert_eq!(answered.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(start_paused = true)]
async fn whom_the_cluster_does_not_know_gets_nothing() {
    let api = ApiServer::start(with_ci());
    let server = api.token_server().await;
    let answered = ask(&server, get(&["repository:team/app:pull"], Some("stolen"))).await;
    assert_eq!(answered.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answered.headers["www-authenticate"], r#"Basic realm="local-registry""#);
    let message = "the cluster does not accept the password as a token for the audience `local-registry`; it is no token, has expired, or was made for another audience";
    assert_eq!(answered.body["errors"], json!([{"code": "UNAUTHORIZED", "message": message}]));
    assert_eq!(answered.body["error"], "invalid_grant");
    // A password that is wrong is not one that is missing: anonymous might have got something.
    assert!(api.state().reviews.iter().all(|(kind, _)| kind == "TokenReview"));
}

#[tokio::test(start_paused = true)]
async fn an_authenticator_without_audiences_vouches_for_nobody() {
    let api = ApiServer::start(with_ci());
    let server = api.token_server().await;
    api.state().fault = Some(Fault::KnowsNoAudience);
    let answered = ask(&server, get(&["repository:team/app:pull"], Some(TOKEN))).await;
    assert_eq!(answered.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_does_not_answer_gives_nobody_a_token() {
    let api = ApiServer::start(with_ci());
    let server = api.token_server().await;
    for fault in [Fault::Silent, Fault::AboutElse, Fault::Forbids] {
        api.state().fault = Some(fault);
        for password in [Some(TOKEN), None] {
            let answered = ask(&server, get(&["repository:team/app:pull"], password)).await;
            assert_eq!(answered.status, StatusCode::SERVICE_UNAVAILABLE, "{fault:?} {answered:?}");
            assert_eq!(answered.body["errors"][0]["code"], "UNAVAILABLE");
            assert_eq!(answered.headers["retry-after"], "5");
        }
    }
    api.state().fault = None;
    let answered = ask(&server, get(&["repository:team/app:pull"], Some(TOKEN))).await;
    assert_eq!(answered.access(), ["repository:team/app:pull"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_request_for_a_token_asks_the_cluster_nothing() {
    let api = ApiServer::start(with_ci());
    let server = api.token_server().await;
    for (request, expected) in [
        (Request::get("/"), StatusCode::NOT_FOUND),
        (Request::get("/token/"), StatusCode::NOT_FOUND),
        (Request::put("/token"), StatusCode::METHOD_NOT_ALLOWED),
        (Request::get("/token"), StatusCode::BAD_REQUEST),
        (Request::get("/token?service=other&scope=repository:team/app:pull"), StatusCode::BAD_REQUEST),
        (
            Request::get(format!("/token?service={SERVICE}")).header("Authorization", "Bearer x"),
            StatusCode::UNAUTHORIZED,
        ),
        (
            Request::get(format!("/token?service={SERVICE}"))
                .header("Authorization", "Basic eDp5")
                .header("Authorization", "Basic eDp6"),
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let answered = ask(&server, request.body(Body::empty()).unwrap()).await;
        assert_eq!(answered.status, expected, "{answered:?}");
    }
    assert_eq!(api.state().reviews, []);
}

#[tokio::test(start_paused = true)]
async fn nobody_can_use_up_what_others_need() {
    let mut state = with_ci();
    state.tokens.insert("another", "system:serviceaccount:other:ci");
    let api = ApiServer::start(state);
    let server = api.token_server().await;
    let scopes: Vec<String> = (0..16).map(|number| format!("repository:team/app-{number}:*")).collect();
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let greedily = async |password| {
        let mut refused = 0;
        for _ in 0..20 {
            let answered = ask(&server, get(&scopes, password)).await;
            refused += usize::from(answered.status == StatusCode::TOO_MANY_REQUESTS);
        }
        assert!(refused > 0, "20 requests for 48 rights each were all answered");
    };
    let calls = api.state().reviews.len();
    greedily(None).await;
    assert!(api.state().reviews.len() - calls < 400, "an address may cause so many calls at once");
    // Whoever shares the address, and says who they are, is answered.
    let modestly = async |password| ask(&server, get(&["repository:team/app:pull"], password)).await.status;
    assert_eq!(modestly(Some(TOKEN)).await, StatusCode::OK);
    greedily(Some("another")).await;
    assert_eq!(modestly(Some(TOKEN)).await, StatusCode::OK);
    let elsewhere = ask_from([10, 0, 0, 2], server.routes(), get(&["repository:team/app:pull"], None)).await;
    assert_eq!(elsewhere.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_send_what_it_began_is_not_a_failure_of_ours() {
    let api = ApiServer::start(with_ci());
    let server = api.token_server().await;
    let endless = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let answered = ask(&server, Request::post("/token").body(endless).unwrap()).await;
    assert_eq!(answered.status, StatusCode::REQUEST_TIMEOUT);
}
