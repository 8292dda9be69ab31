//! What the API server answers instead of an object: `Status`, with the texts people know.

use etcd::rpc::{Code, Status};
use serde_json::{Value, json};
use sim::HttpResponse;

use crate::etcd3;
use crate::resources::Kind;

/// A refusal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    reason: &'static str,
    message: String,
    details: Value,
}

impl Failure {
    fn new(code: u16, reason: &'static str, message: String) -> Failure {
        Failure { code, reason, message, details: Value::Null }
    }

    fn of(mut self, kind: &Kind, name: &str) -> Failure {
        let mut details = json!({"name": name, "kind": kind.plural});
        if !kind.group.is_empty() {
            details["group"] = kind.group.into();
        }
        self.details = details;
        self
    }

    pub(crate) fn not_found(kind: &Kind, name: &str) -> Failure {
        let message = format!("{} \"{name}\" not found", kind.qualified());
        Failure::new(404, "NotFound", message).of(kind, name)
    }

    pub(crate) fn no_such_path() -> Failure {
        let message = "the server could not find the requested resource";
        Failure::new(404, "NotFound", message.to_owned())
    }

    pub(crate) fn exists(kind: &Kind, name: &str) -> Failure {
        let message = format!("{} \"{name}\" already exists", kind.qualified());
        Failure::new(409, "AlreadyExists", message).of(kind, name)
    }

    pub(crate) fn conflict(kind: &Kind, name: &str) -> Failure {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please \
             apply your changes to the latest version and try again",
            kind.qualified()
        );
        Failure::new(409, "Conflict", message).of(kind, name)
    }

    pub(crate) fn uid_conflict(kind: &Kind, name: &str, want: &str, have: &str) -> Failure {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": Precondition failed: UID in \
             precondition: {want}, UID in object meta: {have}",
            kind.qualified()
        );
        Failure::new(409, "Conflict", message).of(kind, name)
    }

    pub(crate) fn namespace_busy(name: &str) -> Failure {
        let message = format!(
            "Operation cannot be fulfilled on namespaces \"{name}\": The system is ensuring all \
             content is removed from this namespace.  Upon completion, this namespace will \
             automatically be purged by the system."
        );
        Failure::new(409, "Conflict", message)
    }

    pub(crate) fn bad(message: impl Into<String>) -> Failure {
        Failure::new(400, "BadRequest", message.into())
    }

    pub(crate) fn forbidden(kind: &Kind, name: &str, why: &str) -> Failure {
        let message = format!("{} \"{name}\" is forbidden: {why}", kind.qualified());
        Failure::new(403, "Forbidden", message).of(kind, name)
    }

    pub(crate) fn not_allowed(message: String) -> Failure {
        Failure::new(403, "Forbidden", message)
    }

    pub(crate) fn unauthorized() -> Failure {
        Failure::new(401, "Unauthorized", "Unauthorized".to_owned())
    }

    pub(crate) fn method() -> Failure {
        let message = "the server does not allow this method on the requested resource";
        Failure::new(405, "MethodNotAllowed", message.to_owned())
    }

    /// Fields that are wrong: `path: Kind of fault: what`.
    pub(crate) fn invalid(kind: &Kind, name: &str, faults: &[String]) -> Failure {
        let list = match faults {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let dot = if kind.group.is_empty() { String::new() } else { format!(".{}", kind.group) };
        let message = format!("{}{dot} \"{name}\" is invalid: {list}", kind.kind);
        Failure::new(422, "Invalid", message).of(kind, name)
    }

    pub(crate) fn expired(wanted: i64, oldest: i64) -> Failure {
        let message = format!("too old resource version: {wanted} ({oldest})");
        Failure::new(410, "Expired", message)
    }

    pub(crate) fn continue_expired() -> Failure {
        let message = "The provided continue parameter is too old to display a consistent list \
                       result. You must start a new list without the continue parameter.";
        Failure::new(410, "Expired", message.to_owned())
    }

    pub(crate) fn internal(message: impl Into<String>) -> Failure {
        let message = format!("Internal error occurred: {}", message.into());
        Failure::new(500, "InternalError", message)
    }

    /// An error that is no status of the API: shown as it is.
    pub(crate) fn bare(message: String) -> Failure {
        Failure::new(500, "", message)
    }

    pub(crate) fn not_ready() -> Failure {
        Failure::new(429, "TooManyRequests", "storage is (re)initializing".to_owned())
    }

    /// An error of etcd: no status of the API, so it is shown as it is.
    pub(crate) fn etcd(status: &Status) -> Failure {
        if status.code == Code::DeadlineExceeded && status.message == "context deadline exceeded" {
            let message = "Timeout: request did not complete within requested timeout - context \
                           deadline exceeded";
            return Failure::new(504, "Timeout", message.to_owned());
        }
        Failure::new(500, "", etcd3::shown(status))
    }

    /// What it says.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The `Status` object.
    pub(crate) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }

    /// The answer.
    pub(crate) fn response(&self) -> HttpResponse {
        HttpResponse::new(self.code, "application/json", self.status().to_string() + "\n")
    }
}
