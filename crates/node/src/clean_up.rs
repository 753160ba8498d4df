//! `--clean-up`: the node without anything of the agent's.

use std::path::PathBuf;

use super::file_system::NodeFiles;
use super::files;
use super::report::{NameReport, NameResult, Report, State};
use super::task::NodeTask;

/// Removes every file that the agent wrote on this node, and its directories where nothing else is in them.
///
/// The cluster is not asked. What others wrote stays.
#[must_use]
pub fn clean_up(task: &NodeTask) -> Report {
    let files = NodeFiles::new(&task.paths.root);
    let failed = |name: String, error: String| NameReport {
        name,
        file: None,
        address: None,
        result: NameResult::Failed { error },
    };
    let remove = |path: PathBuf| {
        let name = path.display().to_string();
        if task.dry_run {
            return NameReport { name, file: Some(path), address: None, result: NameResult::WouldRemove };
        }
        match files::remove(&files, &path, &task.paths) {
            Ok(()) => NameReport { name, file: Some(path), address: None, result: NameResult::Removed },
            Err(error) => failed(name, error.to_string()),
        }
    };
    let names: Vec<NameReport> = match files::all(&files, task.runtime, &task.paths) {
        Ok(found) => found.into_iter().map(|file| remove(file.path)).collect(),
        Err(error) => vec![failed("files".to_owned(), error.to_string())],
    };
    let has_failed = names.iter().any(|name: &NameReport| name.result.is_fault());
    let message = match (names.is_empty(), has_failed, task.dry_run) {
        (true, ..) => "the node has no file of the agent's",
        (_, true, _) => "not all of the agent's files could be removed",
        (_, _, true) => "the agent's files would be removed (dry run)",
        _ => "the agent's files are removed",
    };
    Report { node: task.node.clone(), state: State::CleanUp, message: message.to_owned(), runtime: None, names }
}
