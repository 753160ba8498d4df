//! Docker's programs that keep credentials: `docker-credential-NAME get`, with a registry on stdin, and JSON on stdout.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use local_registry_core::Quoted;
use serde::Deserialize;
use thiserror::Error;

use super::credential::Credential;

/// How long a program may take. It may ask a server, but nobody who types.
const DEADLINE: Duration = Duration::from_secs(30);
/// How many bytes an answer may have.
const LONGEST: usize = 64 << 10;
/// How many pauses after its end nothing may come, before its output counts as whole.
const QUIET: u32 = 20;
/// How often it is looked whether the program has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// Why a program gave no credentials. What it says is never quoted: there may be secrets in it.
#[derive(Debug, Error)]
pub(crate) enum HelperError {
    #[error("is not the name of a program; write what follows `docker-credential-`")]
    Name,
    #[error("is not there; install it in a folder of `PATH`, or take it out of that file")]
    NotThere,
    #[error("cannot be run: {0}")]
    NotRun(std::io::Error),
    #[error("did not end within {} seconds", DEADLINE.as_secs())]
    Hangs,
    #[error("was stopped")]
    Stopped,
    #[error("gave more than {LONGEST} bytes")]
    TooLong,
    #[error("failed ({0})")]
    Failed(ExitStatus),
    #[error("gave no credentials, which are an object with `Username` and `Secret`")]
    Answer,
}

/// Stops a program once nobody waits for it any more.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

/// Stops when it is dropped.
pub(crate) struct StopOnDrop(pub(crate) Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Asks a program for the credentials of a registry; `None` if it has none. Waits for it, without a task.
pub(crate) fn ask(name: &str, server: &str, stop: &Stop) -> Result<Option<Credential>, String> {
    let program = format!("docker-credential-{name}");
    run(&program, server, stop).map_err(|error| format!("the helper {} {error}", Quoted(&program)))
}

fn run(program: &str, server: &str, stop: &Stop) -> Result<Option<Credential>, HelperError> {
    // A path would not be looked for in `PATH`.
    if program.contains('/') {
        return Err(HelperError::Name);
    }
    let spawned =
        Command::new(program).arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = spawned.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => HelperError::NotThere,
        _ => HelperError::NotRun(error),
    })?;
    let answer = answer(&mut child, server, stop);
    // Whatever it still does, nobody waits for.
    let _ = child.kill();
    let status = child.wait().map_err(HelperError::NotRun)?;
    let answer = answer?;
    if !status.success() {
        // Docker's helpers say in words that there are none.
        let has_none = String::from_utf8_lossy(&answer).contains("credentials not found");
        return if has_none { Ok(None) } else { Err(HelperError::Failed(status)) };
    }
    let Answer { username, secret } = serde_json::from_slice(&answer).map_err(|_| HelperError::Answer)?;
    Ok(Some(Credential::of(username, secret)))
}

/// What a program prints until it ends. Another program that it has started may keep its output open.
fn answer(child: &mut Child, server: &str, stop: &Stop) -> Result<Vec<u8>, HelperError> {
    if let Some(mut input) = child.stdin.take() {
        // A program that knows the answer need not read the question.
        let _ = input.write_all(server.as_bytes());
    }
    let Some(mut output) = child.stdout.take() else { return Err(HelperError::Answer) };
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut piece) {
            // Nobody may wait for it any more.
            if sender.send(piece.get(..length).unwrap_or_default().to_vec()).is_err() {
                return;
            }
        }
    });
    let deadline = Instant::now() + DEADLINE;
    let (mut answer, mut quiet) = (Vec::new(), 0);
    loop {
        match receiver.recv_timeout(PAUSE) {
            Ok(piece) => answer.extend(piece),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if quiet == QUIET => break,
            // Since it has ended, nothing came.
            Err(RecvTimeoutError::Timeout) if child.try_wait().map_err(HelperError::NotRun)?.is_some() => quiet += 1,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if answer.len() > LONGEST {
            return Err(HelperError::TooLong);
        }
        check(deadline, stop)?;
    }
    // It has closed its output, and ends.
    while child.try_wait().map_err(HelperError::NotRun)?.is_none() {
        check(deadline, stop)?;
        thread::sleep(PAUSE);
    }
    Ok(answer)
}

fn check(deadline: Instant, stop: &Stop) -> Result<(), HelperError> {
    if stop.0.load(Ordering::Relaxed) {
        return Err(HelperError::Stopped);
    }
    if Instant::now() > deadline { Err(HelperError::Hangs) } else { Ok(()) }
}
