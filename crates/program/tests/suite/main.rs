//! The program as users start it.

#![cfg(test)]

mod program;
mod reference;
