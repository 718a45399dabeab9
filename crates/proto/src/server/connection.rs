//! One accepted connection as a state machine without I/O.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::config::ServerConfig;
use super::greeting;
use super::incoming::Incoming;
use super::login::{GUEST, Login};
use super::refusal::{self, Refusal};
use super::reply::{self, To};
use crate::error::ProtocolError;
use crate::keys::{FeatureSet, Key, RequestType};
use crate::msgpack::write;
use crate::packet;
use crate::server_error::ServerError;

/// One client's connection from the server's side, without a socket, a clock or a lock.
///
/// Bytes come in as an argument, and what is to be written is collected by
/// [`poll_transmit`](Self::poll_transmit). After bytes came, and after replies were given:
/// [`poll_event`](Self::poll_event) until it is `None`, then `poll_transmit`. Every request that is
/// handed out has to be answered once, by one of the `reply_` methods other than
/// [`reply_chunk`](Self::reply_chunk), by [`answer_login`](Self::answer_login), or to be let go by
/// [`finish`](Self::finish); in any order, for only requests of one stream depend on each other.
///
/// Rows, values and bodies are given as MessagePack and are not looked at: the caller vouches for
/// them. A reply that would be over 2 GiB becomes an error.
pub struct ServerConnection {
    config: ServerConfig,
    salt: [u8; 20],
    schema_version: u64,
    features: FeatureSet,
    user: Box<str>,
    output: Vec<u8>,
    in_progress: usize,
    failure: Option<ProtocolError>,
}

/// What a client wants that the connection does not answer itself.
#[derive(Debug)]
#[non_exhaustive]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all events are requests: a box would be an allocation for each"
)]
pub enum ServerEvent {
    /// To be another user.
    Login(Login),
    /// Anything else.
    Request(Incoming),
}

impl ServerConnection {
    /// A connection that was just accepted: its greeting is queued.
    ///
    /// `salt` must be random, and another one for each connection: it is what keeps a recorded
    /// login from being used again.
    #[must_use]
    pub fn new(config: ServerConfig, salt: [u8; 32]) -> Self {
        let output = greeting::encode(&config.version, &config.instance_uuid, &salt).into();
        Self {
            config,
            salt: salt.first_chunk().copied().unwrap_or_default(),
            schema_version: 1,
            features: FeatureSet::new(),
            user: GUEST.into(),
            output,
            in_progress: 0,
            failure: None,
        }
    }

    /// Sets the version of the schema, at first 1, for all further replies.
    ///
    /// A request that names another version, but 0, is answered with error 109.
    pub fn set_schema_version(&mut self, version: u64) {
        self.schema_version = version;
    }

    /// Takes packets off `input` until one of them needs an answer from outside.
    ///
    /// `None`: read more; or, if [`is_saturated`](Self::is_saturated), answer what is in progress
    /// or write what is queued first.
    ///
    /// # Errors
    /// A packet's length is no unsigned integer, or over `packet_bytes_max`. The connection cannot
    /// go on: an error reply with SYNC 0 is queued, to be written before the connection is closed.
    /// Any further call returns the same error.
    pub fn poll_event(
        &mut self,
        input: &mut BytesMut,
    ) -> Result<Option<ServerEvent>, ProtocolError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        while !self.is_saturated() {
            let packet = match cut(input, self.config.packet_bytes_max) {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(None),
                Err(failure) => return Err(self.fail(failure)),
            };
            match self.receive(&packet) {
                Ok(None) => {}
                Ok(Some(event)) => {
                    self.in_progress += 1;
                    return Ok(Some(event));
                }
                Err(Refusal { sync, error }) => self.refuse(sync, &error),
            }
        }
        Ok(None)
    }

    /// Whether so many requests are in progress, or so much output is queued, that nothing more is
    /// taken: stop reading until that has changed.
    #[must_use]
    pub fn is_saturated(&self) -> bool {
        self.in_progress >= self.config.in_progress_max.max(1)
            || self.output.len() >= self.config.output_bytes_max.max(1)
    }

    /// Appends all queued output to `output`; `false`: there is none.
    ///
    /// An empty `output` is exchanged for the queue, without a copy: give the same buffer again.
    pub fn poll_transmit(&mut self, output: &mut Vec<u8>) -> bool {
        if self.output.is_empty() {
            return false;
        }
        if output.is_empty() {
            std::mem::swap(output, &mut self.output);
        } else {
            output.append(&mut self.output);
        }
        true
    }

    /// The features that the client announced; none before it sent an ID.
    #[must_use]
    pub const fn features(&self) -> FeatureSet {
        self.features
    }

    /// The user of the session: `guest` until a login succeeds.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// How many bytes of output are queued.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.output.len()
    }

    /// How many requests were handed out and not answered.
    #[must_use]
    pub const fn in_progress(&self) -> usize {
        self.in_progress
    }

    /// Answers a login by the password of its user, and returns whether it succeeded.
    ///
    /// `None`: there is no such user, or it has no password; the client cannot tell this from a
    /// wrong password, both are error 47. A success changes [`user`](Self::user), a failure leaves
    /// it as it is. The user `guest` needs no password if it sent no proof.
    pub fn answer_login(&mut self, login: Login, password: Option<&[u8]>) -> bool {
        if !login.proves(password, &self.salt) {
            self.reply_error(login.sync, &refusal::credentials());
            return false;
        }
        self.reply_ok(login.sync);
        self.user = login.user;
        true
    }

    /// Answers a request with a success that says nothing more, as to PING.
    pub fn reply_ok(&mut self, sync: u64) {
        self.reply_body(sync, reply::EMPTY);
    }

    /// Answers a request with rows or returned values, each one MessagePack value.
    pub fn reply_data<'a>(&mut self, sync: u64, rows: impl IntoIterator<Item = &'a [u8]>) {
        self.reply_page(sync, rows, None);
    }

    /// Answers a SELECT with rows and the position of the last one, where that was asked for and
    /// there are rows.
    pub fn reply_page<'a>(
        &mut self,
        sync: u64,
        rows: impl IntoIterator<Item = &'a [u8]>,
        position: Option<&[u8]>,
    ) {
        self.reply(RequestType::OK, sync, |out| {
            write::map(out, 1 + usize::from(position.is_some()));
            reply::data(out, rows);
            if let Some(position) = position {
                write::uint(out, u64::from(Key::POSITION.number()));
                write::str(out, position);
            }
        });
        self.finish(sync);
    }

    /// Answers a request with any body, a MessagePack map.
    pub fn reply_body(&mut self, sync: u64, body: &[u8]) {
        self.reply(RequestType::OK, sync, |out| out.extend_from_slice(body));
        self.finish(sync);
    }

    /// Answers a request with an error.
    pub fn reply_error(&mut self, sync: u64, error: &ServerError) {
        self.refuse(sync, error);
        self.finish(sync);
    }

    /// Sends a message of a request that is still to be answered (IPROTO reference, section 17).
    pub fn reply_chunk(&mut self, sync: u64, value: &[u8]) {
        self.reply(RequestType::CHUNK, sync, |out| {
            write::map(out, 1);
            reply::data(out, [value]);
        });
    }

    /// Lets a request go that gets no reply: WATCH, UNWATCH, or one whose reply is withheld.
    ///
    /// It is no longer in progress. Clients need not choose different sync ids, so requests are
    /// counted and not told apart by them.
    pub fn finish(&mut self, _sync: u64) {
        self.in_progress = self.in_progress.saturating_sub(1);
    }

    /// Sends the value of a watched key, or that it has none, with the sync id of the latest WATCH
    /// for it (IPROTO reference, section 16).
    pub fn send_event(&mut self, sync: u64, key: &[u8], value: Option<&[u8]>) {
        reply::event(&mut self.output, sync, key, value);
    }

    /// `None`: there is nothing left to do.
    fn receive(&mut self, packet: &Bytes) -> Result<Option<ServerEvent>, Refusal> {
        let request = Incoming::decode(packet)?;
        let refused = |error| Refusal { sync: request.sync, error };
        let (requested, ours) = (request.schema_version, self.schema_version);
        if requested != 0 && requested != ours {
            return Err(refused(refusal::schema_version(requested, ours)));
        }
        Ok(match request.request_type {
            RequestType::ID => {
                self.features = request.fields.features.unwrap_or_default();
                self.identify(request.sync);
                None
            }
            RequestType::AUTH => {
                let login = Login::new(&request, self.config.auth_type);
                Some(ServerEvent::Login(login.map_err(refused)?))
            }
            _ => Some(ServerEvent::Request(request)),
        })
    }

    /// Answers ID: not what both sides have in common, but what this one has.
    fn identify(&mut self, sync: u64) {
        let mut body = Vec::new();
        write::map(&mut body, 3);
        write::uint(&mut body, u64::from(Key::VERSION.number()));
        write::uint(&mut body, self.config.protocol_version);
        write::uint(&mut body, u64::from(Key::FEATURES.number()));
        write::array(&mut body, self.config.features.iter().count());
        for feature in self.config.features.iter() {
            write::uint(&mut body, u64::from(feature.number()));
        }
        write::uint(&mut body, u64::from(Key::AUTH_TYPE.number()));
        write::str(&mut body, self.config.auth_type.name().as_bytes());
        self.reply(RequestType::OK, sync, |out| out.extend_from_slice(&body));
    }

    fn fail(&mut self, failure: ProtocolError) -> ProtocolError {
        let error = match &failure {
            ProtocolError::PacketTooLong { length, .. } => {
                refusal::malformed(&format!("too big packet size in the header: {length}"))
            }
            _ => refusal::malformed("packet length"),
        };
        self.refuse(0, &error);
        self.failure = Some(failure.clone());
        failure
    }

    fn refuse(&mut self, sync: u64, error: &ServerError) {
        let to = self.to(sync);
        reply::error(&mut self.output, to, error);
    }

    fn reply(&mut self, request_type: RequestType, sync: u64, body: impl FnOnce(&mut Vec<u8>)) {
        let to = self.to(sync);
        reply::reply(&mut self.output, request_type, to, body);
    }

    const fn to(&self, sync: u64) -> To {
        To { sync, schema_version: self.schema_version }
    }
}

/// Cuts the first whole packet off `input`, without its length. `None`: read more.
///
/// An empty packet is one too, but is noticed only when something follows, as by servers.
fn cut(input: &mut BytesMut, packet_bytes_max: usize) -> Result<Option<Bytes>, ProtocolError> {
    let Some((prefix, length)) = packet::peek_length(input)? else {
        return Ok(None);
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > packet_bytes_max {
        return Err(ProtocolError::PacketTooLong { length, max: packet_bytes_max });
    }
    if input.len() - prefix < length.max(1) {
        return Ok(None);
    }
    input.advance(prefix);
    Ok(Some(input.split_to(length).freeze()))
}

impl fmt::Debug for ServerConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConnection")
            .field("user", &self.user)
            .field("in_progress", &self.in_progress)
            .field("queued_bytes", &self.output.len())
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}
