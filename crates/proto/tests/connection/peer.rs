//! A scripted server: bytes built by hand, independently of the crate's own encoder.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use rmpv::Value;
use tarantool_proto::request::{Call, Request};
use tarantool_proto::{
    Config, Connection, ConnectionError, Credentials, Event, Frame, Password, RequestId,
};

pub(crate) const GREETING_2_6: &[u8; 128] = b"Tarantool 2.6.0 (Binary) \
    11111111-1111-4111-8111-111111111111  \n\
    AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=                   \n";
pub(crate) const GREETING_3_7: &[u8; 128] = b"Tarantool 3.7.0 (Binary) \
    11111111-1111-4111-8111-111111111111  \n\
    AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=                   \n";
/// What a console port sends.
pub(crate) fn console_greeting() -> [u8; 128] {
    let mut bytes = [b' '; 128];
    for (line, text) in bytes
        .chunks_mut(64)
        .zip(["Tarantool 3.7.0 (Lua console)", "type 'help' for interactive help"])
    {
        line[..text.len()].copy_from_slice(text.as_bytes());
        line[63] = b'\n';
    }
    bytes
}

/// The sync ids that the connection uses for its own requests.
pub(crate) const ID_SYNC: u64 = 0xffff_ff01;
pub(crate) const AUTH_SYNC: u64 = 0xffff_ff02;
pub(crate) const SPACES_SYNC: u64 = 0xffff_ff03;
pub(crate) const INDEXES_SYNC: u64 = 0xffff_ff04;

pub(crate) const SELECT: u64 = 1;
pub(crate) const INSERT: u64 = 2;
pub(crate) const AUTH: u64 = 7;
pub(crate) const CALL: u64 = 10;
pub(crate) const BEGIN: u64 = 14;
pub(crate) const COMMIT: u64 = 15;
pub(crate) const ROLLBACK: u64 = 16;
pub(crate) const PING: u64 = 64;
pub(crate) const ID: u64 = 73;
pub(crate) const EVENT: u32 = 76;
pub(crate) const CHUNK: u32 = 0x80;
pub(crate) const DATA: u64 = 0x30;

/// A packet of these bytes, with the length as servers write it.
pub(crate) fn packet(content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xce];
    bytes.extend((content.len() as u32).to_be_bytes());
    bytes.extend(content);
    bytes
}

/// A packet with the header of an ordinary reply; the schema version is 8 bytes wide.
pub(crate) fn packet_of(kind: u32, sync: u64, schema: u64, body: &[u8]) -> Vec<u8> {
    let mut content = vec![0x83, 0x00, 0xce];
    content.extend(kind.to_be_bytes());
    content.extend([0x01, 0xcf]);
    content.extend(sync.to_be_bytes());
    content.extend([0x05, 0xcf]);
    content.extend(schema.to_be_bytes());
    content.extend(body);
    packet(&content)
}

pub(crate) fn msgpack(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, value).unwrap();
    bytes
}

pub(crate) fn map(pairs: &[(u64, Value)]) -> Vec<u8> {
    let pairs = pairs.iter().map(|(key, value)| ((*key).into(), value.clone()));
    msgpack(&Value::Map(pairs.collect()))
}

/// A success without data.
pub(crate) fn ok(sync: u64) -> Vec<u8> {
    packet_of(0, sync, SCHEMA, &[0x80])
}

pub(crate) fn ok_with(sync: u64, data: Vec<Value>) -> Vec<u8> {
    ok_at(sync, SCHEMA, data)
}

pub(crate) fn ok_at(sync: u64, schema: u64, data: Vec<Value>) -> Vec<u8> {
    packet_of(0, sync, schema, &map(&[(DATA, Value::Array(data))]))
}

pub(crate) fn error(sync: u64, code: u32, text: &str) -> Vec<u8> {
    packet_of(0x8000 | code, sync, SCHEMA, &map(&[(0x31, text.into())]))
}

/// The schema version of replies unless a test gives another one.
pub(crate) const SCHEMA: u64 = 70;

/// The reply to ID of a server of this version.
pub(crate) fn id_reply(greeting: &[u8; 128]) -> Vec<u8> {
    if greeting == GREETING_2_6 {
        return error(ID_SYNC, 48, "Unknown request type 73");
    }
    let features = (0..=9).chain([11, 12]).map(Value::from).collect();
    let body =
        map(&[(0x54, 10.into()), (0x55, Value::Array(features)), (0x5b, "chap-sha1".into())]);
    packet_of(0, ID_SYNC, SCHEMA, &body)
}

/// A request as the server reads it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sent {
    pub(crate) sync: u64,
    pub(crate) kind: u64,
    pub(crate) stream: Option<u64>,
    /// The schema version that the server's must be for it to be executed.
    pub(crate) schema: Option<u64>,
    pub(crate) body: Option<Value>,
    pub(crate) body_bytes: Vec<u8>,
}

impl Sent {
    pub(crate) fn field(&self, key: u64) -> Option<&Value> {
        let pairs = self.body.as_ref()?.as_map()?;
        let found = pairs.iter().find(|(name, _)| name.as_u64() == Some(key));
        found.map(|(_, value)| value)
    }
}

/// Reads what was written, as whole requests.
pub(crate) fn requests(mut bytes: &[u8]) -> Vec<Sent> {
    let mut sent = Vec::new();
    while !bytes.is_empty() {
        let length = rmpv::decode::read_value(&mut bytes).unwrap();
        let (mut content, rest) = bytes.split_at(length.as_u64().unwrap() as usize);
        bytes = rest;
        let header = rmpv::decode::read_value(&mut content).unwrap();
        let header = header.as_map().unwrap();
        let number = |key: u64| {
            let found = header.iter().find(|(name, _)| name.as_u64() == Some(key));
            found.map(|(_, value)| value.as_u64().unwrap())
        };
        let schema = number(5);
        let stream = number(10);
        let optional = usize::from(schema.is_some()) + usize::from(stream.is_some());
        assert_eq!(header.len(), 2 + optional);
        let (sync, kind) = (number(1).unwrap(), number(0).unwrap());
        let body_bytes = content.to_vec();
        let body = (!content.is_empty()).then(|| rmpv::decode::read_value(&mut content).unwrap());
        assert!(content.is_empty(), "bytes after the body");
        sent.push(Sent { sync, kind, stream, schema, body, body_bytes });
    }
    sent
}

/// A connection, the bytes that came in for it, and a clock.
pub(crate) struct Link {
    pub(crate) conn: Connection,
    pub(crate) input: BytesMut,
    start: Instant,
}

impl Link {
    /// Just connected; the handshake must be over after 10 seconds.
    pub(crate) fn new(config: Config) -> Self {
        #[allow(clippy::disallowed_methods, reason = "any time to count from")]
        let start = Instant::now();
        let conn = Connection::new(config, Some(start + Duration::from_secs(10)));
        Self { conn, input: BytesMut::new(), start }
    }

    /// Greeted, identified, logged in if there are credentials.
    pub(crate) fn ready_with(greeting: &[u8; 128], config: Config) -> Self {
        let login = config.credentials.is_some();
        let mut link = Self::new(config);
        assert_eq!(link.feed(greeting), []);
        link.write();
        let mut events = link.feed(&id_reply(greeting));
        if login {
            events.extend(link.feed(&ok(AUTH_SYNC)));
        }
        assert_eq!(events, [Event::Ready]);
        link
    }

    pub(crate) fn ready() -> Self {
        Self::ready_with(GREETING_3_7, Config::default())
    }

    pub(crate) fn at(&self, millis: u64) -> Instant {
        self.start + Duration::from_millis(millis)
    }

    /// Polls events until there are no more; the connection must live.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        let (events, end) = self.events_to_end();
        assert_eq!(end, None);
        events
    }

    pub(crate) fn events_to_end(&mut self) -> (Vec<Event>, Option<ConnectionError>) {
        let mut events = Vec::new();
        loop {
            match self.conn.poll_event(&mut self.input) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => return (events, None),
                Err(error) => return (events, Some(error)),
            }
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.input.extend_from_slice(bytes);
        self.events()
    }

    /// Feeds what ends the connection and returns why it ended.
    pub(crate) fn feed_to_end(&mut self, bytes: &[u8]) -> ConnectionError {
        self.input.extend_from_slice(bytes);
        self.events_to_end().1.expect("the connection lives on")
    }

    /// Everything that is to be written now, each write by itself.
    pub(crate) fn writes(&mut self) -> Vec<Vec<u8>> {
        let mut writes = Vec::new();
        let mut output = Vec::new();
        while self.conn.poll_transmit(&mut output) {
            self.conn.count_writes(1, output.len());
            writes.push(std::mem::take(&mut output));
        }
        writes
    }

    /// Everything that is to be written now, as requests.
    pub(crate) fn write(&mut self) -> Vec<Sent> {
        requests(&self.writes().concat())
    }

    pub(crate) fn send(&mut self, request: &impl Request) -> RequestId {
        self.send_until(request, None)
    }

    pub(crate) fn send_until(
        &mut self,
        request: &impl Request,
        deadline: Option<Instant>,
    ) -> RequestId {
        self.conn.send(&mut frame(request), deadline).unwrap()
    }

    /// A request of a stream.
    pub(crate) fn send_in(&mut self, stream: u64, request: &impl Request) -> RequestId {
        let mut frame = Frame::new();
        frame.encode_in_stream(stream.try_into().unwrap(), request).unwrap();
        self.conn.send(&mut frame, None).unwrap()
    }

    /// A call that is recognised by its number.
    pub(crate) fn call(&mut self, number: u64) -> RequestId {
        self.send(&numbered(number))
    }

    /// Sends a call and hands it out.
    pub(crate) fn written_call(&mut self, number: u64) -> RequestId {
        let id = self.call(number);
        assert_eq!(numbers(&self.write()), [number]);
        id
    }
}

pub(crate) fn frame(request: &impl Request) -> Frame {
    let mut frame = Frame::new();
    frame.encode(request).unwrap();
    frame
}

pub(crate) fn numbered(number: u64) -> Call<'static, u64> {
    Call::new("f").arguments(number)
}

/// The numbers of these calls.
pub(crate) fn numbers(sent: &[Sent]) -> Vec<u64> {
    let number = |sent: &Sent| {
        assert_eq!(sent.kind, CALL);
        sent.field(0x21).unwrap()[0].as_u64().unwrap()
    };
    sent.iter().map(number).collect()
}

pub(crate) fn login(user: &str, password: &str) -> Config {
    let mut config = Config::default();
    let password = Password::new(password);
    config.credentials = Some(Credentials { user: user.into(), password });
    config
}

pub(crate) const WATCH: u64 = 74;
pub(crate) const KEY: u64 = 0x57;
pub(crate) const VALUE: u64 = 0x58;

/// An event as servers write it.
pub(crate) fn event(sync: u64, key: &str, value: impl Into<Value>) -> Vec<u8> {
    event_of(sync, &map(&[(KEY, key.into()), (VALUE, value.into())]))
}

pub(crate) fn event_of(sync: u64, body: &[u8]) -> Vec<u8> {
    let mut content = vec![0x82, 0x00, 0x4c, 0x01, 0xcf];
    content.extend(sync.to_be_bytes());
    content.extend(body);
    packet(&content)
}
