//! A recorded connection, with ours in the client's place.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU64;
use std::ops::Range;

use bytes::BytesMut;
use tarantool_proto::msgpack::EncodeError;
use tarantool_proto::request::{Body, Request};
use tarantool_proto::{
    Config, Connection, Credentials, Event, Frame, Key, Outcome, Password, Push, RequestId,
    RequestType, WatchId,
};

use crate::frames::{self, fields, kind, put, text};
use crate::session::{Conn, GREETING_SIZE, Session, Step};
use crate::told::{self, Error, Reply, Told};
use crate::written;

/// How the server's bytes come in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cut {
    /// As they were read.
    Recorded,
    /// Each by itself.
    Bytes,
    /// All at once, after all requests were made.
    Whole,
}

pub(crate) struct Replayed {
    pub(crate) told: Vec<Told>,
    pub(crate) expected: Vec<Told>,
    /// The recorded sync ids of answers and pushes, as we told of them.
    pub(crate) reply_order: Vec<u64>,
    pub(crate) left_out: Vec<String>,
    frames: Vec<frames::Frame>,
}

impl Replayed {
    pub(crate) fn counts(&self) -> [usize; 7] {
        let of = |kinds: [u64; 2]| {
            self.frames.iter().filter(|frame| kinds.contains(&frame.kind)).count()
        };
        let count = |is: fn(&Told) -> bool| self.told.iter().filter(|told| is(told)).count();
        [
            self.frames.len(),
            of([kind::ID, kind::AUTH]),
            of([kind::WATCH, kind::UNWATCH]),
            count(|told| matches!(told, Told::Answer { .. })),
            count(|told| matches!(told, Told::Lost { .. })),
            count(|told| matches!(told, Told::Push { .. })),
            count(|told| matches!(told, Told::Change { .. })),
        ]
    }
}

/// Sync ids of the connection's own requests.
pub(crate) const ID_SYNC: u64 = 0xffff_ff01;
pub(crate) const AUTH_SYNC: u64 = 0xffff_ff02;

/// Who waits for a reply.
#[derive(Clone, Copy)]
enum Waiting {
    Handshake { sync: u64 },
    Request { number: usize, id: RequestId },
}

struct Replay<'a> {
    conn: Connection,
    input: BytesMut,
    cut: Cut,
    /// The server's bytes, which get our sync ids as they are read.
    bytes: Vec<u8>,
    replies: VecDeque<frames::Frame>,
    /// Fed behind the greeting: what the recorded client did not ask for.
    besides: Vec<u8>,
    /// By recorded sync ids, which may be used again, or all be the same.
    waiting: BTreeMap<u64, VecDeque<Waiting>>,
    requests: BTreeMap<RequestId, usize>,
    /// The recorded sync id of each request.
    syncs: Vec<u64>,
    watches: BTreeMap<String, WatchId>,
    /// How many replies the handshake still needs.
    handshake: usize,
    recorded: &'a Conn,
    written: Vec<u8>,
    told: Vec<Told>,
    expected: Vec<Told>,
}

/// A recorded request: the same entries, as bytes.
struct Same<'a>(&'a frames::Frame);

impl Request for Same<'_> {
    fn request_type(&self) -> RequestType {
        RequestType::new(self.0.kind as u32)
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        for (key, value) in fields(&self.0.body) {
            body.entry(Key::new(key as u32)).extend_from_slice(value);
        }
        Ok(())
    }
}

pub(crate) fn replay(session: &Session, conn: &Conn, cut: Cut, identity: &[u8]) -> Replayed {
    let (frames, end) = conn.request_frames();
    let mut left_out = Vec::new();
    let mut config = Config::default();
    if conn.has_request(kind::AUTH) {
        let password = Password::new("secret");
        config.credentials = Some(Credentials { user: "tester".into(), password });
    }
    let mut replay = Replay {
        conn: Connection::new(config, None),
        input: BytesMut::new(),
        cut,
        bytes: conn.replies.clone(),
        replies: conn.reply_frames().into(),
        besides: Vec::new(),
        waiting: BTreeMap::new(),
        requests: BTreeMap::new(),
        syncs: Vec::new(),
        watches: BTreeMap::new(),
        handshake: 1 + usize::from(conn.has_request(kind::AUTH)),
        recorded: conn,
        written: Vec::new(),
        told: Vec::new(),
        expected: Vec::new(),
    };
    if !conn.has_request(kind::ID) {
        left_out.push("its client sent no ID: the reply to ours is another connection's".into());
        replay.besides = identity.to_vec();
        let sync = frames::frames(identity, 0).0.swap_remove(0).sync_at.unwrap();
        put(&mut replay.besides[sync], ID_SYNC);
    }
    if end < conn.requests.len() {
        let malformed = &conn.requests[end..];
        left_out.push(format!("{malformed:02x?} are no request: we cannot write them"));
    }
    for step in order(conn, cut) {
        replay.step(&step);
    }
    let server = replay.conn.server().unwrap();
    assert_eq!(server.version().to_string(), session.server);
    let features: Vec<_> = server.features().iter().map(|feature| feature.number()).collect();
    assert_eq!(features, frames::features(&frames::frames(identity, 0).0[0].body));
    left_out.extend(written::compare(&replay.written, &frames));
    let reply_order = replay.told.iter().filter_map(|told| match told {
        Told::Answer { request, .. } | Told::Push { request, .. } => Some(replay.syncs[*request]),
        _ => None,
    });
    let reply_order = reply_order.collect();
    let Replay { told, expected, .. } = replay;
    Replayed { told, expected, reply_order, left_out, frames }
}

/// The steps as they were, or everything that is written before everything that is read. A key is
/// still watched until the last of its values was read.
fn order(conn: &Conn, cut: Cut) -> Vec<Step> {
    if cut != Cut::Whole {
        return conn.steps.clone();
    }
    let is_end = |step: &Step| matches!(step, Step::ClosedByClient | Step::ClosedByServer);
    let (frames, _) = conn.request_frames();
    let (unwatch, others): (Vec<_>, Vec<_>) =
        frames.iter().partition(|frame| frame.kind == kind::UNWATCH);
    let write = |frames: Vec<&frames::Frame>| -> Vec<_> {
        frames.iter().map(|frame| Step::Written(frame.start..frame.end)).collect()
    };
    let mut steps = write(others);
    steps.push(Step::Read(0..conn.replies.len()));
    steps.extend(write(unwatch));
    steps.extend(conn.steps.iter().filter(|step| is_end(step)).cloned());
    steps
}

impl Replay<'_> {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Written(range) => {
                let (frames, _) = self.recorded.request_frames();
                for frame in frames.iter().filter(|frame| range.contains(&frame.start)) {
                    self.request(frame);
                }
            }
            Step::Read(range) => self.read(range),
            Step::ClosedByServer => {
                let waiting = std::mem::take(&mut self.waiting);
                for waiting in waiting.into_values().flatten() {
                    let Waiting::Request { number, .. } = waiting else { panic!("no handshake") };
                    // It comes before the end.
                    let at = self.expected.len() - usize::from(self.is_closed());
                    let outcome = Outcome::MaybeExecuted;
                    self.expected.insert(at, Told::Lost { request: number, outcome });
                }
                if !self.is_closed() {
                    self.expected.push(Told::Closed { reason: None });
                }
                self.conn.handle_eof();
            }
            Step::ClosedByClient => {
                self.conn.close();
                assert!(self.conn.is_drained());
            }
        }
        self.poll();
    }

    fn is_closed(&self) -> bool {
        matches!(self.expected.last(), Some(Told::Closed { .. }))
    }

    /// Makes a recorded request, unless it is one that the connection makes by itself.
    fn request(&mut self, frame: &frames::Frame) {
        let own = match frame.kind {
            kind::ID => Some(ID_SYNC),
            kind::AUTH => Some(AUTH_SYNC),
            kind::WATCH => {
                let key = text(&frame.body, 0x57).unwrap();
                if !self.watches.contains_key(&key) {
                    let id = self.conn.watch(&key).unwrap();
                    self.watches.insert(key, id);
                } else if self.cut != Cut::Whole {
                    // It acknowledges an event, which we have done without being told.
                    let recorded = &self.recorded.requests[..frame.end];
                    let ours = written::watches_of(&self.written, &key);
                    assert!(ours >= written::watches_of(recorded, &key), "{key}");
                }
                return;
            }
            kind::UNWATCH => {
                let key = text(&frame.body, 0x57).unwrap();
                self.conn.unwatch(self.watches[&key]);
                return;
            }
            _ => None,
        };
        let waiting = self.waiting.entry(frame.sync).or_default();
        if let Some(sync) = own {
            waiting.push_back(Waiting::Handshake { sync });
            return;
        }
        let mut ours = Frame::new();
        match NonZeroU64::new(frame.stream) {
            Some(stream) => ours.encode_in_stream(stream, &Same(frame)).unwrap(),
            None => ours.encode(&Same(frame)).unwrap(),
        }
        let id = self.conn.send(&mut ours, None).unwrap();
        self.conn.accept_pushes(id);
        let number = self.syncs.len();
        self.syncs.push(frame.sync);
        self.requests.insert(id, number);
        waiting.push_back(Waiting::Request { number, id });
    }

    /// Feeds bytes that were read. Frames that begin in them get our sync ids first.
    fn read(&mut self, range: &Range<usize>) {
        let is_greeting = range.start < GREETING_SIZE;
        if is_greeting && !self.besides.is_empty() {
            self.handshake -= 1;
            self.expect_ready();
        }
        while self.replies.front().is_some_and(|frame| range.contains(&frame.start)) {
            let frame = self.replies.pop_front().unwrap();
            self.expect(&frame);
        }
        let mut bytes = self.bytes[range.clone()].to_vec();
        if is_greeting {
            bytes.splice(GREETING_SIZE..GREETING_SIZE, std::mem::take(&mut self.besides));
        }
        let piece = if self.cut == Cut::Bytes { 1 } else { bytes.len() };
        for piece in bytes.chunks(piece) {
            self.input.extend_from_slice(piece);
            self.poll();
        }
    }

    /// Whose a frame is, and what we will be told of it.
    fn expect(&mut self, frame: &frames::Frame) {
        let is_whole = frame.end <= self.bytes.len();
        let body = frame.body.clone();
        if frame.kind == kind::EVENT {
            let key = text(&body, 0x57).unwrap();
            let value = frames::field(&body, 0x58).map(<[u8]>::to_vec);
            self.expected.push(Told::Change { key, value });
            return;
        }
        let waiting = self.waiting.get_mut(&frame.sync);
        let error = frame
            .kind
            .checked_sub(kind::ERROR)
            .map(|code| Error { code: code as u32, message: text(&body, 0x31).unwrap() });
        let Some(&next) = waiting.as_ref().and_then(|waiting| waiting.front()) else {
            assert!(frame.sync == 0 && error.is_some(), "a reply to nobody: {frame:?}");
            self.expected.push(Told::Closed { reason: error });
            return;
        };
        let sync = match next {
            Waiting::Handshake { sync } => sync,
            Waiting::Request { id, .. } => id.sync(),
        };
        put(&mut self.bytes[frame.sync_at.clone().unwrap()], sync);
        if !is_whole {
            return;
        }
        if frame.kind != kind::CHUNK {
            waiting.and_then(VecDeque::pop_front);
        }
        match next {
            Waiting::Handshake { .. } => {
                self.handshake -= 1;
                self.expect_ready();
            }
            Waiting::Request { number, .. } if frame.kind == kind::CHUNK => {
                self.expected.push(Told::Push { request: number, body });
            }
            Waiting::Request { number, .. } => {
                let data = frames::field(&body, 0x30).map(<[u8]>::to_vec);
                let reply = Reply { body, data, error };
                self.expected.push(Told::Answer { request: number, reply });
            }
        }
    }

    fn expect_ready(&mut self) {
        if self.handshake == 0 {
            self.expected.push(Told::Ready);
        }
    }

    /// Takes what there is to be told, and writes what there is to be written after each.
    fn poll(&mut self) {
        loop {
            let told = match self.conn.poll_event(&mut self.input) {
                Ok(None) => return self.write(),
                Ok(Some(event)) => self.event(event),
                Err(error) => {
                    let end = told::end(error);
                    if self.told.last() != Some(&end) {
                        self.told.push(end);
                    }
                    return;
                }
            };
            self.told.push(told);
            self.write();
        }
    }

    fn event(&mut self, event: Event) -> Told {
        match event {
            Event::Ready => Told::Ready,
            Event::Answered(id) => {
                assert_eq!(self.conn.take_push(id), None, "pushes are told before");
                let answer = self.conn.take(id).unwrap();
                assert_eq!(self.conn.take(id), None, "one answer");
                told::answer(self.requests.remove(&id).unwrap(), answer)
            }
            Event::Pushed(id) => {
                let Some(Push::Message(message)) = self.conn.take_push(id) else {
                    panic!("no message");
                };
                Told::Push { request: self.requests[&id], body: message.body().to_vec() }
            }
            Event::Changed(id) => {
                assert_eq!(self.conn.watch_error(id), None);
                let (key, _) = self.watches.iter().find(|(_, watch)| **watch == id).unwrap();
                let value = self.conn.changed(id, 0).unwrap().raw().map(<[u8]>::to_vec);
                Told::Change { key: key.clone(), value }
            }
            other => panic!("{other:?}"),
        }
    }

    fn write(&mut self) {
        let mut output = Vec::new();
        while self.conn.poll_transmit(&mut output) {
            self.written.append(&mut output);
        }
    }
}
