//! Promotions between real registries, of images that other programs made.

#![cfg(test)]

mod carried;
mod large;
mod makes;
mod many;
mod release;
mod signed;
