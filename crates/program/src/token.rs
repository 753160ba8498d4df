//! `local-registry-sync token`: the token server.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use local_registry_tenants::{TokenServer, TokenTask};

use crate::arguments::{Arguments, TokenArguments};
use crate::connection::cluster;
use crate::metrics::TokenMetrics;
use crate::running::{listen, until_stopped};
use crate::server::{Limits, serve};
use crate::tls::Tls;

/// The headers may have a token of the user's in them. An answer takes ten seconds at most.
const LIMITS: Limits = Limits {
    connections: 256,
    of_an_address: 16,
    beginning: Duration::from_secs(3),
    time: Duration::from_secs(15),
    headers: 32 * 1024,
};

pub(crate) async fn perform(arguments: &Arguments, token: &TokenArguments) -> anyhow::Result<bool> {
    let tls = match (&token.tls_certificate, &token.tls_key) {
        (Some(certificate), Some(key)) => Some(Tls::read(certificate, key)?),
        _ => None,
    };
    let metrics = Arc::new(TokenMetrics::default());
    let (service, audiences, secret) = (token.service.clone(), token.audiences.clone(), token.secret.clone());
    let task = TokenTask { service, audiences, secret };
    let counted = Arc::clone(&metrics);
    let server = TokenServer::new(cluster(arguments).await?, task, move |event| counted.record(event));
    let routes = server.routes();
    let serving = async {
        serve(token.address, routes, LIMITS, tls)
            .await
            .with_context(|| format!("{}: cannot listen there", token.address))
    };
    until_stopped(Box::pin(async {
        tokio::select! {
            never = server.keep_key(|is_there| metrics.set_ready(is_there)) => match never {},
            result = serving => result.map(|never| match never {}),
            result = listen(token.listen, Arc::clone(&metrics)) => result,
        }
    }))
    .await
}
