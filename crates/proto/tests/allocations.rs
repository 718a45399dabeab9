//! What is allocated, and that little of it is kept.
//!
//! Every test counts all allocations and reallocations of its own thread between two points. A
//! request's whole way is within: encoding, sending, handing out, the reply's bytes into the input
//! buffer, the event, the answer and its decoding. What the test adds is made before.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use allocation_counter::{AllocationInfo, measure};
use bytes::BytesMut;
use tarantool_proto::msgpack::{Reader, from_slice};
use tarantool_proto::request::Select;
use tarantool_proto::session::{Action, Session, SessionConfig, SessionEvent};
use tarantool_proto::{
    Config, Connection, ConnectionError, Event, Frame, ProtocolError, RequestId,
};

const REQUESTS: u64 = 10_000;

/// A connection in use, with everything that its owner keeps for it.
struct Link {
    conn: Connection,
    input: BytesMut,
    output: Vec<u8>,
    frame: Frame,
    reply: Vec<u8>,
    ids: Vec<RequestId>,
}

impl Link {
    fn new(config: Config) -> Self {
        let salt = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let greeting = format!("{:<63}\n{salt:<63}\n", "Tarantool 3.7.0 (Binary)");
        let mut reply = vec![0xce, 0, 0, 0, 0, 0x83, 0x00, 0xce, 0, 0, 0, 0, 0x01];
        reply.extend([0xcf; 9]);
        reply.extend([0x05, 0xcf, 0, 0, 0, 0, 0, 0, 0, 70]);
        reply.extend(b"\x81\x30\xdd\x00\x00\x00\x01\x93\x07\xa4Anna\xc0");
        reply[4] = reply.len() as u8 - 5;
        let mut link = Self {
            conn: Connection::new(config, None),
            input: BytesMut::with_capacity(1 << 16),
            output: Vec::new(),
            frame: Frame::new(),
            reply,
            ids: Vec::with_capacity(64),
        };
        link.input.extend_from_slice(greeting.as_bytes());
        link.input.extend_from_slice(b"\x08\x81\x01\xce\xff\xff\xff\x01\x80");
        assert_eq!(link.conn.poll_event(&mut link.input), Ok(Some(Event::Ready)));
        assert_eq!(link.conn.poll_event(&mut link.input), Ok(None));
        assert!(link.conn.poll_transmit(&mut link.output));
        link.output.clear();
        link
    }

    fn send(&mut self, number: u64, deadline: Option<Instant>) -> RequestId {
        let request = Select::from(512).key((number, "a part of the key"));
        self.frame.encode(&request).unwrap();
        self.conn.send(&mut self.frame, deadline).unwrap()
    }

    /// Sends `count` requests, hands them out, answers them, takes the answers.
    fn round(&mut self, count: usize, deadline: Option<Instant>) {
        for number in 0..count {
            let id = self.send(number as u64, deadline);
            self.ids.push(id);
        }
        while self.conn.poll_transmit(&mut self.output) {
            self.output.clear();
        }
        for id in self.ids.drain(..) {
            self.reply[14..22].copy_from_slice(&id.sync().to_be_bytes());
            self.input.extend_from_slice(&self.reply);
        }
        let mut answered = 0;
        while let Some(event) = self.conn.poll_event(&mut self.input).unwrap() {
            let Event::Answered(id) = event else {
                panic!("{event:?}");
            };
            let response = self.conn.take(id).unwrap().unwrap().into_result().unwrap();
            assert_eq!(response.first(), Ok(Some((7, "Anna", None::<u8>))));
            answered += 1;
        }
        assert_eq!(answered, count);
    }
}

#[expect(clippy::disallowed_methods, reason = "any time to count from")]
fn some_time() -> Instant {
    Instant::now()
}

/// Nothing but what a handful of errors takes.
fn assert_little(allocated: AllocationInfo) {
    assert!(allocated.bytes_total < 4096, "{allocated:?}");
}

#[test]
fn the_counter_counts() {
    let allocated = measure(|| {
        let mut bytes = Vec::with_capacity(10);
        bytes.extend([0_u8; 100]);
    });
    assert_eq!(allocated.count_total, 2);
}

#[test]
fn one_request_at_a_time_allocates_nothing() {
    let mut link = Link::new(Config::default());
    (0..100).for_each(|_| link.round(1, None));
    let allocated = measure(|| (0..REQUESTS).for_each(|_| link.round(1, None)));
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn forty_requests_at_a_time_allocate_nothing() {
    let mut link = Link::new(Config::default());
    (0..100).for_each(|_| link.round(40, None));
    let allocated = measure(|| (0..REQUESTS / 40).for_each(|_| link.round(40, None)));
    assert_eq!(allocated.count_total, 0);
    let stats = link.conn.stats();
    assert_eq!(stats.batch_requests.median(), 32);
}

#[test]
fn deadlines_allocate_nothing() {
    let mut link = Link::new(Config::default());
    let mut now = some_time();
    let mut round = |link: &mut Link| {
        now += Duration::from_millis(1);
        link.conn.handle_timeout(now);
        link.round(40, Some(now + Duration::from_secs(1)));
    };
    (0..100).for_each(|_| round(&mut link));
    let allocated = measure(|| (0..REQUESTS / 40).for_each(|_| round(&mut link)));
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn deadlines_in_any_order_allocate_nothing() {
    let mut link = Link::new(Config::default());
    let start = some_time();
    let mut turn = 0;
    let mut round = |link: &mut Link| {
        turn += 37;
        link.round(4, Some(start + Duration::from_secs(turn % 100)));
    };
    (0..1000).for_each(|_| round(&mut link));
    let allocated = measure(|| (0..REQUESTS / 4).for_each(|_| round(&mut link)));
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn answers_in_another_order_than_asked_allocate_nothing() {
    let mut link = Link::new(Config::default());
    let mut round = || {
        let ids: [RequestId; 8] = std::array::from_fn(|number| link.send(number as u64, None));
        while link.conn.poll_transmit(&mut link.output) {
            link.output.clear();
        }
        // One is cancelled, and its reply comes all the same.
        link.conn.cancel(ids[3]);
        for id in ids.iter().rev() {
            link.reply[14..22].copy_from_slice(&id.sync().to_be_bytes());
            link.input.extend_from_slice(&link.reply);
        }
        while let Some(Event::Answered(id)) = link.conn.poll_event(&mut link.input).unwrap() {
            drop(link.conn.take(id).unwrap());
        }
    };
    (0..100).for_each(|_| round());
    let allocated = measure(|| (0..REQUESTS / 8).for_each(|_| round()));
    assert_eq!(allocated.count_total, 0);
    assert_eq!(link.conn.stats().late_replies, 100 + REQUESTS / 8);
}

#[test]
fn a_million_cancelled_requests_keep_no_memory() {
    let mut config = Config::default();
    config.in_flight_max = 1;
    let mut link = Link::new(config);
    link.send(0, None);
    // The others queue up behind this one.
    let waiting = link.send(1, None);
    let deadline = Some(some_time() + Duration::from_secs(60));
    let allocated = measure(|| {
        for number in 0..1_000_000 {
            let id = link.send(number, deadline.filter(|_| number % 2 == 0));
            link.conn.cancel(id);
        }
    });
    assert!(allocated.bytes_max < 64 << 10, "{allocated:?}");
    link.conn.cancel(waiting);
    assert!(!link.conn.is_saturated());
}

#[test]
fn requests_that_time_out_keep_no_memory() {
    let mut link = Link::new(Config::default());
    let mut now = some_time();
    let allocated = measure(|| {
        for number in 0..100_000 {
            let id = link.send(number, Some(now + Duration::from_millis(1)));
            while link.conn.poll_transmit(&mut link.output) {
                link.output.clear();
            }
            now += Duration::from_millis(1);
            link.conn.handle_timeout(now);
            assert_eq!(link.conn.poll_event(&mut link.input), Ok(Some(Event::Answered(id))));
            assert!(link.conn.take(id).unwrap().is_err());
        }
    });
    assert!(allocated.bytes_max < 64 << 10, "{allocated:?}");
}

#[test]
fn the_queue_keeps_no_memory_of_a_peak() {
    let mut link = Link::new(Config::default());
    let allocated = measure(|| {
        for number in 0..20 {
            let request = Select::from(512).key("x".repeat(4 << 20));
            link.frame.encode(&request).unwrap();
            let id = link.conn.send(&mut link.frame, None).unwrap();
            link.frame = Frame::new();
            assert!(link.conn.poll_transmit(&mut link.output));
            link.output = Vec::new();
            link.conn.cancel(id);
            assert_eq!(id.slot(), 0, "{number}");
        }
    });
    assert!(allocated.bytes_current < 1 << 20, "{allocated:?}");
}

#[test]
fn a_claimed_packet_length_allocates_nothing() {
    let mut link = Link::new(Config::default());
    let just_fits = [0xce, 0x08, 0x00, 0x00, 0x00, 0x83];
    let allocated = measure(|| {
        link.input.extend_from_slice(&just_fits);
        assert_eq!(link.conn.poll_event(&mut link.input), Ok(None));
    });
    assert_eq!(allocated.count_total, 0);

    let mut link = Link::new(Config::default());
    let allocated = measure(|| {
        link.input.extend_from_slice(&[0xce, 0xff, 0xff, 0xff, 0xff, 0x83]);
        let end = link.conn.poll_event(&mut link.input).unwrap_err();
        let expected = ProtocolError::PacketTooLong { length: 0xffff_ffff, max: 128 << 20 };
        assert_eq!(end, ConnectionError::Protocol(expected));
    });
    assert_little(allocated);
}

#[test]
fn claimed_lengths_of_values_allocate_nothing() {
    for bytes in [
        &[0xdd, 0xff, 0xff, 0xff, 0xff, 0x01][..],
        &[0xdf, 0x7f, 0xff, 0xff, 0xff, 0x01, 0x01],
        &[0xdc, 0xff, 0xff, 0x01],
        &[0xdb, 0xff, 0xff, 0xff, 0xff, b'x'],
        &[0xc6, 0xff, 0xff, 0xff, 0xff, 0x01],
        &[0xc9, 0xff, 0xff, 0xff, 0xff, 0x01, 0x01],
    ] {
        assert_little(measure(|| {
            assert!(from_slice::<Vec<u64>>(bytes).is_err());
            assert!(from_slice::<HashMap<u64, u64>>(bytes).is_err());
            assert!(from_slice::<String>(bytes).is_err());
            assert!(Reader::new(bytes).skip().is_err());
        }));
    }
}

#[test]
fn a_count_of_rows_reserves_little() {
    // Rows of one byte each that would be a thousand times larger in memory.
    const ROWS: usize = 1 << 20;
    let mut link = Link::new(Config::default());
    let id = link.send(1, None);
    let mut packet = vec![0xce, 0, 0, 0, 0, 0x82, 0x00, 0x00, 0x01, 0xcf];
    packet.extend(id.sync().to_be_bytes());
    packet.extend(b"\x81\x30\xdd\x00\x10\x00\x00");
    packet.resize(packet.len() + ROWS, 0xc0);
    let length = packet.len() as u32 - 5;
    packet[1..5].copy_from_slice(&length.to_be_bytes());
    link.input.extend_from_slice(&packet);
    assert_eq!(link.conn.poll_event(&mut link.input), Ok(Some(Event::Answered(id))));
    let response = link.conn.take(id).unwrap().unwrap();
    assert_eq!(response.rows::<()>().unwrap().len(), ROWS);
    let allocated = measure(|| assert!(response.rows::<[[u64; 32]; 4]>().is_err()));
    assert!(allocated.bytes_max < 2 << 20, "{allocated:?}");
}

/// A session in use, driven as a [`Link`] drives a connection.
struct SessionLink {
    session: Session,
    input: BytesMut,
    output: Vec<u8>,
    frame: Frame,
    ids: Vec<RequestId>,
}

impl SessionLink {
    fn new() -> Self {
        let mut session = Session::new(SessionConfig::default(), 1, some_time());
        session.handle_timeout(some_time());
        let Some(Action::Connect { attempt, .. }) = session.poll_action() else {
            panic!("{session:?}");
        };
        assert!(session.handle_connected(attempt));
        let mut input = BytesMut::with_capacity(1 << 16);
        let salt = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let greeting = format!("{:<63}\n{salt:<63}\n", "Tarantool 3.7.0 (Binary)");
        input.extend_from_slice(greeting.as_bytes());
        input.extend_from_slice(b"\x08\x81\x01\xce\xff\xff\xff\x01\x80");
        let mut output = Vec::new();
        while session.poll_event(&mut input).unwrap().is_some() {}
        assert!(session.poll_transmit(&mut output));
        output.clear();
        assert_eq!(session.generation(), Some(1));
        Self { session, input, output, frame: Frame::new(), ids: Vec::with_capacity(64) }
    }

    fn round(&mut self, count: usize, deadline: Option<Instant>) {
        for number in 0..count {
            let key = (number as u64, "a part of the key");
            self.frame.encode(&Select::from(512).key(key)).unwrap();
            self.ids.push(self.session.send(&mut self.frame, deadline).unwrap());
        }
        while self.session.poll_transmit(&mut self.output) {
            self.output.clear();
        }
        let mut reply = *b"\x0d\x82\x00\x00\x01\xcf\0\0\0\0\0\0\0\0";
        for id in self.ids.drain(..) {
            reply[6..].copy_from_slice(&id.sync().to_be_bytes());
            self.input.extend_from_slice(&reply);
        }
        let mut answered = 0;
        while let Some(event) = self.session.poll_event(&mut self.input).unwrap() {
            let SessionEvent::Answered(id) = event else {
                panic!("{event:?}");
            };
            assert!(self.session.take(id).unwrap().is_ok());
            answered += 1;
        }
        assert_eq!((answered, self.session.poll_action()), (count, None));
    }
}

#[test]
fn a_session_allocates_nothing_for_requests() {
    let mut link = SessionLink::new();
    let mut now = some_time();
    let mut round = |count| {
        now += Duration::from_millis(1);
        link.session.handle_timeout(now);
        link.round(count, Some(now + Duration::from_secs(1)));
    };
    (0..100).for_each(|_| round(40));
    let allocated =
        measure(|| (0..REQUESTS / 41).for_each(|_| [1, 40].into_iter().for_each(&mut round)));
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn a_session_keeps_little_of_a_peak() {
    let mut link = SessionLink::new();
    let allocated = measure(|| {
        let mut ids = Vec::new();
        for _ in 0..20 {
            link.frame.encode(&Select::from(512).key("x".repeat(4 << 20))).unwrap();
            ids.push(link.session.send(&mut link.frame, None).unwrap());
            assert!(link.session.poll_transmit(&mut link.output));
            link.output = Vec::new();
        }
        ids.into_iter().for_each(|id| link.session.cancel(id));
        link.frame = Frame::new();
    });
    assert!(allocated.bytes_current < 1 << 20, "{allocated:?}");
}
