//! The programs that render manifests.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// Where they are.
pub(crate) struct Programs {
    pub(crate) kubectl: PathBuf,
    pub(crate) helm: PathBuf,
}

/// Runs a program in the repository's root, and returns what it prints. Errors name `what` it renders, and the `variable` that names
/// the program.
pub(crate) fn rendered(
    root: &Path,
    command: &mut Command,
    variable: &'static str,
    what: String,
) -> Result<String, Error> {
    let output = command.current_dir(root).output().map_err(|cause| Error::NoProgram {
        variable,
        program: command.get_program().into(),
        cause,
    })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(Error::NotRendered { what, reason: text(&output.stderr).trim_end().to_owned() })
    }
}
