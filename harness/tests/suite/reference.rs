//! `docs/harness.md` says what the program does.

#[test]
fn the_reference_is_what_the_program_says() {
    testkit::reference::check(env!("CARGO_BIN_EXE_harness"), "harness");
}
