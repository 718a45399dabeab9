//! One request of a client.

use std::fmt;

use bytes::Bytes;

use super::fields::Fields;
use super::header::RequestHeader;
use super::refusal::{self, Refusal};
use crate::keys::RequestType;
use crate::msgpack::Reader;
use crate::server_error::ServerError;

/// A request as a client sent it, checked for its form: every mandatory key is there.
///
/// The body is a slice of the buffer that it was read into, without a copy, and so is what
/// [`fields`](Self::fields) holds. Keeping any of it keeps that whole buffer.
#[derive(Clone)]
#[non_exhaustive]
pub struct Incoming {
    /// What is asked for.
    pub request_type: RequestType,
    /// What the answer has to carry; chosen by the client, not necessarily unique.
    pub sync: u64,
    /// The stream of this connection that the request belongs to; 0 is none.
    ///
    /// Requests of a stream are executed one after another.
    pub stream_id: u64,
    /// The version of the schema that the client expects; 0 is any.
    pub schema_version: u64,
    /// What the body says.
    pub fields: Fields,
    /// The body as it came: a MessagePack value, or nothing.
    pub body: Bytes,
}

impl Incoming {
    /// Understands one packet of a client, without its length prefix.
    ///
    /// [`ServerConnection`](super::ServerConnection) does this with all it receives; a proxy or a
    /// recorder can do it with what it passes on. The schema version and the proof of an AUTH are
    /// not checked here.
    ///
    /// # Errors
    /// What a server 3.7.0 answers to such a packet: error 20, 48, 69, 229 or 230.
    pub fn decode(packet: &Bytes) -> Result<Self, Refusal> {
        let mut reader = Reader::new(packet);
        let header = RequestHeader::decode(&mut reader)?;
        let body = packet.slice(reader.offset()..);
        let refused = |error| Refusal { sync: header.sync, error };
        check_body(&body).map_err(refused)?;
        let request_type = header.request_type();
        check_stream(request_type, header.stream_id).map_err(refused)?;
        Ok(Self {
            request_type,
            sync: header.sync,
            stream_id: header.stream_id,
            schema_version: header.schema_version,
            fields: Fields::decode(request_type, &body).map_err(refused)?,
            body,
        })
    }
}

/// A body is one MessagePack value, of whatever type it may be.
fn check_body(body: &Bytes) -> Result<(), ServerError> {
    const WHAT: &str = "packet body";
    if body.is_empty() {
        return Ok(());
    }
    let mut reader = Reader::new(body);
    reader.skip().map_err(|error| refusal::undecodable(WHAT, &error))?;
    if reader.is_empty() {
        return Ok(());
    }
    Err(refusal::malformed(WHAT).caused_by(refusal::malformed("junk after input")))
}

/// Which types may or must be in a stream (IPROTO reference, section 15).
fn check_stream(request_type: RequestType, stream_id: u64) -> Result<(), ServerError> {
    let only_inside =
        matches!(request_type, RequestType::BEGIN | RequestType::COMMIT | RequestType::ROLLBACK);
    // Types in the order of their numbers: this is how servers decide, for unknown ones too.
    let only_outside = request_type == RequestType::AUTH
        || request_type > RequestType::INSERT_ARROW && request_type != RequestType::PING;
    match stream_id {
        0 if only_inside => Err(refusal::out_of_stream(request_type)),
        1.. if only_outside => Err(refusal::in_stream(request_type)),
        _ => Ok(()),
    }
}

impl fmt::Debug for Incoming {
    /// Shows no body, and of an AUTH not the proof either.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Incoming");
        debug
            .field("request_type", &self.request_type)
            .field("sync", &self.sync)
            .field("stream_id", &self.stream_id)
            .field("schema_version", &self.schema_version);
        if self.request_type == RequestType::AUTH {
            debug.field("user_name", &self.fields.user_name);
        } else {
            debug.field("fields", &self.fields);
        }
        debug.finish_non_exhaustive()
    }
}
