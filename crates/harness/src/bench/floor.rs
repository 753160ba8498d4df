//! The least that a mutation costs: a guest that answers with a constant.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use tempfile::TempDir;

/// A policy in a temporary file that gives the same answer to any request.
///
/// It costs more than a policy that does nothing only because its answer is larger: the answer is copied out of the
/// guest and, in a policy server, compared with the object. No policy that changes the object can cost less.
pub(super) struct Floor {
    folder: TempDir,
}

impl Floor {
    /// Writes the module that answers `validate` like this.
    pub(super) fn answering(answer: &[u8]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let module = wat::parse_str(text(answer)).context("the module of the constant answer")?;
        let floor = Self { folder };
        std::fs::write(floor.path(), module)?;
        Ok(floor)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("floor.wasm")
    }
}

/// The module as text. It recognises the functions `validate`, `protocol_version` and `validate_settings` by the length
/// of their names. Like any guest, it copies the request into its memory, after its own data.
fn text(answer: &[u8]) -> String {
    let (settings, version) = (r#"{\"valid\":true}"#, r#"\"v1\""#);
    let (settings_size, version_size) = (settings.replace('\\', "").len(), version.replace('\\', "").len());
    let answer_at = 1024;
    let request_at = answer_at + answer.len();
    // Enough for a request of the answer's size, and one page more.
    let pages = (request_at + answer.len() + 0x1_0000) / 0x1_0000 + 1;
    let mut data = String::with_capacity(3 * answer.len());
    for byte in answer {
        let _ = write!(data, "\\{byte:02x}");
    }
    format!(
        r#"(module
          (import "wapc" "__guest_request" (func $request (param i32 i32)))
          (import "wapc" "__guest_response" (func $respond (param i32 i32)))
          (memory (export "memory") {pages})
          (data (i32.const 0) "{settings}")
          (data (i32.const 64) "{version}")
          (data (i32.const {answer_at}) "{data}")
          (func (export "__guest_call") (param $name i32) (param $payload i32) (result i32)
            (call $request (i32.const 512) (i32.const {request_at}))
            (if (i32.eq (local.get $name) (i32.const 8))
              (then (call $respond (i32.const {answer_at}) (i32.const {size})))
              (else (if (i32.eq (local.get $name) (i32.const 16))
                (then (call $respond (i32.const 64) (i32.const {version_size})))
                (else (call $respond (i32.const 0) (i32.const {settings_size}))))))
            (i32.const 1)))"#,
        size = answer.len(),
    )
}
