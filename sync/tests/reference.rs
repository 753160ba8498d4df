//! `docs/local-registry-sync.md` says what the program does.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test says what went wrong by panicking")]

#[test]
fn the_reference_is_what_the_program_says() {
    testkit::reference::check(env!("CARGO_BIN_EXE_local-registry-sync"), "local-registry-sync");
}
