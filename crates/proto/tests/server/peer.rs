//! A client of hand-made bytes.

use bytes::BytesMut;
use rmpv::Value;
use tarantool_proto::server::{Incoming, Login, ServerConfig, ServerConnection, ServerEvent};
use tarantool_proto::{Header, Packet, ProtocolError, ServerError, split};

/// The salt of the reference's known answer.
pub(crate) fn salt() -> [u8; 32] {
    std::array::from_fn(|at| at as u8)
}

/// A connection and both directions of its bytes.
pub(crate) struct Peer {
    pub(crate) conn: ServerConnection,
    pub(crate) input: BytesMut,
}

impl Peer {
    /// A connection whose greeting was read.
    pub(crate) fn new(config: ServerConfig) -> Self {
        let mut peer = Self::greeted(ServerConnection::new(config, salt()));
        assert_eq!(peer.output().len(), 128, "the greeting");
        peer
    }

    pub(crate) fn greeted(conn: ServerConnection) -> Self {
        Self { conn, input: BytesMut::new() }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    pub(crate) fn event(&mut self) -> Result<Option<ServerEvent>, ProtocolError> {
        self.conn.poll_event(&mut self.input)
    }

    pub(crate) fn request(&mut self) -> Incoming {
        match self.event() {
            Ok(Some(ServerEvent::Request(request))) => request,
            other => panic!("no request but {other:?}"),
        }
    }

    pub(crate) fn login(&mut self) -> Login {
        match self.event() {
            Ok(Some(ServerEvent::Login(login))) => login,
            other => panic!("no login but {other:?}"),
        }
    }

    pub(crate) fn output(&mut self) -> Vec<u8> {
        let mut output = Vec::new();
        self.conn.poll_transmit(&mut output);
        output
    }

    /// All replies that are queued.
    pub(crate) fn replies(&mut self) -> Vec<Packet> {
        packets(&self.output())
    }

    /// The one error reply to a packet that is not handed out.
    pub(crate) fn refused(&mut self, bytes: &[u8]) -> (u64, ServerError) {
        self.send(bytes);
        match self.event() {
            Ok(None) => {}
            other => panic!("{other:?} of {bytes:02x?}"),
        }
        assert!(self.input.is_empty());
        match self.replies().as_slice() {
            [reply] => (reply.header.sync, error(reply)),
            other => panic!("{other:?} to {bytes:02x?}"),
        }
    }
}

pub(crate) fn packets(bytes: &[u8]) -> Vec<Packet> {
    let mut rest = BytesMut::from(bytes);
    let mut packets = Vec::new();
    while let Some(packet) = split(&mut rest, 1 << 31).expect("well-formed replies") {
        packets.push(packet);
    }
    assert!(rest.is_empty(), "half a packet");
    packets
}

pub(crate) fn error(packet: &Packet) -> ServerError {
    assert!(is_error(&packet.header), "{packet:?} is no error");
    ServerError::decode(&packet.header, &packet.body)
}

pub(crate) fn is_error(header: &Header) -> bool {
    header.request_type.is_error()
}

/// A packet with a length as clients write it.
pub(crate) fn packet(content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xce];
    bytes.extend((content.len() as u32).to_be_bytes());
    bytes.extend(content);
    bytes
}

/// A request with a header of type and sync id.
pub(crate) fn request(request_type: u8, sync: u8, body: &[u8]) -> Vec<u8> {
    packet(&[&[0x82, 0x00, request_type, 0x01, sync], body].concat())
}

/// A body of these pairs.
pub(crate) fn map(pairs: &[(u64, Value)]) -> Vec<u8> {
    let pairs = pairs.iter().map(|(key, value)| ((*key).into(), value.clone()));
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &Value::Map(pairs.collect())).unwrap();
    bytes
}

pub(crate) fn array(values: &[Value]) -> Value {
    Value::Array(values.to_vec())
}
