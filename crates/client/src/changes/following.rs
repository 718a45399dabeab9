//! The I/O-free steps of following, for any kind of runtime.

use std::io;
use std::time::Instant;

use bytes::BytesMut;
use tarantool_proto::ConnectionError;
use tarantool_proto::replication::{Event, FollowError, Follower};

use super::Follow;
use crate::address::Address;
use crate::config::Config;
use crate::driver::Driver;
use crate::error::Error;

/// A follower with its buffers.
#[derive(Debug)]
pub(super) struct Following {
    pub(super) follower: Follower,
    address: Address,
    input: BytesMut,
    output: Vec<u8>,
    written: usize,
    /// The transport takes no more. What it still brings may say why.
    is_mute: bool,
    /// The end was told.
    is_over: bool,
}

impl Following {
    pub(super) fn new(config: &Config, follow: &Follow, opening_until: Option<Instant>) -> Self {
        Self {
            follower: Follower::new(follow.config(config), Instant::now(), opening_until),
            address: config.first_address().clone(),
            input: BytesMut::new(),
            output: Vec::new(),
            written: 0,
            is_mute: false,
            is_over: false,
        }
    }

    /// Whether the end was told. To be asked before anything else.
    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// The next event; `None`: read more.
    ///
    /// # Errors
    /// Following has ended.
    pub(super) fn event(&mut self) -> Result<Option<Event>, Error> {
        self.follower.poll_event(&mut self.input).map_err(|error| {
            self.is_over = true;
            match error {
                FollowError::Connection(error) if !self.follower.is_ready() => {
                    Error::connect(&self.address, error)
                }
                error => Error::changes(&self.address, error),
            }
        })
    }

    /// Looks at the time if something is due.
    pub(super) fn look_at_time(&mut self) {
        if let Some(until) = self.follower.poll_timeout() {
            let now = Instant::now();
            if until <= now {
                self.follower.handle_timeout(now);
            }
        }
    }

    /// What is to be written; nothing, if it is empty.
    pub(super) fn unwritten(&mut self) -> &[u8] {
        if self.written >= self.output.len() {
            self.output.clear();
            self.written = 0;
            if !self.follower.poll_transmit(&mut self.output) || self.is_mute {
                self.output.clear();
            }
        }
        self.output.get(self.written..).unwrap_or_default()
    }

    /// What a write of [`unwritten`](Self::unwritten) did.
    pub(super) fn wrote(&mut self, result: io::Result<usize>) {
        match result {
            Ok(count @ 1..) => self.written += count,
            _ => {
                self.is_mute = true;
                self.output.clear();
            }
        }
    }

    /// Where to read to: behind what is there.
    pub(super) fn room(&mut self) -> &mut BytesMut {
        Driver::make_room(&mut self.input);
        &mut self.input
    }

    /// What a read into [`room`](Self::room) did.
    pub(super) fn read(&mut self, result: io::Result<usize>) {
        match result {
            Ok(0) => self.follower.handle_eof(),
            Ok(_) => {}
            Err(error) => {
                let text = error.to_string().into();
                self.follower.handle_failure(ConnectionError::Transport(text));
            }
        }
    }
}
