//! The formats: what each file says, and what is wrong with it, to the character.

pub(crate) mod add;
mod fields;
pub(crate) mod images;
pub(crate) mod registries;
pub(crate) mod registry_name;
pub(crate) mod rules;
pub(crate) mod yaml;
