//! The runtime-free half of the Tarantool connectors: handle, pending replies, typed rows, and the
//! steps by which an adapter drives a connection.
//!
//! Applications connect with an adapter, `tarantool-tokio` or `tarantool-blocking`, which re-export
//! what they need from here. A library that leaves the choice of the runtime to its user takes a
//! [`Client`]: it is the same type on every asynchronous runtime.
//!
//! ```
//! /// Works on every asynchronous runtime; `Send + Sync`, cheap to clone.
//! pub struct Cache {
//!     client: tarantool_client::Client,
//! }
//!
//! impl Cache {
//!     pub async fn size(&self) -> Result<u64, tarantool_client::Error> {
//!         self.client.call("cache_size", ()).await
//!     }
//! }
//! ```
//!
//! # For authors of adapters
//!
//! [`connect`] gives a [`Client`] and a [`Driver`]. On a readiness-based runtime implement
//! [`Transport`] and [`Timer`], and spawn a [`Drive`]; it holds the only loop. A completion-based
//! runtime calls the driver's steps itself. The blocking adapter implements [`Socket`] and lets
//! the calling threads drive it ([`Blocking`]).

mod blocking;
mod client;
mod config;
mod drive;
mod driver;
mod error;
mod lead;
mod mode;
mod pending;
mod shared;
mod space;

pub use blocking::{Blocking, Interest, Socket, Submitted, connect_blocking};
pub use client::Client;
pub use config::{Address, Config, ConfigError};
pub use drive::{Drive, Timer, Transport};
pub use driver::{Driver, Output, connect};
pub use error::{Error, ErrorKind};
pub use mode::{Async, Mode};
pub use pending::Pending;
pub use space::{Index, Select, Space};
pub use tarantool_proto::{
    Batching, ConnectionError, ErrorCode, Histogram, IteratorType, Outcome, Response, ServerError,
    ServerInfo, Stats, Version, msgpack, request, request::ops, types,
};
