//! Many connections, one life.
//!
//! A [`Session`] takes the place of a [`Connection`]: the same verbs, with
//! requests whose ids outlive the connections that they are sent on. It decides which address to
//! open when, and tells what became of each request; opening and closing is the driver's part:
//!
//! ```no_run
//! use std::{io::{ErrorKind, Read, Write}, net::TcpStream, time::Instant};
//! use bytes::BytesMut;
//! use tarantool_proto::{ConnectionError, Frame, request::Ping};
//! use tarantool_proto::session::{Action, Session, SessionConfig, SessionEvent};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let addresses = ["localhost:3301", "localhost:3302"];
//! let mut config = SessionConfig::default();
//! config.addresses = addresses.len();
//! let mut session = Session::new(config, 42, Instant::now());         // the seed: any number, best a random one
//! let (mut input, mut output) = (BytesMut::new(), Vec::new());        // both belong to the caller
//! let mut socket: Option<TcpStream> = None;
//! let mut frame = Frame::new();
//! frame.encode(&Ping)?;
//! let ping = session.send(&mut frame, None)?;                         // waits for a connection
//! loop {
//!     session.handle_timeout(Instant::now());                         // 1. the only door for time
//!     while let Some(event) = session.poll_event(&mut input)? {       // 2. bytes -> events
//!         match event {
//!             SessionEvent::Answered(id) if id == ping => return Ok(drop(session.take(id))),
//!             other => println!("{other:?}"),
//!         }
//!     }
//!     while let Some(action) = session.poll_action() {                // 3. what is to be done
//!         match action {
//!             Action::Connect { address, attempt, .. } => match TcpStream::connect(addresses[address]) {
//!                 Ok(opened) if session.handle_connected(attempt) => socket = Some(opened),
//!                 Ok(_) => {}
//!                 Err(error) => {
//!                     let error = ConnectionError::Transport(error.to_string().into());
//!                     session.handle_connect_failed(attempt, error);
//!                 }
//!             },
//!             _ => socket = None,
//!         }
//!     }
//!     let until = session.poll_timeout().map(|until| until.saturating_duration_since(Instant::now()));
//!     let Some(open) = &mut socket else {
//!         std::thread::sleep(until.unwrap_or_default());
//!         continue;
//!     };
//!     while session.poll_transmit(&mut output) {                      // 4. what is to be written
//!         open.write_all(&output)?;
//!         output.clear();
//!     }
//!     open.set_read_timeout(until.filter(|time| !time.is_zero()))?;
//!     let mut chunk = [0; 4096];
//!     match open.read(&mut chunk) {                                   // 5. the only place that blocks
//!         Ok(0) => session.handle_eof(),
//!         Ok(read) => input.extend_from_slice(&chunk[..read]),
//!         Err(error) if error.kind() == ErrorKind::WouldBlock => {}
//!         Err(error) => session.handle_failure(ConnectionError::Transport(error.to_string().into())),
//!     }
//! }
//! # }
//! ```
//!
//! # What becomes of requests when a connection is lost
//!
//! | request | fate |
//! |---|---|
//! | answered | stays so |
//! | no byte of it was written | waits for the next connection, until its deadline |
//! | perhaps executed, and idempotent | is sent again, until its deadline |
//! | perhaps executed | is answered: [`Lost`](crate::Unanswered::Lost), `MaybeExecuted` |
//! | bound to the connection, not written | is answered: [`ConnectionGone`](crate::Unanswered::ConnectionGone) |
//! | bound to the connection, perhaps executed | is answered: `Lost`, `MaybeExecuted` |
//!
//! So nothing is executed twice unless it is idempotent: selects, pings, and what
//! [`Frame::mark_idempotent`](crate::Frame::mark_idempotent) says is. Requests keep their order. With
//! [`WhileDown::Fail`] nothing waits and nothing is sent again.
//!
//! For this the bytes of each request are kept until it is answered.
//!
//! # Which address, and when
//!
//! The addresses are tried in their order, and after a connection is lost, from the next one on. When
//! all were tried, the session waits ([`Backoff`]). A failure that is
//! [lasting](crate::ConnectionError::is_lasting) is not repeated for ever: [`OnRefused`].

mod backoff;
mod config;
mod driving;
mod heartbeat;
mod life;
mod report;
mod verbs;

use std::collections::VecDeque;
use std::time::Instant;

pub use backoff::Backoff;
pub use config::{Heartbeat, OnRefused, SessionConfig, WhileDown};
pub use report::{Action, SessionEvent, Status};

use backoff::Chance;
use heartbeat::Pulse;

use crate::connection::Connection;
use crate::error::ConnectionError;
use crate::watches::WatchId;

/// A life across connections, at most one at a time, without a socket, a clock or a lock.
///
/// The verbs are those of a [`Connection`] and mean the same; besides:
///
/// - [`poll_action`](Self::poll_action) says what to open and to close, until it is `None`, after
///   any command and any `handle_*`.
/// - [`handle_connected`](Self::handle_connected) and
///   [`handle_connect_failed`](Self::handle_connect_failed) tell what came of it;
///   [`handle_shutdown_notice`](Self::handle_shutdown_notice), that the server is about to go.
/// - [`poll_event`](Self::poll_event) fails only when the session itself is over.
/// - After the last [`poll_transmit`](Self::poll_transmit) a driver looks once more before it waits:
///   with the last bytes handed out [`is_drained`](Self::is_drained) may have become true, and what
///   it then has to call leaves an action to [`poll_action`](Self::poll_action).
///
/// What is decided by time, such as when to try again, is decided in
/// [`handle_timeout`](Self::handle_timeout): while that is due,
/// [`poll_timeout`](Self::poll_timeout) tells a time that has come already.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    /// The connection in use, or the next one, in which requests wait.
    conn: Connection,
    phase: Phase,
    /// The latest time that is known.
    now: Instant,
    /// Of the present attempt or connection, or else of the last.
    address: usize,
    /// The number of that attempt.
    attempt: u64,
    /// Attempts since the last stable connection, and those of them in the present round.
    attempts: u32,
    tried: usize,
    /// Rounds through all addresses since the last stable connection.
    round: u32,
    /// Addresses where attempts fail lastingly.
    given_up: Vec<bool>,
    /// They do so at all addresses: nobody is kept waiting.
    is_refusing: bool,
    chance: Chance,
    pulse: Pulse,
    /// How much input was left at the last look.
    rest: usize,
    /// How many requests were accepted.
    order: u64,
    events: VecDeque<SessionEvent>,
    to_close: bool,
    to_connect: bool,
    /// The address, and why.
    last_loss: Option<(usize, ConnectionError)>,
    /// The same of the last connection that was in use.
    lost_connection: Option<(usize, ConnectionError)>,
    /// The key that tells of the server's shutdown.
    shutdown: Option<WatchId>,
    closing: Option<Closing>,
}

/// Times of which `None` is not known yet are set when time is known next.
#[derive(Debug)]
enum Phase {
    /// No connection, and nothing decided. `since`: how long the last one was ready.
    Undecided {
        since: Option<Instant>,
    },
    Waiting {
        until: Instant,
    },
    Opening {
        deadline: Option<Instant>,
    },
    /// `deadline`: of the whole attempt. `timed`: the connection knows of it.
    Handshake {
        timed: bool,
        deadline: Option<Instant>,
    },
    Ready {
        since: Option<Instant>,
    },
    Draining {
        since: Option<Instant>,
        until: Option<Instant>,
    },
    Closed(ConnectionError),
}

/// The session accepts nothing more.
#[derive(Debug)]
struct Closing {
    deadline: Option<Instant>,
}
