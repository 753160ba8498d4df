//! The OCI's conformance suite against the registry, as the chart configures it in each combination of its parts. What is expected of
//! it is in `e2e/conformance/expected.yaml`.

#![cfg(test)]

mod expected;
mod kinds;
mod rows;
mod suite;
