//! The server: our own server's side, which answers when it is told to.

use bytes::BytesMut;
use tarantool_proto::msgpack::write_value;
use tarantool_proto::server::{Incoming, ServerConfig, ServerConnection, ServerEvent};
use tarantool_proto::{ErrorCode, RequestType, ServerError};

use super::ledger::{Ledger, number_of};
use crate::peer::{self, SPACES_SYNC};

pub(super) struct Server {
    config: ServerConfig,
    conn: ServerConnection,
    input: BytesMut,
    in_progress: Vec<Incoming>,
    /// What it said and the client has not got.
    wire: Vec<u8>,
    schema_version: u64,
}

impl Server {
    pub(super) fn new(config: ServerConfig) -> Self {
        Self {
            conn: ServerConnection::new(config.clone(), SALT),
            config,
            input: BytesMut::new(),
            in_progress: Vec::new(),
            wire: Vec::new(),
            schema_version: 1,
        }
    }

    pub(super) const fn schema_version(&self) -> u64 {
        self.schema_version
    }

    /// A new connection.
    pub(super) fn accept(&mut self) {
        self.conn = ServerConnection::new(self.config.clone(), SALT);
        self.conn.set_schema_version(self.schema_version);
        self.input.clear();
        self.in_progress.clear();
        self.wire.clear();
        self.speak();
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        while let Some(event) = self.conn.poll_event(&mut self.input).expect("what a client sends")
        {
            match event {
                ServerEvent::Request(request) => self.in_progress.push(request),
                other => panic!("{other:?}"),
            }
        }
        assert!(self.input.is_empty(), "a request in pieces");
        self.speak();
    }

    /// Answers one of the requests, in a way that the number chooses.
    pub(super) fn answer(&mut self, choice: usize, ledger: &mut Ledger) {
        if self.in_progress.is_empty() {
            return;
        }
        let request = self.in_progress.swap_remove(choice / 4 % self.in_progress.len());
        let sync = request.sync;
        if request.request_type == RequestType::WATCH {
            return self.conn.finish(sync);
        }
        let row = number_of(&request).map(|number| {
            ledger.replied(number);
            let mut row = Vec::new();
            write_value(&mut row, &number).expect("a number");
            row
        });
        match (row, choice % 4) {
            (None, 3) => {
                self.conn.reply_error(sync, &ServerError::new(ErrorCode::new(42), "not now"));
            }
            (None, _) => self.answer_own(sync),
            (Some(row), 3) => {
                let error = ServerError::new(ErrorCode::new(42), "not now");
                // Another number would be noticed.
                let error = error.with_field("number", &row);
                self.conn.reply_error(sync, &error);
            }
            (Some(row), 2) => {
                self.conn.reply_chunk(sync, &row);
                self.conn.reply_data(sync, [row.as_slice()]);
                // Once more, to nobody.
                self.conn.reply_data(sync, [row.as_slice()]);
            }
            (Some(row), _) => self.conn.reply_data(sync, [row.as_slice()]),
        }
        self.speak();
    }

    /// What the session asks for itself: the schema, a sign of life.
    fn answer_own(&mut self, sync: u64) {
        match sync {
            SPACES_SYNC => {
                let mut row = Vec::new();
                write_value(&mut row, &(512, 1, "users", "memtx", 0)).expect("plain values");
                self.conn.reply_data(sync, [row.as_slice()]);
            }
            _ => self.conn.reply_data(sync, []),
        }
    }

    pub(super) fn answer_all(&mut self, ledger: &mut Ledger) {
        while !self.in_progress.is_empty() {
            self.answer(0, ledger);
        }
    }

    /// What servers may do, and clients must bear.
    pub(super) fn misbehave(&mut self, choice: usize, ledger: &Ledger) {
        match choice {
            0..4 => {
                // One more reply to a request that is over.
                if let Some(id) = ledger.over() {
                    peer::packet(&mut self.wire, peer::OK, id.sync(), &[0x80]);
                }
            }
            4..6 => self.conn.send_event(0, b"key", None),
            6 | 7 => self.conn.send_event(0, b"box.shutdown", Some(&[0xc2 | (choice as u8 & 1)])),
            8 => {
                self.conn.reply_error(0, &ServerError::new(ErrorCode::UNKNOWN, "going"));
            }
            _ => {
                self.schema_version += 1;
                self.conn.set_schema_version(self.schema_version);
            }
        }
        self.speak();
    }

    pub(super) fn say(&mut self, bytes: &[u8]) {
        self.wire.extend_from_slice(bytes);
    }

    fn speak(&mut self) {
        let mut output = Vec::new();
        self.conn.poll_transmit(&mut output);
        self.wire.append(&mut output);
    }

    pub(super) fn deliver(&mut self, count: usize) -> Vec<u8> {
        let rest = self.wire.split_off(count.min(self.wire.len()));
        std::mem::replace(&mut self.wire, rest)
    }
}

const SALT: [u8; 32] = [7; 32];
