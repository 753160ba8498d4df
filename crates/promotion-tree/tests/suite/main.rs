//! The files, as people and other programs write them.

#![cfg(test)]

mod laws;
mod upstream;
