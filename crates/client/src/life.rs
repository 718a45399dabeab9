//! A client's life: the states and events of its connection, and who is told of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Instant;

use tarantool_proto::ConnectionError;
use tarantool_proto::session::{self, Session, SessionEvent};

use crate::address::Address;

/// Where a client is in its life; see [`Client::status`](crate::Client::status).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// A connection is being opened, greeted or logged in.
    Connecting {
        /// To where.
        address: Address,
    },
    /// A connection is in use.
    Ready {
        /// To where.
        address: Address,
        /// How many connections were in use so far, this one included.
        connection: u64,
    },
    /// The server announced its shutdown: what is under way is finished, new requests wait for the
    /// next connection.
    Draining {
        /// The server that goes.
        address: Address,
    },
    /// There is no connection.
    Down {
        /// When the next attempt is; `None`: at once.
        until: Option<Instant>,
    },
    /// The client is over; [`Client::failure`](crate::Client::failure) says why.
    Closed,
}

/// What happened to a client's connection; see [`Config::on_event`](crate::Config::on_event).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// An attempt begins.
    Connecting {
        /// To where.
        address: Address,
    },
    /// A connection is in use.
    Ready {
        /// To where.
        address: Address,
        /// How many connections were in use so far, this one included.
        connection: u64,
    },
    /// The server announced its shutdown.
    Draining {
        /// The server that goes.
        address: Address,
    },
    /// A connection, or an attempt at one, has ended.
    Lost {
        /// To where.
        address: Address,
        /// Whether it was in use.
        was_ready: bool,
        /// Why.
        reason: ConnectionError,
    },
    /// All addresses were tried in vain, or gave connections that did not last.
    Retrying {
        /// When the next attempt is.
        at: Instant,
    },
    /// Replies came that nobody waits for any more: their requests had timed out or were dropped.
    LateReplies {
        /// How many.
        count: u64,
    },
    /// The client is over.
    Closed {
        /// Why; [`ConnectionError::Shutdown`]: it was closed.
        reason: ConnectionError,
    },
}

impl fmt::Display for ConnectionEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting { address } => write!(f, "connecting to {address}"),
            Self::Ready { address, connection } => {
                write!(f, "connected to {address} (connection {connection})")
            }
            Self::Draining { address } => write!(f, "{address} is about to shut down"),
            Self::Lost { address, was_ready: true, reason } => {
                write!(f, "connection to {address} lost: {reason}")
            }
            Self::Lost { address, was_ready: false, reason } => {
                write!(f, "connecting to {address} failed: {reason}")
            }
            Self::Retrying { .. } => f.write_str("waiting before the next attempt"),
            Self::LateReplies { count } => write!(f, "{count} late replies"),
            Self::Closed { reason } => write!(f, "closed: {reason}"),
        }
    }
}

/// Who is told of events.
#[derive(Clone)]
pub(crate) struct Hook(pub(crate) Arc<dyn Fn(&ConnectionEvent) + Send + Sync>);

impl PartialEq for Hook {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Hook {}

/// What is collected under the lock, to be told outside of it.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) wakers: Vec<Waker>,
    events: Vec<ConnectionEvent>,
}

impl Told {
    pub(crate) fn is_empty(&self) -> bool {
        self.wakers.is_empty() && self.events.is_empty()
    }

    #[inline]
    pub(crate) fn deliver(&mut self, hook: Option<&Hook>) {
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
        for event in self.events.drain(..) {
            #[cfg(feature = "tracing")]
            trace(&event);
            if let Some(Hook(hook)) = hook {
                hook(&event);
            }
        }
    }
}

/// What is lost is a warning, and what keeps it from coming back for ever an error.
#[cfg(feature = "tracing")]
fn trace(event: &ConnectionEvent) {
    match event {
        ConnectionEvent::Lost { .. } => tracing::warn!(target: "tarantool", "{event}"),
        ConnectionEvent::Closed { reason: ConnectionError::Shutdown } => {
            tracing::debug!(target: "tarantool", "{event}");
        }
        ConnectionEvent::Closed { .. } => tracing::error!(target: "tarantool", "{event}"),
        ConnectionEvent::Ready { .. } | ConnectionEvent::Draining { .. } => {
            tracing::info!(target: "tarantool", "{event}");
        }
        _ => tracing::debug!(target: "tarantool", "{event}"),
    }
}

/// The part of the state that is about the connection itself.
pub(crate) struct Life {
    addresses: Arc<[Address]>,
    /// Whether a connection is in use, to be read without the lock.
    is_ready: Arc<AtomicBool>,
    /// Whether anybody is told of events.
    is_told: bool,
    is_over: bool,
    /// Whether the driver has obeyed all, the closing of the transport too, or is gone.
    pub(crate) is_released: bool,
    late_replies: u64,
    /// Who waits for another status, by number, and the last number.
    waiting: BTreeMap<u64, Waker>,
    last_waiter: u64,
}

impl Life {
    pub(crate) fn new(addresses: Arc<[Address]>, is_told: bool) -> Self {
        let waiting = BTreeMap::new();
        let is_told = is_told || cfg!(feature = "tracing");
        let is_ready = Arc::default();
        Self {
            addresses,
            is_ready,
            is_told,
            is_over: false,
            is_released: false,
            late_replies: 0,
            waiting,
            last_waiter: 0,
        }
    }

    pub(crate) fn is_ready(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_ready)
    }

    /// Whether the end was told.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// The number of one more who waits for another status.
    pub(crate) fn next_waiter(&mut self) -> u64 {
        self.last_waiter += 1;
        self.last_waiter
    }

    /// Leaves `waker` to be woken when the status changes, and returns the former one.
    pub(crate) fn wait(&mut self, number: u64, waker: &Waker) -> Option<Waker> {
        self.waiting.insert(number, waker.clone())
    }

    pub(crate) fn forget(&mut self, number: u64) -> Option<Waker> {
        self.waiting.remove(&number)
    }

    pub(crate) fn status(&self, session: &Session) -> Status {
        match session.status() {
            session::Status::Connecting { address } => {
                Status::Connecting { address: self.address(address) }
            }
            session::Status::Ready { address } => Status::Ready {
                address: self.address(address),
                connection: session.generation().unwrap_or_default(),
            },
            session::Status::Draining { address } => {
                Status::Draining { address: self.address(address) }
            }
            session::Status::Retrying { at } => Status::Down { until: Some(at) },
            session::Status::Closed => Status::Closed,
            _ => Status::Down { until: None },
        }
    }

    #[cold]
    pub(crate) fn on_event(&mut self, event: SessionEvent, told: &mut Told) {
        let event = match event {
            SessionEvent::Connecting { address } => {
                ConnectionEvent::Connecting { address: self.address(address) }
            }
            SessionEvent::Ready { address, generation } => {
                ConnectionEvent::Ready { address: self.address(address), connection: generation }
            }
            SessionEvent::Draining { address, .. } => {
                ConnectionEvent::Draining { address: self.address(address) }
            }
            SessionEvent::Lost { address, generation, reason } => {
                let was_ready = generation.is_some();
                ConnectionEvent::Lost { address: self.address(address), was_ready, reason }
            }
            SessionEvent::Retrying { at } => ConnectionEvent::Retrying { at },
            _ => return,
        };
        self.is_ready.store(matches!(event, ConnectionEvent::Ready { .. }), Ordering::Relaxed);
        self.tell(event, told);
        told.wakers.extend(std::mem::take(&mut self.waiting).into_values());
    }

    #[cold]
    pub(crate) fn on_end(&mut self, reason: &ConnectionError, told: &mut Told) {
        self.is_ready.store(false, Ordering::Relaxed);
        if !std::mem::replace(&mut self.is_over, true) {
            self.tell(ConnectionEvent::Closed { reason: reason.clone() }, told);
        }
        told.wakers.extend(std::mem::take(&mut self.waiting).into_values());
    }

    /// Whoever is told of events is told of replies that came late.
    #[inline]
    pub(crate) fn on_late_replies(&mut self, late_replies: u64, told: &mut Told) {
        if self.is_told && late_replies > self.late_replies {
            let count = late_replies - self.late_replies;
            self.late_replies = late_replies;
            self.tell(ConnectionEvent::LateReplies { count }, told);
        }
    }

    fn tell(&self, event: ConnectionEvent, told: &mut Told) {
        if self.is_told {
            told.events.push(event);
        }
    }

    fn address(&self, index: usize) -> Address {
        self.addresses.get(index).or_else(|| self.addresses.first()).cloned().unwrap_or_default()
    }
}
