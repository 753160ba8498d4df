//! The files of a commit, by the program `git`.
//!
//! The folder may be that of a change which nobody has reviewed. So git must neither take it for a repository of its own, whose
//! configuration names programs, nor fetch anything.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use local_registry_core::Quoted;
use local_registry_core::text::Excerpt;
use local_registry_promotion_tree::TreeFiles;
use thiserror::Error;

use super::folder::LARGEST;

/// Why the files of a commit are not known.
#[derive(Debug, Error)]
#[error(transparent)]
pub(crate) struct GitError(#[from] GitErrorKind);

#[derive(Debug, Error)]
enum GitErrorKind {
    #[error("`git` cannot be run, and `--base` needs it: {0}")]
    NotThere(io::Error),
    #[error("{} is not a commit that is here ({reason}); fetch it, as in `git fetch origin main`", Quoted(commit))]
    NoCommit { commit: String, reason: String },
    #[error("the folder is a bare repository, or in one; set `--root` to a folder of a working tree")]
    Bare,
    #[error(
        "{} of {commit} is not here; fetch the whole commit, as in `git fetch --refetch --no-filter`",
        Quoted(path)
    )]
    Missing { path: String, commit: String },
    #[error("git {command}: {reason}")]
    Failed { command: &'static str, reason: String },
}

/// Reads the folders `manifests` and `images` of a folder, as a commit has them.
///
/// # Errors
/// A [`GitError`] if there is no such commit, or no `git`.
pub(crate) fn read_commit(root: &Path, commit: &str) -> Result<TreeFiles, GitError> {
    check_repository(root)?;
    let revision = format!("{commit}^{{commit}}");
    let arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", &revision];
    let output = run(root, &arguments)?;
    if !output.status.success() {
        let reason = if reason(&output).is_empty() { "git does not know it".to_owned() } else { reason(&output) };
        return Err(GitErrorKind::NoCommit { commit: commit.to_owned(), reason }.into());
    }
    let commit = text(&output.stdout);
    // By the folder, not by the repository's root.
    let [manifests, images] = TreeFiles::FOLDERS;
    let listed = succeeded(root, "ls-tree", &["ls-tree", "-r", "-z", &commit, "--", manifests, images])?;
    let mut files = TreeFiles::default();
    let mut wanted: Vec<(String, String)> = Vec::new();
    for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        // `100644 blob HASH<tab>PATH`
        let entry = String::from_utf8_lossy(entry).into_owned();
        let Some((kind, path)) = entry.split_once('\t') else { continue };
        let (path, hash) = (path.to_owned(), kind.rsplit_once(' ').map_or(kind, |(_, hash)| hash).to_owned());
        let is_elsewhere = kind.starts_with("120000") || kind.starts_with("160000");
        // In the place of a folder, everything below is elsewhere.
        if is_elsewhere && (TreeFiles::is_yaml(&path) || path.split('/').count() < 3) {
            files.insert_unreadable(path, "it is a link or a submodule, and what it led to is not known");
        } else if TreeFiles::is_yaml(&path) {
            wanted.push((path, hash));
        } else {
            files.insert_other(path);
        }
    }
    read_blobs(root, &commit, &wanted, &mut files)?;
    Ok(files)
}

/// Checks that git does not take the folder, or one around it, for a bare repository. Versions before 2.38 do not know the
/// option that forbids it.
fn check_repository(root: &Path) -> Result<(), GitErrorKind> {
    let found = text(&succeeded(root, "rev-parse", &["rev-parse", "--absolute-git-dir"])?);
    let is_named = std::env::var_os("GIT_DIR").is_some();
    match (root.canonicalize(), Path::new(&found).canonicalize()) {
        (Ok(root), Ok(found)) if is_named || !root.starts_with(&found) => Ok(()),
        _ => Err(GitErrorKind::Bare),
    }
}

/// Reads all these files by one process.
fn read_blobs(
    root: &Path,
    commit: &str,
    wanted: &[(String, String)],
    files: &mut TreeFiles,
) -> Result<(), GitErrorKind> {
    let failed = |error: io::Error| GitErrorKind::Failed { command: "cat-file", reason: error.to_string() };
    let mut child = git(root, &["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(GitErrorKind::NotThere)?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(failed(io::Error::other("it has no pipes")));
    };
    let result = std::thread::scope(|scope| {
        // git may wait for its answers to be read before it reads on.
        scope.spawn(move || {
            let hashes: Vec<&str> = wanted.iter().map(|(_, hash)| hash.as_str()).collect();
            // What git did not read, it does not answer.
            let _ = input.write_all(format!("{}\n", hashes.join("\n")).as_bytes());
        });
        let mut output = BufReader::new(output);
        for (path, _) in wanted {
            match read_blob(&mut output).map_err(failed)? {
                Some(Ok(text)) => files.insert(path.as_str(), text),
                Some(Err(reason)) => files.insert_unreadable(path.as_str(), reason),
                None => return Err(GitErrorKind::Missing { path: path.clone(), commit: commit.to_owned() }),
            }
        }
        Ok(())
    });
    // It has nothing more to do.
    let _ = child.kill();
    let _ = child.wait();
    result
}

/// Reads one answer: the text of the file, or why it has none; `None` if the file is not there.
fn read_blob(output: &mut impl BufRead) -> io::Result<Option<Result<String, String>>> {
    let mut head = String::new();
    output.take(1 << 10).read_line(&mut head)?;
    if head.trim_end().ends_with(" missing") {
        return Ok(None);
    }
    // `HASH blob SIZE`
    let size = head.trim_end().rsplit_once(' ').and_then(|(_, size)| size.parse::<u64>().ok());
    let size = size.ok_or_else(|| io::Error::other(format!("its answer is {}", Quoted(head.trim_end()))))?;
    let mut bytes = Vec::new();
    let mut rest = output.take(size + 1);
    if size <= LARGEST {
        let read = rest.read_to_end(&mut bytes)?;
        if read as u64 <= size {
            return Err(io::Error::other("its answer is cut off"));
        }
        bytes.pop();
        return Ok(Some(String::from_utf8(bytes).map_err(|error| error.to_string())));
    }
    io::copy(&mut rest, &mut io::sink())?;
    Ok(Some(Err(format!("it has more than {LARGEST} bytes"))))
}

fn succeeded(root: &Path, command: &'static str, arguments: &[&str]) -> Result<Vec<u8>, GitErrorKind> {
    let output = run(root, arguments)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(GitErrorKind::Failed { command, reason: reason(&output) })
}

fn run(root: &Path, arguments: &[&str]) -> Result<Output, GitErrorKind> {
    git(root, arguments).output().map_err(GitErrorKind::NotThere)
}

/// `git` in a folder: it takes no files of that for its configuration, runs no other program, and fetches nothing.
fn git(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args([
        "-c",
        "safe.bareRepository=explicit",
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "core.fsmonitor=false",
    ]);
    command.args(arguments);
    for (name, value) in [
        ("GIT_NO_LAZY_FETCH", "1"),
        ("GIT_ALLOW_PROTOCOL", "none"),
        ("GIT_NO_REPLACE_OBJECTS", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
    ] {
        command.env(name, value);
    }
    command
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).trim().to_owned()
}

fn reason(output: &Output) -> String {
    Excerpt(String::from_utf8_lossy(&output.stderr).trim()).to_string()
}
