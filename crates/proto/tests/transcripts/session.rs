//! Reads the sessions.

use std::ops::Range;
use std::path::PathBuf;

use serde_json::Value as Json;

use crate::frames::{Frame, frames, kind};

pub(crate) struct Session {
    pub(crate) name: String,
    pub(crate) server: String,
    /// The sync ids of the replies as they came, where they were recorded.
    pub(crate) reply_order: Option<Vec<u64>>,
    pub(crate) conns: Vec<Conn>,
}

/// One connection of a session.
pub(crate) struct Conn {
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
    /// All that the client wrote, and that the server wrote.
    pub(crate) requests: Vec<u8>,
    pub(crate) replies: Vec<u8>,
}

/// The ranges are of the bytes of the connection.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Written(Range<usize>),
    Read(Range<usize>),
    ClosedByServer,
    ClosedByClient,
}

/// All sessions, in the order of their names.
pub(crate) fn sessions() -> Vec<Session> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/transcripts");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let sessions: Vec<_> =
        files.iter().map(|file| session(&std::fs::read(file).unwrap())).collect();
    assert_eq!(sessions.len(), 13);
    sessions
}

fn session(text: &[u8]) -> Session {
    let json: Json = serde_json::from_slice(text).unwrap();
    let order = json.get("reply_order").map(|order| order.as_array().unwrap());
    let mut conns: Vec<Conn> = Vec::new();
    for event in json["events"].as_array().unwrap() {
        let name = event["conn"].as_str().unwrap_or_default();
        let direction = event["dir"].as_str().unwrap();
        if direction == "note" {
            continue;
        }
        let known = conns.iter().position(|conn| conn.name == name);
        let at = known.unwrap_or_else(|| {
            let (requests, replies) = (Vec::new(), Vec::new());
            conns.push(Conn { name: name.into(), steps: Vec::new(), requests, replies });
            conns.len() - 1
        });
        let conn = &mut conns[at];
        let bytes = || hex(event["hex"].as_str().unwrap());
        conn.steps.push(match direction {
            "c2s" => Step::Written(append(&mut conn.requests, &bytes())),
            "s2c" => Step::Read(append(&mut conn.replies, &bytes())),
            "eof_s" => Step::ClosedByServer,
            "eof_c" => Step::ClosedByClient,
            other => panic!("{other}"),
        });
    }
    Session {
        name: json["name"].as_str().unwrap().into(),
        server: json["server"].as_str().unwrap().into(),
        reply_order: order.map(|order| order.iter().map(|sync| sync.as_u64().unwrap()).collect()),
        conns,
    }
}

fn append(all: &mut Vec<u8>, bytes: &[u8]) -> Range<usize> {
    let start = all.len();
    all.extend_from_slice(bytes);
    start..all.len()
}

fn hex(digits: &str) -> Vec<u8> {
    let digit = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(digit).collect()
}

pub(crate) const GREETING_SIZE: usize = 128;

impl Conn {
    /// What the client wrote as frames, and where that ends.
    pub(crate) fn request_frames(&self) -> (Vec<Frame>, usize) {
        frames(&self.requests, 0)
    }

    /// What the server wrote behind its greeting. The last frame may be incomplete.
    pub(crate) fn reply_frames(&self) -> Vec<Frame> {
        let (frames, end) = frames(&self.replies, GREETING_SIZE);
        assert!(end >= self.replies.len(), "no frame");
        frames
    }

    pub(crate) fn has_request(&self, request_type: u64) -> bool {
        self.request_frames().0.iter().any(|frame| frame.kind == request_type)
    }
}

/// What a server of this version answered to an ID, where a client sent one.
pub(crate) fn identity<'a>(sessions: &'a [Session], server: &str) -> &'a [u8] {
    let conns = sessions.iter().filter(|session| session.server == server);
    conns
        .flat_map(|session| &session.conns)
        .find(|conn| conn.has_request(kind::ID))
        .map(|conn| {
            // Whoever sends an ID sends it first, and waits.
            let reply = conn.reply_frames().swap_remove(0);
            &conn.replies[reply.start..reply.end]
        })
        .unwrap()
}
