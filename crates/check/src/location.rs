//! Where the program runs.

/// Where the program runs: pods may reach a registry that is out of reach elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In a pod of the cluster.
    InCluster,
    /// Outside the cluster. What pods reach is not known here.
    OutOfCluster,
}
