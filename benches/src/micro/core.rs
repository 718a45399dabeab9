//! The state machines of a connection and of a session: all that happens between a request's frame
//! and its answer.

use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tarantool_proto::request::{Insert, Ping, Select};
use tarantool_proto::session::{Action, Session, SessionConfig, SessionEvent};
use tarantool_proto::{
    Answer, Config, Connection, Event, Frame, GREETING_SIZE, Request, RequestId,
};

use super::{Make, Operation, TEXT, keep, rows};

pub(super) const ALL: &[(&str, Make)] = &[
    ("slots/look up a request under way", lookup),
    ("core/send and cancel", send_and_cancel),
    ("core/ping, 1 under way", || {
        let mut link = Link::new(&[0xdd, 0, 0, 0, 0]);
        Box::new(move || link.round(1, |_| Ping))
    }),
    ("core/100 pings", || {
        let mut link = Link::new(&[0xdd, 0, 0, 0, 0]);
        Box::new(move || link.round(100, |_| Ping))
    }),
    ("core/100 selects of 1,536 bytes", || {
        let mut link = Link::new(&rows(1, TEXT));
        Box::new(move || link.round(100, |id| Select::from(512).key(id).limit(1)))
    }),
    ("core/100 inserts of 1,536 bytes", || {
        let mut link = Link::new(&[0xdd, 0, 0, 0, 0]);
        let text = "x".repeat(TEXT);
        Box::new(move || link.round_of_inserts(100, &text))
    }),
    ("session/100 pings", || {
        let mut link = Link::of_session(&[0xdd, 0, 0, 0, 0]);
        Box::new(move || link.round(100, |_| Ping))
    }),
    ("session/100 selects of 1,536 bytes", || {
        let mut link = Link::of_session(&rows(1, TEXT));
        Box::new(move || link.round(100, |id| Select::from(512).key(id).limit(1)))
    }),
    ("session/100 inserts of 1,536 bytes", || {
        let mut link = Link::of_session(&[0xdd, 0, 0, 0, 0]);
        let text = "x".repeat(TEXT);
        Box::new(move || link.round_of_inserts(100, &text))
    }),
];

/// What a connection and a session have in common.
trait Core {
    fn event(&mut self, input: &mut BytesMut) -> Option<Event>;
    fn transmit(&mut self, output: &mut Vec<u8>) -> bool;
    fn send(&mut self, frame: &mut Frame, deadline: Instant) -> RequestId;
    fn take(&mut self, id: RequestId) -> Answer;
}

impl Core for Connection {
    fn event(&mut self, input: &mut BytesMut) -> Option<Event> {
        self.poll_event(input).expect("the answers are right")
    }

    fn transmit(&mut self, output: &mut Vec<u8>) -> bool {
        self.poll_transmit(output)
    }

    fn send(&mut self, frame: &mut Frame, deadline: Instant) -> RequestId {
        self.send(frame, Some(deadline)).expect("there is a place")
    }

    fn take(&mut self, id: RequestId) -> Answer {
        self.take(id).expect("it was answered")
    }
}

impl Core for Session {
    fn event(&mut self, input: &mut BytesMut) -> Option<Event> {
        match self.poll_event(input).expect("the answers are right")? {
            SessionEvent::Answered(id) => Some(Event::Answered(id)),
            SessionEvent::Connecting { .. } => self.event(input),
            _ => Some(Event::Ready),
        }
    }

    fn transmit(&mut self, output: &mut Vec<u8>) -> bool {
        self.poll_transmit(output)
    }

    fn send(&mut self, frame: &mut Frame, deadline: Instant) -> RequestId {
        self.send(frame, Some(deadline)).expect("there is a place")
    }

    fn take(&mut self, id: RequestId) -> Answer {
        self.take(id).expect("it was answered")
    }
}

/// A connection in use, and a server that answers everything with the same data.
struct Link<C> {
    core: C,
    input: BytesMut,
    output: Vec<u8>,
    frame: Frame,
    /// An answer, in which the number of the request is still to be filled in.
    answer: Vec<u8>,
    ids: Vec<RequestId>,
    deadline: Instant,
}

/// Where the number of the request is in an answer.
const SYNC: Range<usize> = 14..22;
/// Where it is in a request.
const FRAME_SYNC: Range<usize> = 8..16;

impl Link<Connection> {
    fn new(data: &[u8]) -> Self {
        Self::over(Connection::new(Config::default(), None), data)
    }
}

impl Link<Session> {
    fn of_session(data: &[u8]) -> Self {
        let now = Instant::now();
        let mut session = Session::new(SessionConfig::default(), 1, now);
        session.handle_timeout(now);
        let Some(Action::Connect { attempt, .. }) = session.poll_action() else {
            panic!("a session begins with a connection");
        };
        assert!(session.handle_connected(attempt));
        Self::over(session, data)
    }
}

impl<C: Core> Link<C> {
    fn over(core: C, data: &[u8]) -> Self {
        let mut link = Self {
            core,
            input: BytesMut::with_capacity(1 << 18),
            output: Vec::new(),
            frame: Frame::new(),
            answer: super::reply(0, data),
            ids: Vec::new(),
            deadline: Instant::now() + Duration::from_secs(30),
        };
        link.input.extend_from_slice(&greeting());
        assert_eq!(link.event(), None, "a request is to be answered first");
        assert!(link.core.transmit(&mut link.output));
        let sync = link.output[FRAME_SYNC].to_vec();
        link.output.clear();
        link.answer[SYNC].copy_from_slice(&sync);
        link.input.extend_from_slice(&link.answer);
        assert_eq!(link.event(), Some(Event::Ready));
        link
    }

    fn event(&mut self) -> Option<Event> {
        self.core.event(&mut self.input)
    }

    fn send(&mut self, request: &impl Request) {
        keep(self.frame.encode(request));
        self.ids.push(self.core.send(&mut self.frame, self.deadline));
    }

    /// Encodes, sends, hands out, and takes the answers of some requests.
    fn round<R: Request>(&mut self, count: u64, make: impl Fn(u64) -> R) {
        for id in 0..count {
            self.send(&make(id));
        }
        self.answer_all();
    }

    fn round_of_inserts(&mut self, count: u64, text: &str) {
        for id in 0..count {
            self.send(&Insert::into(512).row((id, text)));
        }
        self.answer_all();
    }

    fn answer_all(&mut self) {
        while self.core.transmit(&mut self.output) {
            self.output.clear();
        }
        for id in self.ids.drain(..) {
            self.answer[SYNC].copy_from_slice(&id.sync().to_be_bytes());
            self.input.extend_from_slice(&self.answer);
        }
        while let Some(event) = self.event() {
            if let Event::Answered(id) = event {
                keep(self.core.take(id));
            }
        }
    }
}

/// A thousand requests under way; whether one of them is answered.
fn lookup() -> Operation {
    let mut link = Link::new(&[0xdd, 0, 0, 0, 0]);
    (0..1000).for_each(|_| link.send(&Ping));
    let mut next = 0;
    Box::new(move || {
        next = (next + 1) % link.ids.len();
        assert!(!link.core.is_answered(link.ids[next]));
    })
}

fn send_and_cancel() -> Operation {
    let mut link = Link::new(&[0xdd, 0, 0, 0, 0]);
    Box::new(move || {
        link.send(&Ping);
        while link.core.transmit(&mut link.output) {
            link.output.clear();
        }
        for id in link.ids.drain(..) {
            link.core.cancel(id);
            link.answer[SYNC].copy_from_slice(&id.sync().to_be_bytes());
        }
        // The place is free again once the late answer has come.
        link.input.extend_from_slice(&link.answer);
        while link.event().is_some() {}
    })
}

fn greeting() -> [u8; GREETING_SIZE] {
    let mut greeting = [b' '; GREETING_SIZE];
    let text = b"Tarantool 2.6.0 (Binary) 11111111-1111-4111-8111-111111111111";
    greeting[..text.len()].copy_from_slice(text);
    greeting[63] = b'\n';
    greeting[64..108].copy_from_slice(b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    greeting[127] = b'\n';
    greeting
}
