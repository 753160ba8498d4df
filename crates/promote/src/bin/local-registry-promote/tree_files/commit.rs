//! The files of a commit, by the program `git`.

use std::io;
use std::path::Path;
use std::process::{Command, Output};

use local_registry_core::Quoted;
use local_registry_core::text::Excerpt;
use local_registry_promote::TreeFiles;
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
    #[error("{} is a link in {commit}, and what it led to is not known; make it a file there first", Quoted(path))]
    Link { path: String, commit: String },
    #[error("git {command}: {reason}")]
    Failed { command: &'static str, reason: String },
}

/// Reads the folders `manifests` and `images` of a folder, as a commit has them.
///
/// # Errors
/// A [`GitError`] if there is no such commit, or no `git`.
pub(crate) fn read_commit(root: &Path, commit: &str) -> Result<TreeFiles, GitError> {
    let revision = format!("{commit}^{{commit}}");
    let arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", &revision];
    let output = git(root, &arguments)?;
    if !output.status.success() {
        let reason = if reason(&output).is_empty() { "git does not know it".to_owned() } else { reason(&output) };
        return Err(GitErrorKind::NoCommit { commit: commit.to_owned(), reason }.into());
    }
    let commit = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    // By the folder, not by the repository's root.
    let [manifests, images] = TreeFiles::FOLDERS;
    let listed = succeeded(root, "ls-tree", &["ls-tree", "-r", "-z", &commit, "--", manifests, images])?;
    let mut files = TreeFiles::default();
    for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        // `100644 blob HASH<tab>PATH`
        let entry = String::from_utf8_lossy(entry).into_owned();
        let Some((kind, path)) = entry.split_once('\t') else { continue };
        let path = path.to_owned();
        if kind.starts_with("120000") {
            return Err(GitErrorKind::Link { path, commit }.into());
        }
        if !TreeFiles::is_yaml(&path) {
            files.insert_other(path);
            continue;
        }
        match text(succeeded(root, "show", &["show", &format!("{commit}:./{path}")])?) {
            Ok(text) => files.insert(path, text),
            Err(reason) => files.insert_unreadable(path, reason),
        }
    }
    Ok(files)
}

/// The text of a file, or why it has none.
fn text(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.len() as u64 > LARGEST {
        return Err(format!("it has more than {LARGEST} bytes"));
    }
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

fn succeeded(root: &Path, command: &'static str, arguments: &[&str]) -> Result<Vec<u8>, GitError> {
    let output = git(root, arguments)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(GitErrorKind::Failed { command, reason: reason(&output) }.into())
}

fn git(root: &Path, arguments: &[&str]) -> Result<Output, GitErrorKind> {
    Command::new("git").arg("-C").arg(root).args(arguments).output().map_err(GitErrorKind::NotThere)
}

fn reason(output: &Output) -> String {
    Excerpt(String::from_utf8_lossy(&output.stderr).trim()).to_string()
}
