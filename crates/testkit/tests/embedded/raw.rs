//! A client that sends whatever a test writes.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::BytesMut;
use tarantool_proto::msgpack::{from_slice, write, write_value};
use tarantool_proto::{ErrorCode, Key, Packet, RequestType, ServerError, split};
use tarantool_testkit::Server;

pub(crate) struct Raw {
    stream: TcpStream,
    input: BytesMut,
}

impl Raw {
    pub(crate) fn connect(server: &Server) -> Self {
        let mut stream = TcpStream::connect(server.uri()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut greeting = [0; 128];
        stream.read_exact(&mut greeting).unwrap();
        assert!(greeting.starts_with(b"Tarantool 3.7.0 (Binary) "));
        Self { stream, input: BytesMut::new() }
    }

    pub(crate) fn send(&mut self, kind: RequestType, sync: u64, stream: u64, body: &Body) {
        let mut packet = Vec::new();
        write::map(&mut packet, if stream == 0 { 2 } else { 3 });
        for (key, value) in
            [(Key::REQUEST_TYPE, kind.number().into()), (Key::SYNC, sync), (Key::STREAM_ID, stream)]
        {
            if key != Key::STREAM_ID || value != 0 {
                write::uint(&mut packet, key.number().into());
                write::uint(&mut packet, value);
            }
        }
        write::map(&mut packet, body.entries);
        packet.extend_from_slice(&body.bytes);
        let mut frame = Vec::new();
        write::uint(&mut frame, packet.len() as u64);
        frame.extend_from_slice(&packet);
        self.stream.write_all(&frame).unwrap();
    }

    /// The next packet; `None` at the end of the stream.
    pub(crate) fn receive(&mut self) -> Option<Packet> {
        loop {
            if let Some(packet) = split(&mut self.input, 1 << 24).unwrap() {
                return Some(packet);
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) | Err(_) => return None,
                Ok(read) => self.input.extend_from_slice(&chunk[..read]),
            }
        }
    }

    /// Whether nothing comes for a while.
    pub(crate) fn is_silent(&mut self) -> bool {
        self.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let silent = self.input.is_empty() && self.receive().is_none();
        self.stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        silent
    }

    /// Sends a request and expects its reply next.
    pub(crate) fn ask(&mut self, kind: RequestType, stream: u64, body: &Body) -> Reply {
        self.send(kind, 77, stream, body);
        let packet = self.receive().expect("a reply");
        assert_eq!(packet.header.sync, 77);
        reply(packet)
    }
}

pub(crate) type Reply = Result<Vec<Vec<u64>>, ErrorCode>;

pub(crate) fn reply(packet: Packet) -> Reply {
    if packet.header.request_type.is_error() {
        return Err(ServerError::decode(&packet.header, &packet.body).code());
    }
    let mut body: BTreeMap<u32, Vec<Vec<u64>>> = from_slice(&packet.body).unwrap();
    Ok(body.remove(&Key::DATA.number()).unwrap_or_default())
}

/// The value of an event: `None` if there is none.
pub(crate) fn event(packet: &Packet) -> (u64, Option<u64>) {
    assert_eq!(packet.header.request_type, RequestType::EVENT);
    let body: BTreeMap<u32, serde_json::Value> = from_slice(&packet.body).unwrap();
    let value = body.get(&Key::EVENT_DATA.number()).and_then(serde_json::Value::as_u64);
    (packet.header.sync, value)
}

#[derive(Default)]
pub(crate) struct Body {
    entries: usize,
    bytes: Vec<u8>,
}

impl Body {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with<T: serde::Serialize + ?Sized>(mut self, key: Key, value: &T) -> Self {
        self.entries += 1;
        write::uint(&mut self.bytes, key.number().into());
        write_value(&mut self.bytes, value).unwrap();
        self
    }
}
