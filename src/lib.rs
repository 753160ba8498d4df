//! The Kubewarden policy: waPC exports, payload in, response out, and the one call to the host.
//!
//! Everything that is decided is decided in `local-registry-core`. The guest never traps and never
//! answers with an error of its own: what it cannot read is a rejection, or settings that are not valid.

mod json;
mod layout;
mod log;
mod lookup;
mod response;
mod validate;
mod validate_settings;

use kubewarden_policy_sdk::metadata::ProtocolVersion;
use wapc_guest::register_function;

/// Called by the host once for each instance, before any other function.
#[allow(unsafe_code, reason = "the host finds the function by its name")]
#[unsafe(no_mangle)]
pub extern "C" fn wapc_init() {
    register_function("validate", validate::validate);
    register_function("validate_settings", validate_settings::validate_settings);
    register_function("protocol_version", |_| json::json(&ProtocolVersion::default()));
}
