//! Signatures as cosign makes them, by keys and by certificates that the tests make.

#![cfg(test)]

mod authority;
mod bundles;
mod cosign;
mod envelopes;
mod hostile;
mod keyless;
mod maker;
mod payloads;
mod public_key;
