//! One policy: whether it is served, does what it is for, is asked about everything, and has the settings that the
//! cluster declares.

mod match_conditions;
mod purpose;
mod rights;
mod rules;
mod runtime_host;
mod selectors;
mod settings;
mod state;
mod subject;

pub(super) use self::match_conditions::match_conditions;
pub(super) use self::purpose::purpose;
pub(super) use self::rights::rights;
pub(super) use self::rules::rules;
pub(super) use self::runtime_host::runtime_host;
pub(super) use self::selectors::{object_selector, selectors};
pub(super) use self::settings::settings;
pub(super) use self::state::state;
pub(super) use self::subject::Subject;
