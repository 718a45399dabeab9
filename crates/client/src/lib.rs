//! The runtime-free half of the Tarantool connectors: handle, pending replies, typed rows, and the
//! steps by which an adapter drives a connection.
//!
//! Applications connect with the adapter of their runtime, such as `tarantool-tokio` or
//! `tarantool-blocking`, which re-exports what they need from here. A library that leaves the choice
//! of the runtime to its user takes a [`Client`]: it is the same type on every asynchronous runtime.
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
//! The [guide] tells all of it, page by page.
//!
//! # For authors of adapters
//!
//! [`connect`] gives a [`Client`] and a [`Driver`], which asks for transports to be opened. On a
//! readiness-based runtime implement [`Transport`] and [`Timer`], and spawn a [`Drive`]; it holds the
//! only loop. A completion-based runtime calls the driver's steps itself. The blocking adapter
//! implements [`Connector`] and [`Socket`] and lets the calling threads drive them ([`Blocking`]).

mod address;
mod blocking;
mod changes;
mod client;
mod config;
mod drive;
mod driver;
mod error;
pub mod guide;
mod in_turn;
mod lane;
mod lead;
mod life;
mod login;
mod mode;
#[cfg(all(test, loom))]
mod models;
mod opening;
mod pages;
mod pending;
mod pushes;
mod round_trips;
mod select;
mod shared;
mod sleep;
mod space;
mod sql;
mod statement;
mod stream;
mod sync;
mod transaction;
mod uri;
mod watch;

pub use address::Address;
pub use blocking::{
    Blocking, Connecting, Connector, Interest, Socket, Submitted, connect_blocking,
};
pub use changes::{BlockingChanges, Changes, Follow, changes_blocking};
pub use client::Client;
pub use config::Config;
pub use drive::{Drive, Timer, Transport, once};
pub use driver::{Driver, Output, connect};
pub use error::{Error, ErrorKind};
pub use in_turn::{in_turn, no_address, share_until};
pub use life::{ConnectionEvent, Status};
pub use mode::{Async, Mode};
pub use opening::Opening;
pub use pages::{Page, Pages, Position};
pub use pending::Pending;
pub use pushes::CallWithPushes;
pub use select::Select;
pub use sleep::Sleep;
pub use space::{Index, Space};
pub use sql::{Executed, Prepared, Statement};
pub use statement::Sql;
pub use stream::Stream;
pub use tarantool_proto::replication::{
    Change, FollowError, FollowStats, InvalidVclock, Operation, Vclock,
};
pub use tarantool_proto::{
    AuthMethod, Batching, Capability, Column, ConnectionError, ErrorCode, Histogram, IteratorType,
    Outcome, Response, SendError, ServerError, ServerInfo, Stats, Unsupported, Version,
    WatchedValue, msgpack, request, request::Isolation, request::named, request::ops,
    session::OnRefused, types,
};
pub use transaction::{Transaction, TransactionBuilder};
pub use uri::ConfigError;
pub use watch::Watcher;

/// What the connectors of asynchronous runtimes re-export.
pub mod api {
    pub use crate::{
        Address, AuthMethod, Batching, CallWithPushes, Capability, Client, Column, Config,
        ConfigError, ConnectionError, ConnectionEvent, Error, ErrorCode, ErrorKind, Executed,
        Histogram, Index, Isolation, IteratorType, OnRefused, Outcome, Page, Pages, Pending,
        Position, Prepared, Response, Select, SendError, ServerError, ServerInfo, Space, Sql,
        Statement, Stats, Status, Stream, Transaction, TransactionBuilder, Unsupported,
        WatchedValue, Watcher, msgpack, named, ops, request, types,
    };
}
