//! Kubernetes for tests: a control plane, or a cluster of one node.
//!
//! etcd, kube-apiserver, kubectl and Helm are the real programs, and so are the policy and the sync job. The manifests are
//! those of the chart. `kubewarden` stands in for Kubewarden's controller, and `conversion` for Shipwright's conversion webhook.
//! `node` adds a node, on which pods run.

mod api_proxy;
mod balancer;
mod certificates;
mod chart;
mod cluster;
mod control_plane;
mod conversion;
mod fleet;
mod kubectl;
mod kubewarden;
mod layouts;
pub mod node;
mod objects;
mod process;
mod programs;
mod registries;
mod registry_pod;
mod shipwright;
mod snapshot;
mod template;
mod token_server;
mod undoing_webhook;
pub mod values;
mod webhook;

pub use api_proxy::{ApiProxy, Trouble};
pub use certificates::{Authority, Issued};
pub use chart::{Chart, NAMESPACE};
pub use cluster::{Crds, HOST, TestCluster, Watch};
pub use control_plane::ControlPlane;
pub use fleet::fleet;
pub use kubectl::{Answer, Kubectl};
pub use kubewarden::{Kubewarden, ModuleServer};
pub use layouts::{read_image, skopeo, write_layout};
pub use objects::{build, build_run, config_map, hello, in_v1alpha1, v1alpha1_build};
pub use process::{Process, eventually, free_port, memory, signal};
pub use programs::{helm, sync, upstream};
pub use registries::{LocalRegistry, Make, PromotionTree, ok, peak_memory, rival};
pub use registry_pod::{RegistryContainer, RegistryPod, Secrets};
pub use shipwright::{add_the_field, as_administrator};
pub use token_server::{TokenAnswer, TokenServer};
pub use undoing_webhook::UndoingWebhook;
