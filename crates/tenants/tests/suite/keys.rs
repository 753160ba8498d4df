//! The key in its Secret.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use local_registry_tenants::SigningKey;

use super::api_server::{ApiServer, State, ask, get};

/// The name of the key that a server signs with.
async fn key_of(api: &ApiServer) -> String {
    let answered = ask(&api.token_server().await, get(&[], None)).await;
    let token = answered.body["token"].as_str().unwrap().to_owned();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<serde_json::Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

/// The name of the key that the registry reads.
fn trusted(api: &ApiServer) -> String {
    let set = STANDARD.decode(&api.state().secret.as_ref().unwrap()["jwks.json"]).unwrap();
    serde_json::from_slice::<serde_json::Value>(&set).unwrap()["keys"][0]["kid"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn all_replicas_have_the_key_of_the_first_one() {
    let api = ApiServer::start(State::with_secret());
    let first = key_of(&api).await;
    assert_eq!((key_of(&api).await, trusted(&api)), (first.clone(), first));
    assert_eq!(api.state().version, 1, "it was written once");
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_was_not_the_first_takes_the_key_of_that_one() {
    let api = ApiServer::start(State { rivals: 2, ..State::with_secret() });
    let key = key_of(&api).await;
    assert_eq!(trusted(&api), key);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_emptied_gets_the_key_back_that_the_registry_trusts() {
    let api = ApiServer::start(State::with_secret());
    let _server = api.token_server().await;
    let before = trusted(&api);
    api.state().secret = Some(BTreeMap::new());
    tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    assert_eq!(trusted(&api), before);
}

#[tokio::test(start_paused = true)]
async fn a_new_replica_makes_no_key_while_another_one_has_that_of_the_registry() {
    let api = ApiServer::start(State::with_secret());
    let _server = api.token_server().await;
    let before = trusted(&api);
    for _ in 0..5 {
        api.state().secret = Some(BTreeMap::new());
        assert_eq!(key_of(&api).await, before);
        assert_eq!(trusted(&api), before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_without_its_public_half_is_made_whole() {
    let key = SigningKey::generate().unwrap();
    let data = BTreeMap::from([("key.der".to_owned(), STANDARD.encode(key.der()))]);
    let api = ApiServer::start(State { secret: Some(data), ..State::default() });
    assert_eq!(key_of(&api).await, key.id());
    assert_eq!(trusted(&api), key.id());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_read_is_left_alone() {
    let data = BTreeMap::from([("key.der".to_owned(), STANDARD.encode("not a key"))]);
    let api = ApiServer::start(State { secret: Some(data.clone()), ..State::default() });
    let answered = ask(&api.token_server().await, get(&[], None)).await;
    assert_eq!(answered.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(api.state().secret, Some(data));
}

#[tokio::test(start_paused = true)]
async fn without_a_secret_there_is_no_token_until_it_is_there() {
    let api = ApiServer::start(State::default());
    let server = api.token_server().await;
    assert_eq!(ask(&server, get(&[], None)).await.status, StatusCode::SERVICE_UNAVAILABLE);
    api.state().secret = Some(BTreeMap::new());
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    assert_eq!(ask(&server, get(&[], None)).await.status, StatusCode::OK);
}
