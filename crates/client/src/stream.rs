//! Streams: requests that the server executes one after another.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};

use tarantool_proto::RequestType;
use tarantool_proto::request::Subject;

use crate::client::Client;
use crate::mode::{Async, Mode};
use crate::shared::StreamId;

/// Another view of a connection, whose requests the server executes one after another, in the order
/// they were made. Server 2.10; nothing is sent to older ones.
///
/// It belongs to the connection that is in use when it is made, or to the next one while there is
/// none. When that is lost, whatever is asked of it is [`ConnectionGone`](crate::ErrorKind::ConnectionGone).
///
/// Made by [`Client::stream`]; cheap to clone, and a clone is the same stream. It has all verbs of
/// the [`Client`] that it derefs to, and so have the spaces made by it. Requests of other streams,
/// and of none, are executed meanwhile.
///
/// ```no_run
/// # async fn example(client: tarantool_client::Client) -> Result<(), tarantool_client::Error> {
/// let stream = client.stream();
/// let first = stream.call::<()>("slow", ());
/// let second = stream.call::<u64>("count", ());
/// // "slow" is over before "count" begins, and both are under way at once.
/// first.await?;
/// println!("{}", second.await?);
/// # Ok(()) }
/// ```
///
/// On servers before 3.0 a request by the name of a space may get the error
/// [`WRONG_SCHEMA_VERSION`](crate::ErrorCode::WRONG_SCHEMA_VERSION), if the schema has just changed.
/// It was not executed; outside of streams the connection sends it again by itself.
#[derive(Clone)]
pub struct Stream<M: Mode = Async> {
    client: Client<M>,
}

impl<M: Mode> Client<M> {
    /// A new stream of this connection. Nothing is sent.
    #[must_use]
    pub fn stream(&self) -> Stream<M> {
        Stream { client: self.in_stream(|id| InStream { id, is_over: None }) }
    }
}

impl<M: Mode> Deref for Stream<M> {
    type Target = Client<M>;

    fn deref(&self) -> &Client<M> {
        &self.client
    }
}

impl<M: Mode> fmt::Debug for Stream<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stream").field(&self.client).finish()
    }
}

/// The stream that the requests of a view belong to.
#[derive(Debug)]
pub(crate) struct InStream {
    pub(crate) id: StreamId,
    /// If it is that of a transaction: whether that is over.
    is_over: Option<AtomicBool>,
}

impl InStream {
    /// One for a transaction.
    pub(crate) fn of_transaction(id: StreamId) -> Self {
        Self { id, is_over: Some(AtomicBool::new(false)) }
    }

    /// Whether a request of this type may be sent. To be asked under the lock that it is sent
    /// under: nothing may follow the end of a transaction, it would be executed outside of any.
    pub(crate) fn admits(&self, request_type: RequestType) -> bool {
        match request_type {
            RequestType::COMMIT | RequestType::ROLLBACK => self.end(),
            _ => !self.is_over(),
        }
    }

    /// Ends the transaction; `false`: it was over before.
    pub(crate) fn end(&self) -> bool {
        self.is_over.as_ref().is_none_or(|over| !over.swap(true, Ordering::Relaxed))
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.as_ref().is_some_and(|over| over.load(Ordering::Relaxed))
    }

    /// What error messages call a request in it.
    pub(crate) fn name(&self, subject: Subject) -> Subject {
        if self.is_over.is_some() { subject.in_transaction() } else { subject }
    }
}
