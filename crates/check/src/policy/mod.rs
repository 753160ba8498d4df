//! The policies: whether each is served, does what it is for, is asked about everything, and has the settings that the
//! cluster declares.
//!
//! `spec` says what is read of a policy, and `checked` in which order its links come. Each other file but `policies` is a
//! link.

mod checked;
mod lenient;
mod match_conditions;
mod module;
mod namespaces;
mod policies;
mod purpose;
mod rights;
mod rules;
mod runtime_host;
mod selectors;
mod settings;
mod spec;
mod state;
mod webhook;

pub(super) use self::policies::Policies;
