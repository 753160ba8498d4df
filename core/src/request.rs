//! The payload that a policy server hands to the policy: an AdmissionRequest, and the settings.

use crate::edit::{EditError, Edits};
use crate::fields::{self, Kind, Version};
use crate::json::Mask::{self, Fields, Scalar};
use crate::json::{Entry, Node};
use crate::reader::JsonError;
use crate::settings;

/// What the policy reads of `{"request": AdmissionRequest, "settings": …}`.
///
/// The rest of the payload, and of the objects in it, is skipped unread.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    text: &'a str,
    payload: Node<'a>,
    subject: Subject,
}

/// What a request is about, as far as it concerns us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Another kind, operation or sub-resource.
    Other,
    /// A Build or BuildRun in an API version that this policy does not know.
    UnknownVersion(Kind),
    /// A Build or BuildRun that is created or updated.
    Ours(Kind, Version, Operation),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Update,
}

/// The payload is not what a policy server sends. The message never quotes it: it may hold secrets.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// The payload is not UTF-8.
    #[error("the policy's payload is not UTF-8; expected a JSON object with `request` and `settings`")]
    NotUtf8,
    /// The payload is no JSON.
    #[error("the policy's payload is not valid JSON ({0}); expected an object with `request` and `settings`")]
    NotJson(JsonError),
    /// The payload is another JSON value.
    #[error("the policy's payload is {0}; expected an object with `request` and `settings`")]
    NotAnObject(&'static str),
    /// A field is absent or of another type.
    #[error("`{field}` is {found} in the policy's payload; expected {expected}")]
    Field {
        /// The field's path.
        field: &'static str,
        /// What stands there.
        found: &'static str,
        /// What an AdmissionRequest has there.
        expected: &'static str,
    },
}

const PAYLOAD: Mask = Fields(&[
    ("settings", settings::MASK),
    (
        "request",
        Fields(&[
            ("kind", Fields(&[("group", Scalar), ("version", Scalar), ("kind", Scalar)])),
            ("subResource", Scalar),
            ("name", Scalar),
            ("namespace", Scalar),
            ("operation", Scalar),
            ("object", fields::OBJECT),
            ("oldObject", fields::OBJECT),
            ("dryRun", Scalar),
        ]),
    ),
]);

impl<'a> Request<'a> {
    /// Reads the payload of the waPC function `validate`.
    ///
    /// # Errors
    /// A [`PayloadError`] where it is no AdmissionRequest.
    pub fn parse(payload: &'a [u8]) -> Result<Self, PayloadError> {
        let text = std::str::from_utf8(payload).map_err(|_| PayloadError::NotUtf8)?;
        let payload = Node::parse(text, PAYLOAD).map_err(PayloadError::NotJson)?;
        let subject = subject(&payload)?;
        Ok(Self { text, payload, subject })
    }

    /// The operation as the API server names it.
    #[must_use]
    pub fn operation(&self) -> &str {
        self.text_at(&["operation"])
    }

    /// The kind of the object.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.text_at(&["kind", "kind"])
    }

    /// The version of the object.
    #[must_use]
    pub fn version(&self) -> &str {
        self.text_at(&["kind", "version"])
    }

    /// The object's namespace; empty where there is none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.text_at(&["namespace"])
    }

    /// The object's name; empty where the API server will generate one.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text_at(&["name"])
    }

    /// Appends the object under admission, with the edits made, to `out`.
    ///
    /// # Errors
    /// Where the object has a scalar where the edits need an object.
    pub fn apply(&self, edits: &Edits, out: &mut String) -> Result<(), EditError> {
        let Node::Object(payload) = &self.payload else { return Ok(()) };
        let Some(Node::Object(request)) = payload.entry("request").map(|entry| &entry.value) else { return Ok(()) };
        let Some(Entry { value: Node::Object(object), span, .. }) = request.entry("object") else { return Ok(()) };
        edits.apply(object, self.text, span.clone(), out)
    }

    /// Whether nothing of the request will be stored.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.payload.field("request").and_then(|request| request.field("dryRun")) == Some(&Node::Bool(true))
    }

    pub(crate) fn subject(&self) -> Subject {
        self.subject
    }

    pub(crate) fn settings(&self) -> Option<&Node<'a>> {
        self.payload.field("settings")
    }

    pub(crate) fn object(&self) -> Option<&Node<'a>> {
        self.payload.field("request")?.field("object")
    }

    pub(crate) fn old_object(&self) -> Option<&Node<'a>> {
        self.payload.field("request")?.field("oldObject")
    }

    /// Whether an UPDATE touches any annotation, whosesoever it is.
    pub(crate) fn annotations_differ(&self) -> bool {
        let text = |object: Option<&Node<'a>>| match object.and_then(|object| object.field("metadata")) {
            Some(Node::Object(metadata)) => {
                metadata.entry("annotations").and_then(|entry| self.text.get(entry.span.clone()))
            }
            _ => None,
        };
        text(self.object()) != text(self.old_object())
    }

    fn text_at(&self, path: &[&str]) -> &str {
        let request = self.payload.field("request");
        request.and_then(|request| request.at(path).ok().flatten()).and_then(Node::text).unwrap_or_default()
    }
}

fn subject(payload: &Node<'_>) -> Result<Subject, PayloadError> {
    if !matches!(payload, Node::Object(_)) {
        return Err(PayloadError::NotAnObject(payload.kind()));
    }
    let request = payload.field("request");
    let kind = request.and_then(|request| request.field("kind"));
    let group = text(kind, "group", "request.kind.group")?;
    let version = text(kind, "version", "request.kind.version")?;
    let kind = text(kind, "kind", "request.kind.kind")?;
    let operation = text(request, "operation", "request.operation")?;
    let sub_resource = request.and_then(|request| request.field("subResource")).and_then(Node::text);
    let operation = match operation {
        "CREATE" => Operation::Create,
        "UPDATE" => Operation::Update,
        _ => return Ok(Subject::Other),
    };
    let Some(kind) = Kind::parse(kind).filter(|_| group == fields::GROUP && sub_resource.is_none_or(str::is_empty))
    else {
        return Ok(Subject::Other);
    };
    let Some(version) = Version::parse(version) else { return Ok(Subject::UnknownVersion(kind)) };
    match request.and_then(|request| request.field("object")) {
        Some(Node::Object(_)) => Ok(Subject::Ours(kind, version, operation)),
        found => Err(PayloadError::Field {
            field: "request.object",
            found: found.map_or("absent", Node::kind),
            expected: "the object under admission",
        }),
    }
}

/// A string that every AdmissionRequest has; the group of core kinds is the empty one.
fn text<'n>(parent: Option<&'n Node<'_>>, name: &str, field: &'static str) -> Result<&'n str, PayloadError> {
    let found = match parent.and_then(|parent| parent.field(name)) {
        Some(Node::String(text)) => return Ok(text),
        other => other.map_or("absent", Node::kind),
    };
    Err(PayloadError::Field { field, found, expected: "a string, as in a Kubernetes AdmissionRequest" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_is_about_can_be_told() {
        let payload = br#"{"request":{"kind":{"group":"shipwright.io","version":"v1beta1","kind":"Build"},
            "operation":"CREATE","namespace":"team","name":"app","object":{}}}"#;
        let request = Request::parse(payload).unwrap();
        let told = [request.operation(), request.kind(), request.version(), request.namespace(), request.name()];
        assert_eq!(told, ["CREATE", "Build", "v1beta1", "team", "app"]);
        let nameless = br#"{"request":{"kind":{"group":"","version":"v1","kind":"Pod"},"operation":"DELETE"}}"#;
        let request = Request::parse(nameless).unwrap();
        assert_eq!([request.namespace(), request.name()], ["", ""]);
    }
}
