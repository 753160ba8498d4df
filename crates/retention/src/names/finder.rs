//! The images that a text names.

use std::collections::BTreeSet;

use local_registry_core::{Digest, ImageReference, RuntimeHost, Tag};

use super::host::host_at_end;

/// How many bytes of a text belong to an image at most: a path, a tag and a digest.
const LONGEST: usize = 255 + 1 + 128 + 1 + 71;
/// The hosts that runtimes write in front of an image that names no registry, and the folder that they add.
const DEFAULT_HOSTS: [&str; 2] = ["docker.io", "index.docker.io"];
const DEFAULT_FOLDER: &str = "library/";
/// The tag of an image that names neither a tag nor a digest.
const DEFAULT_TAG: &str = "latest";

/// Finds images of one registry in texts, by the names that it has.
#[derive(Debug, Clone)]
pub(crate) struct Finder {
    hosts: Vec<String>,
}

/// What a text names of a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mention {
    /// A tag, a digest or both.
    Image { path: String, tag: Option<Tag>, digest: Option<Digest> },
    /// A digest without a repository. Whoever writes both in fields of their own means the repositories of the same object.
    Digest(Digest),
}

impl Finder {
    /// For a registry with these names. A name of a Service counts in its short forms, too.
    pub(crate) fn new(names: impl IntoIterator<Item = RuntimeHost>) -> Self {
        let mut hosts: BTreeSet<String> = DEFAULT_HOSTS.map(str::to_owned).into();
        for name in names {
            hosts.extend(short_forms(&name));
            hosts.insert(name.to_string());
        }
        Self { hosts: hosts.into_iter().collect() }
    }

    /// Shows what a text names.
    pub(crate) fn find(&self, text: &str, show: &mut impl FnMut(Mention)) {
        self.find_in(text, show);
        // JSON within a text may escape its slashes.
        if text.contains("\\/") {
            self.find_in(&text.replace("\\/", "/"), show);
        }
    }

    fn find_in(&self, text: &str, show: &mut impl FnMut(Mention)) {
        whole(text, show);
        let mut at = 0;
        while let Some(slash) = text.get(at..).and_then(|rest| rest.find('/')) {
            let (before, after) = text.split_at(at + slash);
            if let Some(host) = host_at_end(before, &self.hosts) {
                references(host, after, show);
            }
            at += slash + 1;
        }
    }
}

/// A text that is an image without a registry as a whole, or a digest.
fn whole(text: &str, show: &mut impl FnMut(Mention)) {
    // Container runtimes put their names in front, as in `docker-pullable://`.
    let text = text.rsplit_once("://").map_or(text, |(_, rest)| rest);
    if let Ok(digest) = text.parse() {
        return show(Mention::Digest(digest));
    }
    if text.len() <= LONGEST
        && let Ok(reference) = ImageReference::parse(text)
        && reference.registry().is_none()
    {
        show_reference(&reference, show);
    }
}

/// The longest image that follows a host, and the same without what ends a sentence. `after` begins with the slash.
fn references(host: &str, after: &str, show: &mut impl FnMut(Mention)) {
    let is_of_a_reference = |byte: u8| byte.is_ascii_alphanumeric() || b"/._:@-".contains(&byte);
    let length = after.bytes().take(LONGEST + 1).take_while(|byte| is_of_a_reference(*byte)).count();
    let mut text = format!("{host}{}", after.get(..length).unwrap_or_default());
    while text.len() > host.len() + 1 {
        if let Ok(reference) = ImageReference::parse(&text) {
            show_reference(&reference, show);
            if text.ends_with(|last: char| last.is_ascii_alphanumeric()) {
                return;
            }
        }
        text.pop();
    }
}

fn show_reference(reference: &ImageReference<'_>, show: &mut impl FnMut(Mention)) {
    let digest: Option<Digest> = reference.digest().and_then(|digest| digest.parse().ok());
    let tag = reference.tag().or(digest.is_none().then_some(DEFAULT_TAG));
    let tag: Option<Tag> = tag.and_then(|tag| tag.parse().ok());
    let path = reference.path();
    if let Some(rest) = path.strip_prefix(DEFAULT_FOLDER) {
        show(Mention::Image { path: rest.to_owned(), tag: tag.clone(), digest: digest.clone() });
    }
    show(Mention::Image { path: path.to_owned(), tag, digest });
}

/// The shorter names of a Service, as pods may use them: `registry.infra.svc:5000` and `registry.infra:5000` of
/// `registry.infra.svc.cluster.local:5000`.
fn short_forms(name: &RuntimeHost) -> Vec<String> {
    let labels: Vec<&str> = name.name().split('.').collect();
    let port = name.port().map(|port| format!(":{port}")).unwrap_or_default();
    match labels.as_slice() {
        [service, namespace, "svc", ..] => {
            vec![format!("{service}.{namespace}.svc{port}"), format!("{service}.{namespace}{port}")]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn found(text: &str) -> BTreeSet<String> {
        let names = ["registry.infra.svc.cluster.local:5000", "local-registry:5000", "10.0.0.5:5000"];
        let finder = Finder::new(names.map(|name| name.parse().unwrap()));
        let mut found = BTreeSet::new();
        finder.find(text, &mut |mention| {
            found.insert(match mention {
                Mention::Image { path, tag, digest } => {
                    let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
                    let digest = digest.map(|digest| format!("@{digest}")).unwrap_or_default();
                    format!("{path}{tag}{digest}")
                }
                Mention::Digest(digest) => digest.to_string(),
            });
        });
        found
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let expected: BTreeSet<String> = expected.iter().map(|name| name.replace("HEX", HEX)).collect();
        assert_eq!(found(&text.replace("HEX", HEX)), expected, "{text}");
    }

    #[test]
    fn images_follow_the_names_of_the_registry() {
        check("local-registry:5000/team/app:v1", &["team/app:v1"]);
        check("registry.infra.svc.cluster.local:5000/team/app", &["team/app:latest"]);
        check("registry.infra.svc:5000/team/app:v1", &["team/app:v1"]);
        check("registry.infra:5000/team/app:v1", &["team/app:v1"]);
        check("REGISTRY.infra.svc.Cluster.local:5000/team/app:v1", &["team/app:v1"]);
        check("10.0.0.5:5000/team/app@sha256:HEX", &["team/app@sha256:HEX"]);
        check("local-registry:5000/team/app:v1@sha256:HEX", &["team/app:v1@sha256:HEX"]);
        check("docker-pullable://local-registry:5000/team/app@sha256:HEX", &["team/app@sha256:HEX"]);
        check("docker.io/team/app:v1", &["team/app:v1"]);
        check("docker.io/library/app:v1", &["app:v1", "library/app:v1"]);
        check("local-registry:5000/my.team/app:v1", &["my.team/app:v1"]);
        check("local-registry:5000/localhost/app:v1", &["localhost/app:v1"]);
    }

    #[test]
    fn images_are_found_within_texts() {
        check("BASE=local-registry:5000/team/base:v1,x=y", &["team/base:v1"]);
        check("FROM local-registry:5000/a/b:1\nFROM local-registry:5000/c/d\n", &["a/b:1", "c/d:latest"]);
        check(
            r#"{"image":"local-registry:5000/team/app:v1","x":"local-registry:5000/y/z:2"}"#,
            &["team/app:v1", "y/z:2"],
        );
        check(r#"{"image":"local-registry:5000\/team\/app:v1"}"#, &["team/app:v1"]);
        check("failed to pull image \"local-registry:5000/team/app:v1\": not found", &["team/app:v1"]);
        check("failed to pull local-registry:5000/team/app:v1: not found", &["team/app:v1"]);
        // It may be the end of the tag, or of the sentence.
        check("see local-registry:5000/team/app:v1.", &["team/app:v1", "team/app:v1."]);
        check("local-registry:5000/team/app:v1@sha256:0123", &["team/app:v1"]);
        check("oci://local-registry:5000/charts/x:1.0.0?y", &["charts/x:1.0.0"]);
        check("local-registry:5000/team/app:v1/more", &["team/app:v1"]);
        check("ä local-registry:5000/team/app:v1ü", &["team/app:v1"]);
    }

    #[test]
    fn a_whole_text_may_be_an_image_without_a_registry() {
        check("team/app:v1", &["team/app:v1"]);
        check("app", &["app:latest"]);
        check("team/app@sha256:HEX", &["team/app@sha256:HEX"]);
        check("docker-pullable://team/app@sha256:HEX", &["team/app@sha256:HEX"]);
        check("sha256:HEX", &["sha256:HEX"]);
        check("containerd://sha256:HEX", &["sha256:HEX"]);
        check("team/app:v1 and more", &[]);
    }

    #[test]
    fn other_registries_are_not_meant() {
        for text in [
            "my-local-registry:5000/team/app:v1",
            "local-registry:50001/team/app:v1",
            "quay.example/local-registry:5000/team/app:v1",
            "quay.example/team/app:v1",
            "registry.other:5000/team/app:v1",
            "local-registry:5000/",
            "",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn a_long_text_takes_no_time() {
        let text = "local-registry:5000/".to_owned() + &"a-".repeat(200_000);
        assert!(found(&text).len() <= 1);
        assert_eq!(found(&"local-registry:5000/".repeat(20_000)).len(), 1);
    }
}
