//! Interactive transactions.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::time::Duration;

use tarantool_proto::request::{Begin, Commit, Isolation, Request, Rollback};
use tarantool_proto::{ErrorCode, Outcome};

use crate::blocking::Blocking;
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::mode::{Async, Mode};
use crate::stream::InStream;
use crate::sync::now;

/// A transaction: what is done by it and by its spaces is done at once by [`commit`](Self::commit),
/// or not at all. Server 2.10; nothing is sent to older ones.
///
/// Made by [`Client::transaction`]. It has all verbs of the [`Client`] that it derefs to. Any number
/// of transactions, and of requests outside of them, share a connection. Dropped without a commit it
/// is rolled back; the request for that is queued without waiting.
///
/// ```no_run
/// # use std::time::Duration;
/// # use tarantool_client::{Client, Error, Isolation, ops};
/// # async fn example(client: Client) -> Result<(), Error> {
/// let txn = client
///     .transaction()
///     .isolation(Isolation::ReadConfirmed)
///     .timeout(Duration::from_secs(5))
///     .begin()
///     .await?;
/// let accounts = txn.space::<(u64, i64)>("accounts");
/// accounts.update(1, ops().subtract("balance", 10)).await?;
/// accounts.update(2, ops().add("balance", 10)).await?;
/// txn.commit().await?;
/// # Ok(()) }
/// ```
///
/// A transaction belongs to its connection: when that is lost, the server rolls back, and every use
/// of the transaction is an error that says so
/// ([`ConnectionGone`](ErrorKind::ConnectionGone)), whatever connection follows. When it is over, its spaces and other views are too:
/// what is asked of them is [`TransactionOver`](ErrorKind::TransactionOver), and is not sent.
///
/// A request that fails does not end the transaction. After the server has aborted it, everything
/// but a rollback is an error: [`TRANSACTION_CONFLICT`](ErrorCode::TRANSACTION_CONFLICT) if others
/// changed what it had read, [`TRANSACTION_TIMEOUT`](ErrorCode::TRANSACTION_TIMEOUT) if it took too
/// long. Spaces in memory need the server's option `memtx_use_mvcc_engine`; without it the second
/// request is the error [`TRANSACTION_YIELD`](ErrorCode::TRANSACTION_YIELD).
///
/// On servers before 3.0 a request by the name of a space may get the error
/// [`WRONG_SCHEMA_VERSION`](ErrorCode::WRONG_SCHEMA_VERSION), if the schema has just changed; it was
/// not executed.
#[must_use = "a transaction that is dropped is rolled back"]
pub struct Transaction<M: Mode = Async> {
    client: Client<M>,
    /// Lent to a closure: whoever runs that commits or rolls back.
    is_lent: bool,
}

impl<M: Mode> Transaction<M> {
    /// Makes the changes permanent and visible to others, and ends the transaction.
    ///
    /// If it fails, the transaction is rolled back. If the connection ended after the commit was
    /// written, it may have been executed: see [`Error::outcome`]. If no reply is waited for, or
    /// none comes in time, a rollback is queued behind it, which undoes a commit that was not sent.
    ///
    /// # Errors
    /// Besides those of every verb: conflict and timeout (see [`Transaction`]), and
    /// [`TransactionOver`](ErrorKind::TransactionOver) if there was a commit or rollback before.
    pub fn commit(&self) -> M::Reply<()> {
        self.finish(&Commit::new())
    }

    /// Undoes what was done and ends the transaction. Dropping does the same without waiting.
    ///
    /// # Errors
    /// Besides those of every verb: [`TransactionOver`](ErrorKind::TransactionOver) if there was a
    /// commit or rollback before.
    pub fn rollback(&self) -> M::Reply<()> {
        self.finish(&Rollback)
    }

    /// Whether there was a commit or a rollback.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.client.stream.as_ref().is_some_and(|stream| stream.is_over())
    }

    fn finish<R: Request>(&self, request: &R) -> M::Reply<()> {
        let guard = Guard { client: self.client.clone(), is_armed: true };
        self.client.request_guarded(request, move |result| guard.settle(result))
    }

    fn lend(&self) -> Self {
        Self { client: self.client.clone(), is_lent: true }
    }

    /// After the reply to BEGIN.
    fn begun(self, result: Result<(), Error>) -> Result<Self, Error> {
        match result {
            Ok(()) => Ok(self),
            Err(error) => {
                if error.outcome() != Outcome::MaybeExecuted {
                    // There is nothing to roll back.
                    self.end();
                }
                Err(error)
            }
        }
    }

    /// Lets nothing follow; `false`: it was over before.
    fn end(&self) -> bool {
        // Not between another request's question and its sending.
        let _state = self.client.lane.shared.lock();
        self.client.stream.as_ref().is_some_and(|stream| stream.end())
    }
}

impl<M: Mode> Deref for Transaction<M> {
    type Target = Client<M>;

    fn deref(&self) -> &Client<M> {
        &self.client
    }
}

impl<M: Mode> Drop for Transaction<M> {
    fn drop(&mut self) {
        if !self.is_lent && self.end() {
            self.client.roll_back();
        }
    }
}

impl<M: Mode> fmt::Debug for Transaction<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transaction").field(&self.client).finish()
    }
}

/// Rolls back behind a commit or rollback that may not have been sent: dropped before its reply
/// came, or not answered.
struct Guard<M: Mode> {
    client: Client<M>,
    is_armed: bool,
}

impl<M: Mode> Guard<M> {
    fn settle(mut self, result: Result<(), Error>) -> Result<(), Error> {
        self.is_armed = result.as_ref().is_err_and(|error| {
            error.outcome() != Outcome::Answered
                && !matches!(error.kind(), ErrorKind::TransactionOver)
        });
        result
    }
}

impl<M: Mode> Drop for Guard<M> {
    fn drop(&mut self) {
        if self.is_armed {
            self.client.roll_back();
        }
    }
}

impl<M: Mode> Client<M> {
    /// A transaction to be begun on this connection. Nothing is sent yet.
    pub fn transaction(&self) -> TransactionBuilder<M> {
        TransactionBuilder { client: self.clone(), begin: Begin::new(), retries: 0 }
    }

    /// Queues a rollback that nobody waits for.
    fn roll_back(&self) {
        if let Some(stream) = &self.stream {
            let lane = &self.lane;
            lane.shared.roll_back(stream.id, lane.close_timeout);
            lane.mode.flush(Some(now()));
        }
    }
}

/// What a transaction is to be; made by [`Client::transaction`].
#[derive(Clone)]
#[must_use = "nothing is sent before `begin` or `run`"]
pub struct TransactionBuilder<M: Mode = Async> {
    client: Client<M>,
    begin: Begin,
    retries: u32,
}

impl<M: Mode> TransactionBuilder<M> {
    /// What it sees of others. Default: as the server is set up (`txn_isolation`).
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.begin = self.begin.isolation(isolation);
        self
    }

    /// How long it may take before the server aborts it. Default, and zero: as the server is set up
    /// (`txn_timeout`).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.begin = self.begin.timeout(timeout);
        self
    }

    /// Whether the commit waits until a quorum of replicas has the changes, whatever the spaces are
    /// set to. Default: `false`. Server 3.1.1; not sent to older ones.
    pub fn synchronous(mut self, is_sync: bool) -> Self {
        self.begin = self.begin.synchronous(is_sync);
        self
    }

    /// How often `run` begins anew after a conflict. Default: 0.
    pub fn retry_conflicts(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Begins it. Dropping the reply before it came rolls back.
    pub fn begin(self) -> M::Reply<Transaction<M>> {
        self.start()
    }

    fn start(&self) -> M::Reply<Transaction<M>> {
        let view = self.client.in_stream(InStream::of_transaction);
        let transaction = Transaction { client: view.clone(), is_lent: false };
        view.request_guarded(&self.begin, move |result| transaction.begun(result))
    }

    /// Whether to begin anew; counts.
    fn repeats<T>(&mut self, result: &Result<T, Error>) -> bool {
        let conflict = Some(ErrorCode::TRANSACTION_CONFLICT);
        let repeats = self.retries > 0 && result.as_ref().is_err_and(|e| e.code() == conflict);
        self.retries -= u32::from(repeats);
        repeats
    }
}

impl TransactionBuilder<Async> {
    /// Begins a transaction, lets `work` do its part, and commits. If `work` fails, rolls back.
    ///
    /// Where the server reports a conflict, of a request or of the commit, all is done again on a new
    /// transaction, as often as [`retry_conflicts`](Self::retry_conflicts) allows. After a lost
    /// connection nothing is repeated: the commit may have been executed.
    ///
    /// If `work` has committed or rolled back by itself, that is the end: what it returns is
    /// returned. What it keeps of the transaction is of no use afterwards.
    ///
    /// The future is `Send` if what `work` uses is, so it can be spawned. An async closure may borrow
    /// from around it, but not change it: count in a `Cell` or an atomic.
    ///
    /// ```no_run
    /// # use tarantool_client::{Client, Error, ops};
    /// # async fn example(client: Client) -> Result<(), Error> {
    /// let visits: Option<(u64, u64)> = client
    ///     .transaction()
    ///     .retry_conflicts(3)
    ///     .run(async |txn| {
    ///         txn.space("visits").update(1, ops().add("count", 1)).await
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The last one of `work`, of the beginning or of the commit.
    pub async fn run<T, F>(mut self, mut work: impl FnMut(Transaction) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        loop {
            let transaction = self.start().await?;
            let mut result = work(transaction.lend()).await;
            if result.is_ok() && !transaction.is_over() {
                result = transaction.commit().await.and(result);
            }
            if !self.repeats(&result) {
                return result;
            }
        }
    }
}

impl TransactionBuilder<Blocking> {
    /// Begins a transaction, lets `work` do its part, and commits. If `work` fails, rolls back.
    ///
    /// Where the server reports a conflict, of a request or of the commit, all is done again on a new
    /// transaction, as often as [`retry_conflicts`](Self::retry_conflicts) allows. After a lost
    /// connection nothing is repeated: the commit may have been executed.
    ///
    /// If `work` has committed or rolled back by itself, that is the end: what it returns is
    /// returned.
    ///
    /// ```no_run
    /// # use tarantool_client::{Blocking, Client, Error, ops};
    /// # fn example(client: Client<Blocking>) -> Result<(), Error> {
    /// let visits: Option<(u64, u64)> = client
    ///     .transaction()
    ///     .retry_conflicts(3)
    ///     .run(|txn| txn.space("visits").update(1, ops().add("count", 1)))?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The last one of `work`, of the beginning or of the commit.
    pub fn run<T>(
        mut self,
        mut work: impl FnMut(&Transaction<Blocking>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        loop {
            let transaction = self.start()?;
            let mut result = work(&transaction);
            if result.is_ok() && !transaction.is_over() {
                result = transaction.commit().and(result);
            }
            if !self.repeats(&result) {
                return result;
            }
        }
    }
}

impl<M: Mode> fmt::Debug for TransactionBuilder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransactionBuilder")
            .field("client", &self.client)
            .field("begin", &self.begin)
            .field("retries", &self.retries)
            .finish()
    }
}
