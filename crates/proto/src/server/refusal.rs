//! The errors that the server's side answers by itself.

use std::fmt;

use crate::error_code::ErrorCode;
use crate::keys::RequestType;
use crate::msgpack::DecodeError;
use crate::server_error::ServerError;

/// A packet that no request can be made of, and what a server answers to it. The connection goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The sync id for the answer: 0 when the header went wrong before its SYNC was read.
    pub sync: u64,
    /// The answer.
    pub error: ServerError,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Refusal {}

/// Error 20, with what is malformed.
pub(super) fn malformed(what: &str) -> ServerError {
    let message = format!("Invalid MsgPack - {what}");
    ServerError::new(ErrorCode::INVALID_MSGPACK, message).with_field("details", what)
}

/// Error 20 for bytes that are no MessagePack at all.
pub(super) fn undecodable(what: &str, cause: &DecodeError) -> ServerError {
    malformed(what).caused_by(malformed(&cause.to_string()))
}

pub(super) fn missing(key: &str) -> ServerError {
    let message = format!("Missing mandatory field '{key}' in request");
    ServerError::new(ErrorCode::MISSING_REQUEST_FIELD, message).with_field("value", key)
}

pub(super) fn unknown_type(request_type: RequestType) -> ServerError {
    let number = request_type.number();
    let message = format!("Unknown request type {number}");
    ServerError::new(ErrorCode::UNKNOWN_REQUEST_TYPE, message).with_field("value", &number)
}

pub(super) fn in_stream(request_type: RequestType) -> ServerError {
    let request = request_type.to_string();
    let message = format!("Unable to process {request} request in stream");
    ServerError::new(ErrorCode::UNABLE_TO_PROCESS_IN_STREAM, message)
        .with_field("request", &request)
}

pub(super) fn out_of_stream(request_type: RequestType) -> ServerError {
    let request = request_type.to_string();
    let message = format!("Unable to process {request} request out of stream");
    ServerError::new(ErrorCode::UNABLE_TO_PROCESS_OUT_OF_STREAM, message)
        .with_field("request", &request)
}

/// Error 109. The message has the two versions the wrong way round, as servers have it.
pub(super) fn schema_version(requested: u64, ours: u64) -> ServerError {
    let message = format!("Wrong schema version, current: {requested}, in request: {ours}");
    ServerError::new(ErrorCode::WRONG_SCHEMA_VERSION, message)
        .with_field("actual", &requested)
        .with_field("expected", &ours)
}

/// Error 47: the same for an unknown user and for a wrong password, so that nobody learns which
/// users there are.
pub(super) fn credentials() -> ServerError {
    ServerError::new(
        ErrorCode::CREDS_MISMATCH,
        "User not found or supplied credentials are invalid",
    )
}

/// Error 249. A client may send a name of any length: it gets the beginning back.
pub(super) fn unknown_method(name: &[u8]) -> ServerError {
    let name = name.get(..METHOD_BYTES_MAX).unwrap_or(name);
    let name = String::from_utf8_lossy(name);
    let message = format!("Unknown authentication method '{name}'");
    ServerError::new(ErrorCode::UNKNOWN_AUTH_METHOD, message).with_field("value", &*name)
}

const METHOD_BYTES_MAX: usize = 64;

pub(super) fn invalid_proof(method: &str, details: &str) -> ServerError {
    let message = format!("Invalid '{method}' request: {details}");
    ServerError::new(ErrorCode::INVALID_AUTH_REQUEST, message)
        .with_field("auth_method", method)
        .with_field("details", details)
}
