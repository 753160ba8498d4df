//! What the agent knows of its cluster: what is declared, and where the Services are.

use std::collections::BTreeMap;

use local_registry_cluster::services::{ServiceName, ServiceSpec};
use local_registry_core::RuntimeHost;
use local_registry_declaration::{Data, DeclarationWarning, Declared, NAME, NAMESPACE};

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
    /// The names that the last usable declaration had. They still count while there is none.
    pub(super) names: Vec<RuntimeHost>,
    /// The Services that names lead to.
    pub(super) services: BTreeMap<ServiceName, KnownService>,
}

impl Default for Knowledge {
    fn default() -> Self {
        let message = "the ConfigMap was not read yet".to_owned();
        Self { state: State::Unknown, message, names: Vec::new(), services: BTreeMap::new() }
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
        let names = declared.names();
        (self.state, self.message) = match names.as_slice() {
            [] if !declared.is_there() => (State::Absent, format!("{declared}; what was declared before still counts")),
            [] => {
                let message = format!("no local registry is declared for nodes: {NAMESPACE}/{NAME} names no host");
                (State::Absent, message)
            }
            names => (State::Declared, pull_from(names, task)),
        };
        for warning in declared.warnings().iter().filter(|warning| matches!(warning, DeclarationWarning::Host(_))) {
            self.message = format!("{}; {warning}", self.message);
        }
        if !names.is_empty() {
            self.names = names;
        }
    }

    /// Takes in that the ConfigMap could not be read, and never was.
    pub(super) fn lose_declaration(&mut self, error: &str) {
        (self.state, self.message) = (State::Unknown, error.to_owned());
    }

    /// The Services that the names lead to.
    pub(super) fn wanted_services(&self, task: &NodeTask) -> Vec<ServiceName> {
        let services =
            self.names.iter().filter_map(|name| match Route::new(name, &task.addresses, &task.cluster_domain) {
                Route::Service { service, .. } => Some(service),
                Route::Url(_) | Route::Dns => None,
            });
        let mut services: Vec<ServiceName> = services.collect();
        services.sort();
        services.dedup();
        services
    }
}

fn pull_from(names: &[RuntimeHost], task: &NodeTask) -> String {
    let listed: Vec<&str> = names.iter().map(RuntimeHost::as_str).collect();
    let unused = task.addresses.iter().filter(|rule| !names.contains(rule.name()));
    let unused = unused.map(|rule| format!("; --address {rule} is about a name that is not declared"));
    format!("nodes pull from {}{}", listed.join(" and "), unused.collect::<String>())
}
