//! The built module in its engine, and the harness as a program.

#![cfg(test)]

mod bench;
mod cluster;
mod conditions;
mod decisions;
mod guard;
mod laws;
mod lookup;
mod match_conditions;
mod module;
mod payload;
mod program;
mod reference;
mod robustness;
mod serve;
mod workload_laws;
