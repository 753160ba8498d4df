//! The reference page of the command line.

#[test]
fn the_reference_shows_the_help_of_every_command() {
    local_registry_testkit::reference::check(env!("CARGO_BIN_EXE_local-registry-sync"), "local-registry-sync");
}
