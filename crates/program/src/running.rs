//! A program that keeps running: until a signal, with what monitoring asks for, and a report where something has changed.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use local_registry_system::{Ended, print_line};

use crate::metrics::{Monitored, serve};

/// Runs until the work ends, or a signal stops it.
pub(crate) async fn until_stopped(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<bool> {
    if let Ended::Done(result) = local_registry_system::until_stopped(work).await? {
        result?;
    }
    tracing::info!("stopped");
    Ok(true)
}

/// Serves what monitoring asks for; without an address, never ends.
pub(crate) async fn listen<M: Monitored>(address: Option<SocketAddr>, metrics: Arc<M>) -> anyhow::Result<()> {
    match address {
        Some(address) => {
            match serve(address, metrics).await.with_context(|| format!("{address}: cannot listen there"))? {}
        }
        None => std::future::pending().await,
    }
}

/// Prints reports, but none that equals the last one.
pub(crate) struct Changes<R>(Option<R>);

impl<R> Default for Changes<R> {
    fn default() -> Self {
        Self(None)
    }
}

impl<R: Clone + PartialEq> Changes<R> {
    pub(crate) fn show(&mut self, report: &R, text: impl FnOnce(&R) -> serde_json::Result<String>) {
        if self.0.as_ref() == Some(report) {
            return;
        }
        print_report(text(report));
        self.0 = Some(report.clone());
    }
}

/// Prints a report. If that fails, the work goes on.
pub(crate) fn print_report(text: serde_json::Result<String>) {
    let printed = text.map_err(anyhow::Error::from).and_then(|text| Ok(print_line(&text)?));
    if let Err(error) = printed {
        tracing::error!(%error, "the report cannot be printed");
    }
}
