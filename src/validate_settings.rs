//! The waPC function `validate_settings`, which the policy server calls when it loads the policy.

use kubewarden_policy_sdk::settings::SettingsValidationResponse;
use local_registry_core::Settings;
use wapc_guest::CallResult;

use crate::encode;
use crate::log::{Level, log};

/// Answers `valid: false` with everything that is wrong. After an error or a trap here, the whole policy server would not
/// start and would not say why.
pub(crate) fn validate_settings(payload: &[u8]) -> CallResult {
    let response = match Settings::parse(payload) {
        Ok((_, warnings)) => {
            for warning in warnings {
                log(Level::Warning, &warning.to_string(), ());
            }
            SettingsValidationResponse { valid: true, message: None }
        }
        Err(error) => SettingsValidationResponse { valid: false, message: Some(error.to_string()) },
    };
    encode::bytes(&response)
}
