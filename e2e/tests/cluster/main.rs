//! Scenarios. Each starts its own control plane, and asserts what is stored there.

mod aliases;
mod asked;
mod chart;
mod check;
mod crds;
mod credentials;
mod fields;
mod guard;
mod kubewarden;
mod labelled;
mod lifecycle;
mod marks;
mod namespaced;
mod nodes;
mod outages;
mod portable_name;
mod quick_start;
mod resolution;
mod rights;
mod sync;
mod tokens;
mod upstream;
mod workload_guard;
mod workloads;
