//! Promotions between real registries, of images that other programs made.

#![cfg(test)]

mod large;
mod layouts;
mod makes;
mod many;
mod release;
