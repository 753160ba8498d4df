//! Namespaces whose label has another value than `true`, which is likely a typo.

use std::collections::BTreeMap;

use local_registry_core::Quoted;

use crate::link::Link;
use crate::names::Names;

/// The link about these namespaces and the values of their label, if there are any.
pub(super) fn mislabelled(link: &str, label: &str, values: &BTreeMap<&str, &str>) -> Option<Link> {
    let mut names = Names::default();
    for (namespace, value) in values {
        names.push(|| format!("{namespace} ({})", Quoted(value)));
    }
    (names.count() > 0).then(|| {
        Link::warning(link, format!("the label {label} has another value than true, so it brings none: {names}"))
            .remedy("write true, or remove the label")
    })
}
