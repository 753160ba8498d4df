//! A Kubernetes control plane for tests: etcd, kube-apiserver and kubectl are the real ones, and so are
//! the policy, the sync job and everything under `deploy/`. What stands in for Kubewarden's controller
//! is in [`kubewarden`], and what stands in for Shipwright's conversion webhook in [`conversion`]; nothing stands
//! in for the rest of Shipwright's, since no image is built.

mod certificates;
mod cluster;
mod control_plane;
mod conversion;
mod kubectl;
mod kubewarden;
mod process;
mod programs;
mod undoing_webhook;
mod webhook;

pub use cluster::{Crds, HOST, TestCluster, Watch, build, build_run, config_map, hello};
pub use control_plane::ControlPlane;
pub use kubectl::{Answer, Kubectl};
pub use kubewarden::{Kubewarden, ModuleServer};
pub use process::{Process, eventually};
pub use programs::{policy as policy_module, root, upstream};
pub use undoing_webhook::UndoingWebhook;
