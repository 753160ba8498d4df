//! Namespaces that an operator has labelled.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;

use crate::call::Call;
use crate::connection::Cluster;
use crate::follow::{Content, FollowedAll, Pace, Place, Selection, Watch};

/// A label by which an operator asks for something in a namespace. Its value is `true`.
pub trait NamespaceLabel: fmt::Debug + Clone + Default + PartialEq + Send + 'static {
    /// The label.
    const LABEL: &'static str;
}

/// What is used of a namespace that has a label.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, bound = "")]
pub struct LabelledNamespace<L: NamespaceLabel> {
    phase: Option<String>,
    #[serde(skip)]
    label: String,
    #[serde(skip)]
    has: PhantomData<L>,
}

impl<L: NamespaceLabel> Content for LabelledNamespace<L> {
    const KIND: &'static str = "Namespace";
    const PLURAL: &'static str = "namespaces";
    const FIELD: &'static str = "status";
    const LABEL: Option<&'static str> = Some(L::LABEL);

    fn note_label(&mut self, value: &str) {
        value.clone_into(&mut self.label);
    }
}

/// The namespaces that have a label, by what they ask for.
#[derive(Debug, Default)]
pub struct Asking<'a> {
    /// Those that ask for it.
    pub labelled: BTreeSet<&'a str>,
    /// Those with another value of the label, which is likely a typo: its value.
    pub mislabelled: BTreeMap<&'a str, &'a str>,
    /// Those that are being deleted, so that nothing can be made in them.
    pub terminating: BTreeSet<&'a str>,
}

impl<'a> Asking<'a> {
    /// What was seen of the namespaces; `None` if they were not read yet.
    #[must_use]
    pub fn of<L: NamespaceLabel>(namespaces: &'a FollowedAll<LabelledNamespace<L>>) -> Option<Self> {
        let mut asking = Self::default();
        for (Place { name, .. }, namespace) in namespaces.seen()? {
            match namespace.label.as_str() {
                _ if namespace.phase.as_deref() == Some("Terminating") => drop(asking.terminating.insert(name)),
                "true" => drop(asking.labelled.insert(name)),
                other => drop(asking.mislabelled.insert(name, other)),
            }
        }
        Some(asking)
    }
}

impl Cluster {
    /// Follows the namespaces with a label. Pages of their list come at this pace, if there is one.
    #[must_use]
    pub fn follow_namespaces<L: NamespaceLabel>(&self, pace: Option<&Pace>) -> FollowedAll<LabelledNamespace<L>> {
        let call = |verb| Call {
            subject: format!("namespaces with the label {}", L::LABEL),
            verb,
            resource: "namespaces".to_owned(),
        };
        let watch = Watch::new(self.client.clone(), Selection::Labelled(L::LABEL), self.ended_watches(), call);
        FollowedAll::new(match pace {
            Some(pace) => watch.paced(pace),
            None => watch,
        })
    }
}
