//! The sans-IO core of the Tarantool connectors.
//!
//! Bytes in, meaning out, and back: the IPROTO codec and one connection's life as a state machine.
//! This crate owns no socket, thread, task, lock or clock and draws no random numbers; time and
//! bytes are arguments. Use a connector for your runtime (`tarantool-tokio`, `tarantool-blocking`)
//! unless you bind the core to a loop of your own, as here:
//!
//! ```no_run
//! use std::{io::{Read, Write}, net::TcpStream, time::Instant};
//! use bytes::BytesMut;
//! use tarantool_proto::{Config, Connection, Event, Frame, request::Ping};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut socket = TcpStream::connect("localhost:3301")?;
//! let mut conn = Connection::new(Config::default(), None);
//! let (mut input, mut output) = (BytesMut::new(), Vec::new());       // both belong to the caller
//! let mut ping = None;
//! loop {
//!     while let Some(event) = conn.poll_event(&mut input)? {          // 1. bytes -> events
//!         match event {
//!             Event::Ready => {
//!                 let mut frame = Frame::new();
//!                 frame.encode(&Ping)?;
//!                 ping = Some(conn.send(&mut frame, None)?);
//!             }
//!             Event::Answered(id) if Some(id) == ping => {
//!                 let version = conn.server().map(|server| server.version());
//!                 println!("{:?} answered: {:?}", version, conn.take(id));
//!                 return Ok(());
//!             }
//!             _ => {}
//!         }
//!     }
//!     while conn.poll_transmit(&mut output) {                         // 2. what is to be written
//!         socket.write_all(&output)?;
//!         output.clear();
//!     }
//!     let mut chunk = [0; 4096];
//!     match socket.read(&mut chunk)? {                                // 3. the only place that blocks
//!         0 => conn.handle_eof(),
//!         read => input.extend_from_slice(&chunk[..read]),
//!     }
//!     conn.handle_timeout(Instant::now());                            // 4. the only door for time
//! }
//! # }
//! ```
//!
//! # Parts
//!
//! - [`Connection`]: greeting, identification, login; requests in, answers out; deadlines, limits,
//!   counters.
//! - [`request`]: requests as plain values; [`Frame`]: one of them encoded; [`Response`]: a reply.
//! - [`msgpack`]: the checked reader, writing in shortest form, serde.
//! - [`Capability`]: what not every server has; a request that needs it is not sent to one without.
//! - [`WatchedValue`]: of a watched key; [`Push`]: a message of a running call.
//! - [`Batching`]: when queued requests become a write.
//! - [`session`]: many connections, one life: addresses, reconnection, the fate of requests.
//! - [`replication`]: a server's changes as they are made, to whoever follows it.
//! - [`server`]: the other side, for what speaks as a server: proxies, recorders, tests.
//! - Errors by blame: [`SendError`] is ours, [`ProtocolError`] the peer's, [`ServerError`] its *no*
//!   to one request, [`Unanswered`] a request's fate, [`ConnectionError`] the connection's.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod auth;
mod batching;
mod capability;
mod config;
mod connection;
mod deadlines;
mod error;
mod error_code;
mod frame;
mod greeting;
mod keys;
pub mod msgpack;
mod outbox;
mod packet;
mod pushes;
pub mod replication;
pub mod request;
mod response;
mod schema;
pub mod server;
mod server_error;
pub mod session;
mod slots;
mod sql;
mod stats;
pub mod types;
mod version;
mod watches;

pub use auth::{AuthMethod, chap_sha1};
pub use batching::{Batching, Decision};
pub use bytes::{Bytes, BytesMut};
pub use capability::{Capability, Unsupported};
pub use config::{Config, Credentials, Password};
pub use connection::{Connection, Event, ServerInfo};
pub use error::{ConnectionError, Outcome, ProtocolError, SendError, Stage, Unanswered};
pub use error_code::ErrorCode;
pub use frame::Frame;
pub use greeting::{GREETING_SIZE, Greeting, GreetingError};
pub use keys::{ERROR_STACK, ErrorKey, Feature, FeatureSet, IteratorType, Key, RequestType};
pub use packet::{Header, Packet, split};
pub use pushes::Push;
pub use request::Request;
pub use response::Response;
pub use server_error::{ServerError, StackEntry};
pub use slots::{Answer, RequestId};
pub use sql::{Column, PreparedStatement, SqlInfo};
pub use stats::{Histogram, Stats};
pub use version::Version;
pub use watches::{WatchError, WatchId, WatchedValue};
