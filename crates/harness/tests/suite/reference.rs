//! `docs/harness.md` shows the program's help.

#[test]
fn the_reference_page_shows_the_help_of_the_program() {
    testkit::reference::check(env!("CARGO_BIN_EXE_harness"), "harness");
}
