//! The program as users start it.

#![cfg(test)]

mod declarations;
mod program;
mod prune;
mod reference;
