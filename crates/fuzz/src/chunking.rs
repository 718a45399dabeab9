//! What a server sends, made of packets that mean something, whole and cut anywhere: the same
//! events, answers, messages, values and output.

use bytes::BytesMut;
use tarantool_proto::request::{Call, Insert, Ping, Request, Select};
use tarantool_proto::{
    Answer, Config, Connection, ConnectionError, Event, Frame, Push, RequestId, Stats, WatchId,
    WatchedValue,
};

use crate::peer::{
    CHUNK, ERROR, EVENT, GREETING, ID_BODY, ID_SYNC, OK, SPACES_SYNC, packet, short,
};
use crate::source::Source;

/// At first the lengths of the pieces, which repeat, then the packets.
pub(crate) fn run(data: &[u8]) {
    let mut source = Source::new(data);
    let cuts = source.counted();
    let wire = wire(&mut source);
    let whole = life(&wire, &[]);
    let pieces = life(&wire, cuts);
    assert_eq!(whole, pieces, "in pieces of {cuts:?} bytes");
}

/// The kinds of packets, in the lower bits of a byte; what they are about is above.
pub(crate) const REPLY: u8 = 0;
pub(crate) const REFUSAL: u8 = 1;
pub(crate) const MESSAGE: u8 = 2;
pub(crate) const CHANGE: u8 = 3;
pub(crate) const VIEW: u8 = 4;
pub(crate) const RAW: u8 = 5;

fn wire(source: &mut Source<'_>) -> Vec<u8> {
    let mut wire = GREETING.to_vec();
    packet(&mut wire, OK, ID_SYNC, ID_BODY);
    while !source.is_empty() {
        let choice = source.byte();
        let about = u64::from(choice >> 3);
        // The first requests of a connection, each in a slot of its own.
        let sync = 1 << 32 | about;
        match choice & 7 {
            REPLY => packet(&mut wire, OK, sync, source.counted()),
            REFUSAL => {
                let code = u32::from(source.byte());
                packet(&mut wire, ERROR | code, sync, source.counted());
            }
            MESSAGE => packet(&mut wire, CHUNK, sync, source.counted()),
            CHANGE => {
                let value = source.counted();
                let key = short(KEYS[about as usize % KEYS.len()].as_bytes());
                let is_there = !value.is_empty();
                let key_of_value: &[u8] = if is_there { &[0x58] } else { &[] };
                let head = [0x81 + u8::from(is_there), 0x57];
                packet(&mut wire, EVENT, 0, &[&head, &*key, key_of_value, value].concat());
            }
            VIEW => packet(&mut wire, OK, SPACES_SYNC + (about & 1), source.counted()),
            RAW => wire.extend_from_slice(source.counted()),
            // To one who may not be there.
            6 => packet(&mut wire, OK, u64::from(source.byte()) << 32 | about, &[0x80]),
            _ => packet(&mut wire, OK, sync, &[0x81, 0x30, 0x91, choice & 0x7f]),
        }
    }
    wire
}

const KEYS: [&str; 2] = ["first", "second"];

/// All that its user sees of a connection.
#[derive(Debug, PartialEq)]
struct Seen {
    told: Vec<Told>,
    output: Vec<u8>,
    end: ConnectionError,
    stats: Stats,
}

#[derive(Debug, PartialEq)]
enum Told {
    Event(Event),
    Answer(Option<Answer>),
    Value(Option<WatchedValue>),
    Message(Option<Push>),
}

fn life(wire: &[u8], cuts: &[u8]) -> Seen {
    let mut config = Config::default();
    config.packet_bytes_max = PACKET_BYTES_MAX;
    (config.pushes_max, config.push_bytes_max) = (3, 100);
    let mut user = User {
        conn: Connection::new(config, None),
        input: BytesMut::new(),
        told: Vec::new(),
        output: Vec::new(),
    };
    user.ask();
    let mut lengths = cuts.iter().cycle();
    let mut rest = wire;
    while !rest.is_empty() {
        let length = lengths.next().map_or(usize::MAX, |length| usize::from(*length) + 1);
        let (piece, behind) = rest.split_at(length.min(rest.len()));
        rest = behind;
        user.input.extend_from_slice(piece);
        if let Err(end) = user.drain() {
            return user.seen(end);
        }
    }
    user.conn.handle_eof();
    let end = user.drain().expect_err("the connection outlived its stream");
    user.seen(end)
}

const PACKET_BYTES_MAX: usize = 1 << 10;

struct User {
    conn: Connection,
    input: BytesMut,
    told: Vec<Told>,
    output: Vec<u8>,
}

impl User {
    /// Wants something of every kind.
    fn ask(&mut self) {
        for _ in 0..2 {
            self.send(&Ping);
            self.send(&Select::from(512).key(1));
            self.send(&Insert::into("space").row((1, "row")));
            let call = self.send(&Call::new("f"));
            self.conn.accept_pushes(call);
        }
        for key in KEYS {
            self.conn.watch(key).expect("a key of a few bytes");
        }
    }

    fn send(&mut self, request: &impl Request) -> RequestId {
        let mut frame = Frame::new();
        frame.encode(request).expect("plain values");
        self.conn.send(&mut frame, None).expect("a new connection")
    }

    /// Output is taken after each event only: when it leaves does make a difference.
    fn drain(&mut self) -> Result<(), ConnectionError> {
        while let Some(event) = self.conn.poll_event(&mut self.input)? {
            self.told.push(Told::Event(event));
            self.told.push(match event {
                Event::Answered(id) => Told::Answer(self.conn.take(id)),
                Event::Changed(id) => Told::Value(self.value(id)),
                Event::Pushed(id) => Told::Message(self.conn.take_push(id)),
                _ => continue,
            });
            self.transmit();
        }
        Ok(())
    }

    fn value(&self, id: WatchId) -> Option<WatchedValue> {
        self.conn.changed(id, 0)
    }

    fn transmit(&mut self) {
        let mut output = Vec::new();
        while self.conn.poll_transmit(&mut output) {
            self.output.append(&mut output);
        }
    }

    fn seen(mut self, end: ConnectionError) -> Seen {
        self.transmit();
        let stats = *self.conn.stats();
        Seen { told: self.told, output: self.output, end, stats }
    }
}
