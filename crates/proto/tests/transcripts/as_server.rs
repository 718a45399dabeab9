//! What a recorded client wrote, with ours in the server's place.

use std::collections::{BTreeMap, VecDeque};

use bytes::BytesMut;
use tarantool_proto::server::{ServerConfig, ServerConnection, ServerEvent};
use tarantool_proto::{Greeting, ProtocolError};

use crate::frames::{Frame, features, frames, kind, text};
use crate::session::{Conn, GREETING_SIZE, Session};
use crate::told::Error;

/// What became of one frame.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    HandedOut,
    LoggedIn,
    Identified,
    Refused(Error),
}

pub(crate) struct Replayed {
    pub(crate) seen: Vec<Seen>,
    pub(crate) different: Vec<String>,
    frames: usize,
}

impl Replayed {
    pub(crate) fn counts(&self) -> [usize; 5] {
        let count = |is: fn(&Seen) -> bool| self.seen.iter().filter(|seen| is(seen)).count();
        [
            self.frames,
            count(|seen| matches!(seen, Seen::HandedOut)),
            count(|seen| matches!(seen, Seen::Refused(_))),
            count(|seen| matches!(seen, Seen::LoggedIn)),
            count(|seen| matches!(seen, Seen::Identified)),
        ]
    }
}

/// Codes that this layer answers; all others come from whoever executes requests.
const OURS: [u32; 9] = [20, 47, 48, 69, 109, 229, 230, 249, 251];
const UNKNOWN_TYPE: u32 = 48;

/// Feeds what the client wrote in pieces, and asserts of each frame that it is handed out as it was
/// written, or refused where and as the recorded server refused it.
pub(crate) fn replay(session: &Session, conn: &Conn, piece: usize) -> Replayed {
    let (requests, end) = conn.request_frames();
    let mut replies: BTreeMap<u64, VecDeque<Frame>> = BTreeMap::new();
    for reply in conn.reply_frames() {
        if reply.kind == kind::OK || reply.kind >= kind::ERROR {
            replies.entry(reply.sync).or_default().push_back(reply);
        }
    }
    let mut server = Server::new(conn);
    let (mut seen, mut different) = (Vec::new(), Vec::new());
    for request in &requests {
        let ours = server.receive(&conn.requests[request.start..request.end], piece, request);
        let theirs = match request.kind {
            // They get no reply unless they fail.
            kind::WATCH | kind::UNWATCH => None,
            _ => replies.get_mut(&request.sync).and_then(VecDeque::pop_front),
        };
        let theirs = theirs.and_then(|reply| error(&reply));
        let refused = theirs.filter(|error| OURS.contains(&error.code));
        let why = match (&ours, refused) {
            (Seen::Refused(ours), Some(theirs)) => {
                assert_eq!(*ours, theirs, "{request:?}");
                None
            }
            (Seen::Refused(error), None) => {
                assert!(is_replication(request) && error.code == UNKNOWN_TYPE, "{request:?}");
                Some("replication is not done here: error 48")
            }
            (_, None) => None,
            (Seen::Identified, Some(theirs)) => {
                assert!(theirs.code == UNKNOWN_TYPE && session.server == "2.6.0");
                Some("that server has no ID: ours has")
            }
            (_, Some(theirs)) => panic!("{request:?} was refused by {theirs:?}"),
        };
        let why = why.map(str::to_owned).filter(|why| !different.contains(why));
        different.extend(why);
        seen.push(ours);
    }
    if end < conn.requests.len() {
        let ours = server.receive_malformed(&conn.requests[end..], piece);
        let theirs = replies.remove(&0).unwrap().pop_front().unwrap();
        assert_eq!(Some(&ours), error(&theirs).as_ref());
        seen.push(Seen::Refused(ours));
    }
    Replayed { seen, different, frames: requests.len() }
}

fn is_replication(request: &Frame) -> bool {
    // Acknowledgements have the type of a success.
    matches!(request.kind, kind::VOTE | kind::FETCH_SNAPSHOT | kind::SUBSCRIBE | kind::OK)
}

fn error(reply: &Frame) -> Option<Error> {
    let code = reply.kind.checked_sub(kind::ERROR)? as u32;
    Some(Error { code, message: text(&reply.body, 0x31).unwrap() })
}

struct Server {
    conn: ServerConnection,
    input: BytesMut,
}

impl Server {
    /// One with the recorded salt, so that recorded proofs are right.
    fn new(conn: &Conn) -> Self {
        let greeting = Greeting::parse(conn.replies.first_chunk().unwrap()).unwrap();
        let mut salt = [0; 32];
        salt[..20].copy_from_slice(greeting.salt());
        let mut conn = ServerConnection::new(ServerConfig::default(), salt);
        let mut output = Vec::new();
        assert!(conn.poll_transmit(&mut output));
        assert_eq!(output.len(), GREETING_SIZE);
        Self { conn, input: BytesMut::new() }
    }

    /// Feeds one frame, which is over with its last piece.
    fn receive(&mut self, bytes: &[u8], piece: usize, request: &Frame) -> Seen {
        let mut event = None;
        for piece in bytes.chunks(piece) {
            assert!(event.is_none() && self.output().is_empty(), "{request:?} is not over yet");
            self.input.extend_from_slice(piece);
            event = self.conn.poll_event(&mut self.input).unwrap();
        }
        assert!(self.input.is_empty());
        let seen = match event {
            Some(ServerEvent::Request(incoming)) => {
                let read = (incoming.request_type.number().into(), incoming.sync);
                assert_eq!(read, (request.kind, request.sync));
                assert_eq!(incoming.stream_id, request.stream);
                assert_eq!(incoming.body, request.body);
                self.conn.finish(incoming.sync);
                assert!(self.output().is_empty());
                return Seen::HandedOut;
            }
            Some(ServerEvent::Login(login)) => {
                assert_eq!((request.kind, login.sync), (kind::AUTH, request.sync));
                let password = match &*login.user {
                    "tester" => "secret",
                    "replicator" => "repl",
                    other => panic!("{other}"),
                };
                assert!(self.conn.answer_login(login, Some(password.as_bytes())));
                Some(Seen::LoggedIn)
            }
            Some(other) => panic!("{other:?}"),
            None => None,
        };
        let reply = self.reply();
        assert_eq!(reply.sync, request.sync);
        match (error(&reply), seen) {
            (Some(error), None) => Seen::Refused(error),
            (None, Some(seen)) => seen,
            (None, None) if request.kind == kind::ID => {
                let told: Vec<_> = self.conn.features().iter().map(|told| told.number()).collect();
                assert_eq!(told, features(&request.body));
                Seen::Identified
            }
            other => panic!("{other:?}"),
        }
    }

    /// Feeds what is no frame: the connection is over.
    fn receive_malformed(&mut self, bytes: &[u8], piece: usize) -> Error {
        let mut end = None;
        for piece in bytes.chunks(piece) {
            self.input.extend_from_slice(piece);
            let error = self.conn.poll_event(&mut self.input).unwrap_err();
            assert_eq!(*end.get_or_insert_with(|| error.clone()), error);
        }
        assert_eq!(end, Some(ProtocolError::LengthNotInteger { byte: bytes[0] }));
        let reply = self.reply();
        assert_eq!(reply.sync, 0);
        error(&reply).unwrap()
    }

    fn output(&mut self) -> Vec<u8> {
        let mut output = Vec::new();
        self.conn.poll_transmit(&mut output);
        output
    }

    /// The one reply.
    fn reply(&mut self) -> Frame {
        let output = self.output();
        let (mut replies, end) = frames(&output, 0);
        assert_eq!((replies.len(), end), (1, output.len()));
        replies.swap_remove(0)
    }
}
