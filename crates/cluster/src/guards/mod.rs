//! The guards: `ValidatingAdmissionPolicies`, by which the API server refuses by itself what no policy has seen.

mod faults;
mod found;
mod guard;

pub use self::faults::GuardFault;
pub use self::found::FoundGuard;
pub use self::guard::Guard;
