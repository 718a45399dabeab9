//! Following the changes of a server, as an anonymous replica does (server 2.3.1).
//!
//! A [`Follower`] takes the place of a [`Connection`](crate::Connection): it brings the rows of all
//! spaces as they are when it begins, and from then on every change, in the order in which the
//! server made them, each exactly once. With a [`Vclock`] that was saved before, it goes on behind
//! that, as long as the server still has the logs. The server registers nothing: a follower has no
//! part in the replica set and costs it no place. The user needs the role `replication`.
//!
//! ```no_run
//! use std::{io::{ErrorKind, Read, Write}, net::TcpStream, time::Instant};
//! use bytes::BytesMut;
//! use tarantool_proto::replication::{Event, FollowConfig, Follower, Operation};
//! use tarantool_proto::types::{Uuid, Value};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut socket = TcpStream::connect("localhost:3301")?;
//! let mut config = FollowConfig::new(Uuid::from_u128(0x64d22e4d_ac92_4a23_899a_e59f34af5479));
//! config.spaces = Some([512].into());
//! let mut follower = Follower::new(config, Instant::now(), None);
//! let (mut input, mut output) = (BytesMut::new(), Vec::new());       // both belong to the caller
//! loop {
//!     while let Some(event) = follower.poll_event(&mut input)? {      // 1. bytes -> events
//!         if let Event::Change(change) = event {
//!             match change.operation() {
//!                 Operation::Insert => println!("{:?}", change.decode::<Value>()?),
//!                 other => println!("{other:?}, up to {:?}", change.vclock()),
//!             }
//!         }
//!     }
//!     while follower.poll_transmit(&mut output) {                     // 2. what is to be written
//!         socket.write_all(&output)?;
//!         output.clear();
//!     }
//!     let until = follower.poll_timeout().map(|until| until.saturating_duration_since(Instant::now()));
//!     socket.set_read_timeout(until.filter(|time| !time.is_zero()))?;
//!     let mut chunk = [0; 4096];
//!     match socket.read(&mut chunk) {                                 // 3. the only place that blocks
//!         Ok(0) => follower.handle_eof(),
//!         Ok(read) => input.extend_from_slice(&chunk[..read]),
//!         Err(error) if error.kind() == ErrorKind::WouldBlock => {}
//!         Err(error) => return Err(error.into()),
//!     }
//!     follower.handle_timeout(Instant::now());                        // 4. the only door for time
//! }
//! # }
//! ```
//!
//! # What comes
//!
//! The snapshot is all spaces, those of the system first, unless
//! [`spaces`](FollowConfig::spaces) says which are wanted; a change of
//! [`Operation::SnapshotEnd`] ends it. Rows of one transaction come one after another, and
//! [`Change::is_last`] says where it ends. Rows of spaces that are local to the server, and of
//! temporary ones, are not sent.

mod ballot;
mod change;
mod clock;
mod config;
mod error;
mod follower;
mod opening;
mod requests;
mod rows;
mod stream;
mod vclock;

pub use ballot::Ballot;
pub use change::{Change, Operation};
pub use config::FollowConfig;
pub use error::FollowError;
pub use follower::{Event, FollowStats, Follower};
pub use requests::{Acknowledgement, FetchSnapshot, Subscribe, Vote};
pub use vclock::{InvalidVclock, Vclock};
