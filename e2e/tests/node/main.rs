//! Scenarios on a real node, and what the container runtimes read of the agent's files.
//!
//! The scenarios share one node, and run one after another, in the order of their names: those with the same kit follow each
//! other, so that it is seldom applied anew.

#![cfg(test)]

mod admission;
mod agent;
mod alias;
mod builds;
mod chain;
mod check;
mod garbage;
mod hosts_toml;
mod http;
mod kit;
mod knative;
mod not_installed;
mod outside;
mod portable_name;
mod pulls;
mod pushes;
mod real;
mod registries_conf;
mod runtime;
mod with_auth;
mod with_s3;
mod with_tenants;
mod with_tls;
