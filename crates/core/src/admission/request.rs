//! The payload that a policy server hands to the policy: an AdmissionRequest, and the settings.

use crate::json::{EditError, Edits, Entry, JsonError, Mask, Node};
use crate::message::Fault;

/// What the policy reads of `{"request": AdmissionRequest, "settings": …}`.
///
/// The rest of the payload, and of the objects in it, is skipped.
///
/// ```
/// use local_registry_core::Request;
///
/// let payload = br#"{"request": {"kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "DELETE"}}"#;
/// let request = Request::parse(payload)?;
/// assert_eq!((request.operation(), request.kind(), request.namespace()), ("DELETE", "Pod", ""));
/// # Ok::<(), local_registry_core::admission::PayloadError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Request<'a> {
    text: &'a str,
    payload: Node<'a>,
}

/// An operation that writes the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Update,
}

/// Why a payload is not what a policy server sends. The message never quotes the payload, which may hold secrets.
///
/// ```
/// let error = local_registry_core::Request::parse(b"[]").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the policy's payload is an array; expected an object with `request` and `settings`"
/// );
/// ```
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct PayloadError(#[from] PayloadErrorKind);

#[derive(Debug, thiserror::Error)]
enum PayloadErrorKind {
    #[error("the policy's payload is not UTF-8; expected a JSON object with `request` and `settings`")]
    NotUtf8,
    #[error("the policy's payload is not valid JSON ({0}); expected an object with `request` and `settings`")]
    NotJson(JsonError),
    #[error("the policy's payload is {0}; expected an object with `request` and `settings`")]
    NotAnObject(&'static str),
    #[error("`{field}` is {found} in the policy's payload; expected a string, as in a Kubernetes AdmissionRequest")]
    NotAString { field: &'static str, found: &'static str },
}

impl<'a> Request<'a> {
    /// Reads a payload, of which `mask` keeps what the methods below return.
    pub(crate) fn read(payload: &'a [u8], mask: Mask) -> Result<Self, PayloadError> {
        let text = std::str::from_utf8(payload).map_err(|_| PayloadErrorKind::NotUtf8)?;
        let payload = Node::parse(text, mask).map_err(PayloadErrorKind::NotJson)?;
        if !matches!(payload, Node::Object(_)) {
            return Err(PayloadErrorKind::NotAnObject(payload.type_name()).into());
        }
        let request = Self { text, payload };
        // Every AdmissionRequest has these. The group of core kinds is the empty string.
        request.require("request.kind.group", &["kind", "group"])?;
        request.require("request.kind.version", &["kind", "version"])?;
        request.require("request.kind.kind", &["kind", "kind"])?;
        request.require("request.operation", &["operation"])?;
        Ok(request)
    }

    /// The operation as the API server names it.
    #[must_use]
    pub fn operation(&self) -> &str {
        self.text_at(&["operation"])
    }

    /// The API group of the object; empty for core kinds.
    #[must_use]
    pub fn group(&self) -> &str {
        self.text_at(&["kind", "group"])
    }

    /// The API version of the object, without its group.
    #[must_use]
    pub fn version(&self) -> &str {
        self.text_at(&["kind", "version"])
    }

    /// The kind of the object.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.text_at(&["kind", "kind"])
    }

    /// The object's namespace; empty if it has none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.text_at(&["namespace"])
    }

    /// The object's name; empty if the API server will generate one.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text_at(&["name"])
    }

    /// Whether nothing of the request will be stored.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.value_of("dryRun") == Some(&Node::Bool(true))
    }

    /// Appends the object under admission, edited, to `out`.
    ///
    /// # Errors
    /// An [`EditError`] if the object has a scalar where the edits need an object.
    pub fn apply(&self, edits: &Edits, out: &mut String) -> Result<(), EditError> {
        let Node::Object(payload) = &self.payload else { return Ok(()) };
        let Some(Node::Object(request)) = payload.entry("request").map(|entry| &entry.value) else { return Ok(()) };
        let Some(Entry { value: Node::Object(object), span, .. }) = request.entry("object") else { return Ok(()) };
        edits.apply(object, self.text, span.clone(), out)
    }

    /// How the object is written; `None` if it is not.
    pub(crate) fn write(&self) -> Option<Operation> {
        match self.operation() {
            "CREATE" => Some(Operation::Create),
            "UPDATE" => Some(Operation::Update),
            _ => None,
        }
    }

    /// The part of the object that the request is about, such as `status`; empty if it is about all of it.
    pub(crate) fn sub_resource(&self) -> &str {
        self.text_at(&["subResource"])
    }

    pub(crate) fn settings(&self) -> Option<&Node<'a>> {
        self.payload.field("settings")
    }

    pub(crate) fn object(&self) -> Option<&Node<'a>> {
        self.value_of("object")
    }

    /// The object that is written.
    ///
    /// # Errors
    /// A [`Fault`] if the request has none.
    pub(crate) fn written_object(&self) -> Result<&Node<'a>, Fault> {
        match self.object() {
            Some(object @ Node::Object(_)) => Ok(object),
            found => {
                let found = found.map_or("nothing", Node::type_name);
                Err(Fault::wrong_type(&["request", "object"], found, "the object under admission"))
            }
        }
    }

    /// The object before an UPDATE.
    pub(crate) fn old_object(&self) -> Option<&Node<'a>> {
        self.value_of("oldObject").filter(|_| self.write() == Some(Operation::Update))
    }

    /// Whether an UPDATE changes any annotation at all, including those that the policy does not read.
    pub(crate) fn annotations_differ(&self) -> bool {
        let text = |object: Option<&Node<'a>>| match object.and_then(|object| object.field("metadata")) {
            Some(Node::Object(metadata)) => {
                metadata.entry("annotations").and_then(|entry| self.text.get(entry.span.clone()))
            }
            _ => None,
        };
        text(self.object()) != text(self.old_object())
    }

    fn value_of(&self, field: &str) -> Option<&Node<'a>> {
        self.payload.field("request")?.field(field)
    }

    /// The string at a path in the AdmissionRequest; empty if there is none.
    fn text_at(&self, path: &[&str]) -> &str {
        self.find(path).and_then(Node::text).unwrap_or_default()
    }

    fn find(&self, path: &[&str]) -> Option<&Node<'a>> {
        self.payload.field("request")?.at(path).ok().flatten()
    }

    fn require(&self, field: &'static str, path: &[&str]) -> Result<(), PayloadError> {
        match self.find(path) {
            Some(Node::String(_)) => Ok(()),
            other => {
                let found = other.map_or("absent", Node::type_name);
                Err(PayloadErrorKind::NotAString { field, found }.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_operation_and_its_object() {
        let payload = br#"{"request":{"kind":{"group":"shipwright.io","version":"v1beta1","kind":"Build"},
            "operation":"CREATE","namespace":"team","name":"app","object":{},"dryRun":true}}"#;
        let request = Request::parse(payload).unwrap();
        let found = [request.operation(), request.group(), request.version(), request.kind()];
        assert_eq!(found, ["CREATE", "shipwright.io", "v1beta1", "Build"]);
        assert_eq!((request.namespace(), request.name(), request.is_dry_run()), ("team", "app", true));

        let nameless = br#"{"request":{"kind":{"group":"","version":"v1","kind":"Pod"},"operation":"DELETE"}}"#;
        let request = Request::parse(nameless).unwrap();
        assert_eq!((request.namespace(), request.name(), request.is_dry_run()), ("", "", false));
    }
}
