//! Frames: a request as bytes on its way out.

use std::fmt;
use std::num::NonZeroU64;
use std::ops::Range;

use crate::capability::{Capabilities, Capability};
use crate::keys::{Key, RequestType};
use crate::msgpack::{EncodeError, write};
use crate::request::{Body, Request};

/// One encoded request, without its sync id, which it gets when it is sent.
///
/// A frame is encoded by whoever makes the request, before any lock is taken, and may be used again
/// and again: [`Connection::send`](crate::Connection::send) copies its bytes and leaves it empty, so
/// that encoding allocates nothing once the frame has grown to the size of the requests.
#[derive(Clone, Default)]
pub struct Frame {
    bytes: Vec<u8>,
    /// Where the entries of space and index end, if one of them is a name.
    names_end: Option<u32>,
    space: Named,
    index: Named,
    /// How often the server refused the request because its schema had changed.
    attempts: u8,
    /// What the server must have.
    needs: Capabilities,
    stream: Option<NonZeroU64>,
    /// Where the body's map header stands.
    body_at: u8,
    /// What a [`Session`](crate::session::Session) goes by when a connection is lost.
    fate: Fate,
}

/// Without the bytes, among which a password may be.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Frame");
        debug.field("bytes", &self.bytes.len()).field("stream", &self.stream);
        debug.field("needs", &self.needs).field("fate", &self.fate).finish_non_exhaustive()
    }
}

/// What may become of a request when its connection is lost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fate {
    /// Its place in the order of acceptance.
    pub(crate) order: u64,
    /// The only connection that it may be sent on.
    pub(crate) bound_to: Option<NonZeroU64>,
    /// Executing it twice does what executing it once does.
    pub(crate) is_idempotent: bool,
    /// It was handed out to a connection that was lost.
    pub(crate) was_sent: bool,
}

impl Fate {
    const NEW: Self = Self { order: 0, bound_to: None, is_idempotent: false, was_sent: false };
}

/// The number that no connection comes to.
const NO_CONNECTION: NonZeroU64 = NonZeroU64::MAX;

/// How a frame refers to a space or an index. A frame is not over 4 GiB.
#[derive(Clone, Debug, Default)]
enum Named {
    #[default]
    Absent,
    Number(u32),
    Name(Range<u32>),
}

/// What the names of a frame stand for, by a schema of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) schema_version: u64,
    pub(crate) space: u32,
    pub(crate) index: Option<u32>,
}

/// A space or an index as a frame refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameRef<'a> {
    Absent,
    Number(u32),
    Name(&'a [u8]),
}

/// `length | {SYNC: u64, REQUEST_TYPE: type}`: fixed widths, so that the sync id can be filled in
/// later. SYNC comes first: an error about anything after it then carries it back.
const TEMPLATE: [u8; BODY_AT] =
    [0xce, 0, 0, 0, 0, 0x82, Key::SYNC.number() as u8, 0xcf, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const LENGTH: Range<usize> = 1..5;
const PREFIX_SIZE: usize = 5;
/// The header of the header's map.
const ENTRIES_AT: usize = 5;
const SYNC: Range<usize> = 8..16;
const TYPE_AT: usize = 17;
/// The highest type that takes one byte; those of requests all do.
const TYPE_MAX: u32 = 0x7f;
/// A schema that changes this often while one request is made is left to the caller to deal with.
const ATTEMPTS_MAX: u8 = 16;
/// Where the body's map header stands in a request without a stream.
const BODY_AT: usize = 18;

impl Frame {
    /// An empty frame.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            names_end: None,
            space: Named::Absent,
            index: Named::Absent,
            attempts: 0,
            needs: Capabilities::NONE,
            stream: None,
            body_at: BODY_AT as u8,
            fate: Fate::NEW,
        }
    }

    /// Encodes `request`, replacing what the frame held.
    ///
    /// # Errors
    /// The request's values refused to be serialized, it is over 4 GiB, or it is none that a server
    /// knows: of a type over 127, or with more than 15 entries. The frame is then empty.
    #[inline]
    pub fn encode<R: Request + ?Sized>(&mut self, request: &R) -> Result<(), EncodeError> {
        self.encode_in(None, request)
    }

    /// Encodes `request` as one of a stream, replacing what the frame held. Server 2.10.
    ///
    /// The server executes the requests of a stream one after another. A stream needs no
    /// registration: its number is any that the connection uses for nothing else. It needs
    /// [`Capability::Streams`]: older servers would ignore the number.
    ///
    /// ```
    /// use std::num::NonZeroU64;
    /// use tarantool_proto::Frame;
    /// use tarantool_proto::request::{Begin, Commit, Insert};
    ///
    /// let stream = NonZeroU64::MIN;
    /// let mut frame = Frame::new();
    /// frame.encode_in_stream(stream, &Begin::new())?;
    /// // ... Connection::send(&mut frame, deadline)
    /// frame.encode_in_stream(stream, &Insert::into("users").row((1, "Ann")))?;
    /// // ...
    /// frame.encode_in_stream(stream, &Commit::new())?;
    /// # Ok::<(), tarantool_proto::msgpack::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_in_stream<R: Request + ?Sized>(
        &mut self,
        stream: NonZeroU64,
        request: &R,
    ) -> Result<(), EncodeError> {
        self.encode_in(Some(stream), request)
    }

    fn encode_in<R: Request + ?Sized>(
        &mut self,
        stream: Option<NonZeroU64>,
        request: &R,
    ) -> Result<(), EncodeError> {
        self.clear();
        let number = request.request_type().number();
        if number > TYPE_MAX {
            let text = format!("request type {number} is not below 128");
            return Err(EncodeError::new(text));
        }
        let mut header = TEMPLATE;
        header[TYPE_AT] = number as u8;
        self.fate.is_idempotent =
            matches!(request.request_type(), RequestType::SELECT | RequestType::PING);
        self.bytes.extend_from_slice(&header);
        if let Some(stream) = stream {
            self.bytes[ENTRIES_AT] += 1;
            write::uint(&mut self.bytes, u64::from(Key::STREAM_ID.number()));
            write::uint(&mut self.bytes, stream.get());
            self.stream = Some(stream);
            // Until it is bound to the connection of its stream.
            self.fate.bound_to = Some(NO_CONNECTION);
            self.require(Capability::Streams);
        }
        self.body_at = self.bytes.len() as u8;
        let mut body = Body::new(self);
        let encoded = request.encode(&mut body);
        let finished = body.finish();
        let sealed = encoded.and(finished).and_then(|()| seal(&mut self.bytes));
        if sealed.is_err() {
            self.clear();
        }
        sealed
    }

    /// Empties the frame and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.names_end = None;
        self.space = Named::Absent;
        self.index = Named::Absent;
        self.attempts = 0;
        self.needs = Capabilities::NONE;
        self.stream = None;
        self.fate = Fate::NEW;
    }

    /// The encoded request may be executed twice: a [`Session`](crate::session::Session) sends it
    /// again when the connection is lost on which it was sent. Selects and pings are so by nature.
    ///
    /// Without effect on a [`Connection`](crate::Connection) of its own. The next
    /// [`encode`](Self::encode) forgets it.
    pub fn mark_idempotent(&mut self) {
        self.fate.is_idempotent = true;
    }

    /// The encoded request means something on this connection only, as one of a stream or of a
    /// prepared statement does: a [`Session`](crate::session::Session) never sends it on another
    /// one, even if it is idempotent. `generation`:
    /// [`Session::generation`](crate::session::Session::generation) when the stream was begun.
    ///
    /// A request [in a stream](Self::encode_in_stream) must be bound before a session takes it.
    ///
    /// Without effect on a [`Connection`](crate::Connection) of its own. The next
    /// [`encode`](Self::encode) forgets it.
    pub fn bind_to(&mut self, generation: u64) {
        // No connection has the number 0.
        self.fate.bound_to = NonZeroU64::new(generation).or(Some(NO_CONNECTION));
    }

    /// The encoded bytes: length prefix, header with SYNC 0, body. Empty until something is encoded.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How much memory the frame holds, in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub(crate) fn fate(&self) -> Fate {
        self.fate
    }

    pub(crate) fn fate_mut(&mut self) -> &mut Fate {
        &mut self.fate
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether the server answers only if it fails.
    #[inline]
    pub(crate) fn has_no_reply(&self) -> bool {
        const WATCH: u8 = RequestType::WATCH.number() as u8;
        const UNWATCH: u8 = RequestType::UNWATCH.number() as u8;
        matches!(self.bytes.get(TYPE_AT), Some(&(WATCH | UNWATCH)))
    }

    pub(crate) fn has_names(&self) -> bool {
        self.names_end.is_some()
    }

    #[inline]
    pub(crate) fn stream(&self) -> Option<NonZeroU64> {
        self.stream
    }

    pub(crate) fn require(&mut self, capability: Capability) {
        self.needs.insert(capability);
    }

    #[inline]
    pub(crate) fn needs(&self) -> Capabilities {
        self.needs
    }

    /// Counts one more attempt; `false`: there were enough.
    pub(crate) fn count_attempt(&mut self) -> bool {
        self.attempts += 1;
        self.attempts < ATTEMPTS_MAX
    }

    pub(crate) fn space(&self) -> NameRef<'_> {
        self.resolve(&self.space)
    }

    pub(crate) fn index(&self) -> NameRef<'_> {
        self.resolve(&self.index)
    }

    /// Appends the frame with `sync` to `out`, as it is.
    pub(crate) fn append_to(&self, out: &mut Vec<u8>, sync: u64) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        set_sync(out, start, sync);
    }

    /// Appends the frame with `sync` to `out`, with numbers in place of names. The server executes
    /// it only if its schema is still the one that the numbers are from.
    pub(crate) fn append_resolved_to(&self, out: &mut Vec<u8>, sync: u64, numbers: Numbers) {
        let start = out.len();
        let body_at = usize::from(self.body_at);
        let (header, body) = self.bytes.split_at_checked(body_at).unwrap_or_default();
        let names_end = self.names_end.map_or(body_at + 1, |end| end as usize);
        out.extend_from_slice(header);
        if let Some(entries) = out.get_mut(start + ENTRIES_AT) {
            *entries += 1;
        }
        write::uint(out, u64::from(Key::SCHEMA_VERSION.number()));
        write::uint(out, numbers.schema_version);
        out.extend_from_slice(body.get(..1).unwrap_or_default());
        write::uint_entry(out, Key::SPACE_ID.number() as u8, numbers.space);
        if let Some(index) = numbers.index {
            write::uint_entry(out, Key::INDEX_ID.number() as u8, index);
        }
        out.extend_from_slice(self.bytes.get(names_end..).unwrap_or_default());
        let length = (out.len() - start - PREFIX_SIZE) as u32;
        if let Some(place) = out.get_mut(start + LENGTH.start..start + LENGTH.end) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        set_sync(out, start, sync);
    }

    pub(crate) fn space_number(&mut self, number: u32) {
        write::uint_entry(&mut self.bytes, Key::SPACE_ID.number() as u8, number);
        self.space = Named::Number(number);
    }

    pub(crate) fn space_name(&mut self, name: &str) {
        self.space = Named::Name(self.name(Key::SPACE_NAME, name));
    }

    pub(crate) fn index_number(&mut self, number: u32) {
        write::uint_entry(&mut self.bytes, Key::INDEX_ID.number() as u8, number);
        self.index = Named::Number(number);
        self.names_end = self.names_end.map(|_| self.bytes.len() as u32);
    }

    pub(crate) fn index_name(&mut self, name: &str) {
        self.index = Named::Name(self.name(Key::INDEX_NAME, name));
    }

    fn name(&mut self, key: Key, name: &str) -> Range<u32> {
        write::uint(&mut self.bytes, u64::from(key.number()));
        write::str(&mut self.bytes, name.as_bytes());
        let end = self.bytes.len();
        self.names_end = Some(end as u32);
        (end - name.len()) as u32..end as u32
    }

    fn resolve(&self, named: &Named) -> NameRef<'_> {
        match named {
            Named::Absent => NameRef::Absent,
            Named::Number(number) => NameRef::Number(*number),
            Named::Name(range) => {
                let range = range.start as usize..range.end as usize;
                NameRef::Name(self.bytes.get(range).unwrap_or_default())
            }
        }
    }
}

/// Fills in the length prefix.
fn seal(bytes: &mut [u8]) -> Result<(), EncodeError> {
    let length = u32::try_from(bytes.len() - PREFIX_SIZE)
        .map_err(|_| EncodeError::new("a request cannot be over 4 GiB"))?;
    bytes[LENGTH].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

pub(crate) fn set_sync(out: &mut [u8], start: usize, sync: u64) {
    if let Some(place) = out.get_mut(start + SYNC.start..start + SYNC.end) {
        place.copy_from_slice(&sync.to_be_bytes());
    }
}

/// Turns the frame that starts at `start` into a ping, which the server answers without a look at
/// its body. So a request that timed out while it was queued is not executed.
pub(crate) fn neutralize(out: &mut [u8], start: usize) {
    if let Some(place) = out.get_mut(start + TYPE_AT) {
        *place = RequestType::PING.number() as u8;
    }
}
