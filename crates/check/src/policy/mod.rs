//! The policies: whether each is served, does what it is for, is asked about everything, and has the settings that the
//! cluster declares.
//!
//! `checked` says in which order the links of a policy come. Each other file but `policies` is a link.

mod checked;
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
mod state;
mod webhook;

pub(super) use self::policies::Policies;
