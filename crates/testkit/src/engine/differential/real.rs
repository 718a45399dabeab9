//! The other side of the comparison: a real server at the end of a socket.

use std::io::{Read, Write};
use std::net::TcpStream;

use bytes::BytesMut;
use tarantool_proto::msgpack::Reader;
use tarantool_proto::request::Call;
use tarantool_proto::{Frame, GREETING_SIZE, Key, Request, RequestType, split};

use super::Answer;
use crate::{Tarantool, TarantoolBuilder};

/// What stands for a code when the request ended the server.
pub(super) const DIED: u32 = u32::MAX;

/// A server, and a connection that has one request under way at a time.
pub(super) struct Real {
    builder: TarantoolBuilder,
    server: Tarantool,
    socket: TcpStream,
    input: BytesMut,
    frame: Frame,
}

impl Real {
    /// `None`: there is no server on this machine.
    pub(super) fn start_or_skip(builder: TarantoolBuilder, test_name: &str) -> Option<Self> {
        let server = builder.start_or_skip(test_name)?;
        let socket = connect(&server);
        Some(Self { builder, server, socket, input: BytesMut::new(), frame: Frame::new() })
    }

    /// Empties the spaces.
    pub(super) fn reset(&mut self) {
        let answer = self.ask(&Call::new("reset"));
        assert!(answer.is_ok(), "{answer:?}");
    }

    /// The rows, or the error's code and text.
    pub(super) fn ask(&mut self, request: &dyn Request) -> Answer {
        self.frame.encode(request).unwrap();
        self.socket.write_all(self.frame.as_bytes()).unwrap();
        let packet = loop {
            if let Some(packet) = split(&mut self.input, 1 << 24).unwrap() {
                break packet;
            }
            let mut chunk = [0; 4096];
            // An error is as good as the end: the server was killed by its own request.
            let read = self.socket.read(&mut chunk).unwrap_or(0);
            if read == 0 {
                let log = self.server.log_tail(20);
                self.server = self.builder.start().unwrap();
                self.socket = connect(&self.server);
                self.input.clear();
                return Err((DIED, log));
            }
            self.input.extend_from_slice(&chunk[..read]);
        };
        let mut reader = Reader::new(&packet.body);
        let (mut rows, mut text) = (Vec::new(), String::new());
        for _ in 0..reader.map().unwrap() {
            let key = reader.uint().unwrap();
            if key == u64::from(Key::DATA.number()) {
                let count = reader.array().unwrap();
                rows = (0..count).map(|_| reader.raw().unwrap().to_vec()).collect();
            } else if key == u64::from(Key::ERROR_24.number()) {
                text = String::from_utf8_lossy(reader.str_bytes().unwrap()).into_owned();
            } else {
                reader.skip().unwrap();
            }
        }
        match packet.header.request_type {
            RequestType::OK => Ok(rows),
            error => Err((error.number() & 0x7fff, text)),
        }
    }
}

fn connect(server: &Tarantool) -> TcpStream {
    let mut socket = TcpStream::connect(server.uri()).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.read_exact(&mut [0; GREETING_SIZE]).unwrap();
    socket
}
