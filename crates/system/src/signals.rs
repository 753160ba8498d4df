//! Signals that stop the work.

use std::fmt;
use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// A signal by which a program is told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: the system, or Kubernetes.
    Terminate,
    /// SIGINT: somebody at a terminal.
    Interrupt,
}

/// How work has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended<T> {
    /// By itself, with this result.
    Done(T),
    /// By a signal. What was not done is left as it is.
    Stopped(Signal),
}

/// A signal cannot be received.
#[derive(Debug, thiserror::Error)]
#[error("{signal} cannot be received")]
pub struct SignalError {
    signal: Signal,
    source: io::Error,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        })
    }
}

/// Works until the end, or until a signal stops it.
///
/// ```
/// use local_registry_system::{Ended, until_stopped};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), local_registry_system::SignalError> {
/// assert_eq!(until_stopped(async { 7 }).await?, Ended::Done(7));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If signals cannot be received. Then the work is not begun.
pub async fn until_stopped<T>(work: impl Future<Output = T>) -> Result<Ended<T>, SignalError> {
    let receive = |which, kind| signal(kind).map_err(|source| SignalError { signal: which, source });
    let mut terminate = receive(Signal::Terminate, SignalKind::terminate())?;
    let mut interrupt = receive(Signal::Interrupt, SignalKind::interrupt())?;
    Ok(tokio::select! {
        result = work => Ended::Done(result),
        _ = terminate.recv() => Ended::Stopped(Signal::Terminate),
        _ = interrupt.recv() => Ended::Stopped(Signal::Interrupt),
    })
}
