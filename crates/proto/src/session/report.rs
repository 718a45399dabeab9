//! What a session tells: its state, what happened, what is to be done.

use std::time::Instant;

use crate::error::ConnectionError;
use crate::slots::RequestId;
use crate::watches::WatchId;

/// Where a session is in its life, as [`Session::status`](super::Session::status) tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// A connection to the address of this index is being opened, greeted or logged in.
    Connecting {
        /// The address's index.
        address: usize,
    },
    /// A connection is in use.
    Ready {
        /// The address's index.
        address: usize,
    },
    /// A connection is in use for the last requests that it has: the server announced its shutdown.
    Draining {
        /// The address's index.
        address: usize,
    },
    /// There is no connection, and what comes next is not decided before time is known.
    Down,
    /// There is no connection; the next attempt is at this time.
    Retrying {
        /// When.
        at: Instant,
    },
    /// The session is over; [`Session::failure`](super::Session::failure) says why.
    Closed,
}

/// What [`Session::poll_event`](super::Session::poll_event) reports.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// The answer of this request can be taken.
    Answered(RequestId),
    /// As [`Event::Changed`](crate::Event::Changed).
    Changed(WatchId),
    /// As [`Event::Pushed`](crate::Event::Pushed).
    Pushed(RequestId),
    /// An attempt begins.
    Connecting {
        /// The address's index.
        address: usize,
    },
    /// The handshake is over: [`Session::server`](super::Session::server) tells who answered.
    Ready {
        /// The address's index.
        address: usize,
        /// The number of the connection: how many were ready, this one included.
        generation: u64,
    },
    /// The server announced its shutdown: new requests wait for the next connection.
    Draining {
        /// The number of the connection.
        generation: u64,
    },
    /// A connection, or an attempt at one, is over. What is bound to it is gone.
    Lost {
        /// The address's index.
        address: usize,
        /// The number of the connection, if it was ready.
        generation: Option<u64>,
        /// Why.
        reason: ConnectionError,
    },
    /// All addresses were tried; the next attempt is at this time.
    Retrying {
        /// When.
        at: Instant,
    },
}

/// What a driver has to do, as [`Session::poll_action`](super::Session::poll_action) demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a session that is not obeyed stands still"]
#[non_exhaustive]
pub enum Action {
    /// Open a transport, then [`handle_connected`](super::Session::handle_connected) or
    /// [`handle_connect_failed`](super::Session::handle_connect_failed).
    Connect {
        /// The index of the address.
        address: usize,
        /// The number of the attempt, to be given back with its result.
        attempt: u64,
        /// When the session takes the attempt for failed.
        deadline: Option<Instant>,
    },
    /// Close the transport, or stop opening it. What was read and not consumed, and what was handed
    /// out and not written, is dropped.
    Close,
}
