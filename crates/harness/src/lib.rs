//! Runs the built policy in the engine that the policy server uses: waPC on Wasmtime, with a fresh instance for every
//! request.
//!
//! A development tool. With a cluster, use Kubewarden's own `kwctl` and policy server.
//!
//! Rooms, each using only those before it: [`objects`] finds Kubernetes objects, [`capabilities`] answers the guest's
//! calls with them, [`engine`] runs the guest, [`review`] reads and writes AdmissionReviews, and `serve` and `bench`
//! use them all. What `harness run` does not need is behind a feature, so that a first `make run` does not compile it.

#[cfg(feature = "bench")]
pub mod bench;
pub mod capabilities;
pub mod diff;
pub mod engine;
pub mod metadata;
pub mod objects;
pub mod port;
pub mod review;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(any(feature = "bench", feature = "cluster", feature = "serve"))]
mod tls;
