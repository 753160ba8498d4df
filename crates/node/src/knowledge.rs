//! What the agent knows of its cluster: what is declared, and where the Services are.

use std::collections::{BTreeMap, BTreeSet};

use local_registry_cluster::services::{ServiceName, ServiceSpec};
use local_registry_declaration::{Data, DeclarationWarning, Declared, NAME, NAMESPACE};

use super::name::Name;
use super::report::State;
use super::route::Route;
use super::task::NodeTask;

/// What is known of a Service: what is used of it, or `None` if there is no such Service; or why it is not known.
pub(super) type KnownService = Result<Option<ServiceSpec>, String>;

/// What the agent knows of its cluster.
#[derive(Debug, Clone)]
pub(super) struct Knowledge {
    /// What a report says of the declaration.
    pub(super) state: State,
    pub(super) message: String,
    /// The names that the last usable declaration had, and the portable one. They still count while there is none that can be
    /// used.
    pub(super) names: Vec<Name>,
    /// The Services that names lead to.
    pub(super) services: BTreeMap<ServiceName, KnownService>,
    /// The node's container runtime with its version, as its kubelet says; or why that is not known.
    pub(super) runtime: Result<String, String>,
}

impl Default for Knowledge {
    fn default() -> Self {
        let message = "the ConfigMap was not read yet".to_owned();
        let runtime = "the Node was not read yet".to_owned();
        Self { state: State::Unknown, message, names: Vec::new(), services: BTreeMap::new(), runtime: Err(runtime) }
    }
}

impl Knowledge {
    /// Takes in what the ConfigMap says; `None` if there is no ConfigMap.
    pub(super) fn learn_declaration(&mut self, data: Option<&Data>, task: &NodeTask) {
        let declared = data.map_or_else(|| Ok(Declared::absent()), |data| Declared::read(data, &task.allowed));
        let declared = match declared {
            Ok(declared) => declared,
            // A declaration that cannot be used changes nothing.
            Err(error) => {
                (self.state, self.message) = (State::Unusable, error.to_string());
                return;
            }
        };
        let names = Name::all(&declared);
        (self.state, self.message) = match names.as_slice() {
            [] if !declared.is_there() => (State::Absent, declared.to_string()),
            [] => {
                let message = format!("no local registry is declared for nodes: {NAMESPACE}/{NAME} names no host");
                (State::Absent, message)
            }
            names => (State::Declared, pull_from(names, task)),
        };
        for warning in declared.warnings().iter().filter(|warning| matches!(warning, DeclarationWarning::Host(_))) {
            self.message = format!("{}; {warning}", self.message);
        }
        self.names = names;
    }

    /// Takes in that the ConfigMap could not be read, and never was.
    pub(super) fn lose_declaration(&mut self, error: &str) {
        (self.state, self.message) = (State::Unknown, error.to_owned());
    }

    /// Takes in what the kubelet says of the container runtime.
    pub(super) fn learn_runtime(&mut self, answer: Result<Option<String>, String>) {
        self.runtime = answer.and_then(|runtime| runtime.ok_or_else(|| "the Node does not say it".to_owned()));
    }

    /// The Services that these names lead to.
    pub(super) fn services_of<'n>(names: impl IntoIterator<Item = &'n Name>, task: &NodeTask) -> BTreeSet<ServiceName> {
        let routes = names.into_iter().map(|name| Route::new(name, &task.addresses, &task.cluster_domain));
        routes
            .filter_map(|route| match route {
                Route::Service { service, .. } => Some(service),
                Route::Url(_) | Route::Dns => None,
            })
            .collect()
    }
}

fn pull_from(names: &[Name], task: &NodeTask) -> String {
    let listed: Vec<&str> = names.iter().map(Name::as_str).collect();
    let unused = task.addresses.iter().filter(|rule| names.iter().all(|name| name.host != *rule.name()));
    let unused = unused.map(|rule| format!("; --address {rule} is about a name that is not declared"));
    format!("nodes pull from {}{}", listed.join(" and "), unused.collect::<String>())
}
