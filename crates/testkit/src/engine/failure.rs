//! The engine's *no* to one request.

use std::fmt;

use tarantool_proto::ErrorCode;

/// Why the engine refuses a request: the code and the text of the real server, 3.7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, code {})", self.message, self.code, self.code.number())
    }
}

impl std::error::Error for Failure {}
