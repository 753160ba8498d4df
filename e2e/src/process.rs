//! Programs that run during a test, and end with it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// How long [`eventually`] waits.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// A program that is killed when it is dropped. If the test failed, its output is shown.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the program. What it prints goes to the file `log`.
    #[must_use]
    pub fn spawn(command: &mut Command, log: &Path) -> Self {
        let output = File::options().create(true).append(true).open(log).unwrap();
        let errors = output.try_clone().unwrap();
        let child = command.stdout(output).stderr(errors).spawn().unwrap_or_else(|error| {
            panic!("{}: cannot be run: {error}", command.get_program().to_string_lossy());
        });
        Self { child, log: log.to_owned() }
    }

    /// What it has printed, on stdout and stderr.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A figure of its memory in KiB, by the name in `/proc/PID/status`: `VmRSS` is the memory now, `VmHWM` the peak.
    #[must_use]
    pub fn memory(&self, name: &str) -> u64 {
        memory(self.child.id(), name)
    }

    /// How many files and connections it has open.
    #[must_use]
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// The peak of its memory in KiB; `None` if it has ended.
    #[must_use]
    pub fn peak(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    }

    /// How long it has used a processor, in seconds.
    #[must_use]
    pub fn processor_seconds(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // The name may have spaces, and ends with the last bracket. The 12th and 13th fields after it count hundredths.
        let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it ends, and returns its exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Sends SIGTERM, waits until it ends, and returns its exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        signal(self.child.id(), "TERM");
        self.child.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines.get(lines.len().saturating_sub(30)..).unwrap_or_default();
            eprintln!("--- {}\n{}", self.log.display(), last.join("\n"));
        }
    }
}

/// A figure of a process's memory, as [`Process::memory`] says.
#[must_use]
pub fn memory(process: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Sends a process a signal, by its name without `SIG`.
pub fn signal(process: u32, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).status().unwrap();
    assert!(sent.success());
}

/// A free TCP port of the loopback interface.
#[must_use]
pub fn free_port() -> u16 {
    local_registry_harness::port::free_port().unwrap()
}

/// Asks again and again until there is an answer. After two minutes, the test fails; `what` says what it waited for.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < LONGEST_WAIT, "waited two minutes for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
