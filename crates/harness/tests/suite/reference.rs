//! `docs/harness.md` shows the program's help.

#[test]
fn the_reference_page_shows_the_help_of_the_program() {
    local_registry_testkit::reference::check(env!("CARGO_BIN_EXE_harness"), "harness");
}
