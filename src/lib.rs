//! The Kubewarden policy: waPC exports, payload in, response out, and the one call to the policy server.
//!
//! Every decision is made in `local-registry-core`. The guest never traps and never returns an error: for what it cannot
//! read, the answer is a rejection, or that the settings are invalid.

mod encode;
mod layout;
mod log;
mod lookup;
mod response;
mod validate;
mod validate_settings;

use kubewarden_policy_sdk::metadata::ProtocolVersion;
use wapc_guest::register_function;

/// The policy server calls this once for each instance, before any other function.
#[expect(unsafe_code, reason = "the policy server finds the function by its name")]
#[unsafe(no_mangle)]
pub extern "C" fn wapc_init() {
    register_function("validate", validate::validate);
    register_function("validate_settings", validate_settings::validate_settings);
    register_function("protocol_version", |_| encode::bytes(&ProtocolVersion::default()));
}
