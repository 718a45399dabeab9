//! Calls that push messages while they run.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::task::{Context, Poll};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tarantool_proto::Push;
use tarantool_proto::request::{Call, Eval, Request, Subject};

use crate::blocking::Blocking;
use crate::client::{Client, returned};
use crate::error::{Error, ErrorKind};
use crate::lead::Waits;
use crate::mode::{Async, Mode};
use crate::pending::Pending;
use crate::shared::State;
use crate::sync::now;

/// A call under way that pushes `P`s and returns an `R`; made by [`Client::call_with_pushes`] and
/// [`Client::eval_with_pushes`].
///
/// Messages are kept in order until they are taken: at most 1024, and 16 MiB of them together. What
/// comes while so many wait is dropped, and its number told in its place.
///
/// Dropping it stops the wait, not the call: unless that still waits for a place at a limit.
///
/// ```
/// # async fn example(client: tarantool_client::Client) -> Result<(), tarantool_client::Error> {
/// let mut import = client.call_with_pushes::<u64, String>("import", ("users.csv",));
/// while let Some(rows) = import.next_push().await? {
///     println!("{rows} rows");
/// }
/// let summary: String = import.finish().await?;
/// # Ok(()) }
/// ```
#[must_use = "a call's errors are seen only by waiting for its end"]
pub struct CallWithPushes<P, R, M: Mode = Async> {
    reply: Pending<R>,
    subject: Subject,
    client: Client<M>,
    pushes: PhantomData<fn() -> P>,
}

impl<M: Mode> Client<M> {
    /// As [`call`](Self::call), for a function that sends messages by `box.session.push` while it
    /// runs (server 1.10.2; deprecated since 3.0, where it still works).
    ///
    /// The request timeout is for the whole call.
    pub fn call_with_pushes<P: DeserializeOwned, R: DeserializeOwned>(
        &self,
        function: &str,
        arguments: impl Serialize,
    ) -> CallWithPushes<P, R, M> {
        CallWithPushes::start(self, &Call::new(function).arguments(arguments))
    }

    /// As [`eval`](Self::eval), for code that sends messages by `box.session.push`; see
    /// [`call_with_pushes`](Self::call_with_pushes).
    pub fn eval_with_pushes<P: DeserializeOwned, R: DeserializeOwned>(
        &self,
        code: &str,
        arguments: impl Serialize,
    ) -> CallWithPushes<P, R, M> {
        CallWithPushes::start(self, &Eval::new(code).arguments(arguments))
    }
}

impl<P: DeserializeOwned, R: DeserializeOwned, M: Mode> CallWithPushes<P, R, M> {
    fn start(client: &Client<M>, request: &impl Request) -> Self {
        let timeout = client.timeout();
        let client = client.on(client.next_lane());
        let lane = &client.lane;
        let (sent, subject) =
            lane.submit(request, client.sending(), |session, id| session.accept_pushes(id));
        let reply = Pending::new(&lane.shared, sent, subject, returned);
        lane.mode.flush(timeout.and_then(|timeout| now().checked_add(timeout)));
        Self { reply, subject, client, pushes: PhantomData }
    }

    /// What `next_push` gives, if it need not wait.
    fn look(&self, state: &mut State) -> Option<Option<Push>> {
        let Some(id) = self.reply.id() else {
            return Some(None);
        };
        match state.session.take_push(id) {
            Some(push) => Some(Some(push)),
            None => state.session.is_answered(id).then_some(None),
        }
    }

    fn decode(&self, push: Option<Push>) -> Result<Option<P>, Error> {
        let kind = match push {
            None => return Ok(None),
            Some(Push::Message(message)) => match message.returned() {
                Ok(message) => return Ok(Some(message)),
                Err(error) => ErrorKind::Decode(error),
            },
            Some(Push::Lost(count)) => ErrorKind::PushesLost(count),
            // There are no others.
            Some(_) => ErrorKind::PushesLost(1),
        };
        Err(Error::of(self.subject, kind))
    }

    /// Waits for the call's end and returns what it returned. Messages not taken are dropped.
    ///
    /// # Errors
    /// As every verb: see [`Error`].
    pub fn finish(self) -> M::Reply<R> {
        if let Some(id) = self.reply.id() {
            self.client.lane.shared.lock().session.forget_pushes(id);
        }
        self.client.lane.mode.reply(self.reply)
    }
}

impl<P: DeserializeOwned, R: DeserializeOwned> CallWithPushes<P, R, Async> {
    /// Waits for the next message. `None`: the call is over, for whatever reason, which
    /// [`finish`](Self::finish) gives. Dropping the future loses nothing.
    ///
    /// # Errors
    /// The message does not fit `P`, or messages were dropped because too many waited
    /// ([`ErrorKind::PushesLost`]). The call goes on, and so do the messages behind.
    pub async fn next_push(&mut self) -> Result<Option<P>, Error> {
        let push = poll_fn(|cx| self.poll_push(cx)).await;
        self.decode(push)
    }

    fn poll_push(&self, cx: &mut Context<'_>) -> Poll<Option<Push>> {
        let replaced = {
            let mut state = self.client.lane.shared.lock();
            if let Some(push) = self.look(&mut state) {
                return Poll::Ready(push);
            }
            self.reply.id().and_then(|id| state.wait(id, cx.waker()))
        };
        drop(replaced);
        Poll::Pending
    }
}

impl<P: DeserializeOwned, R: DeserializeOwned> CallWithPushes<P, R, Blocking> {
    /// Waits for the next message. `None`: the call is over, for whatever reason, which
    /// [`finish`](Self::finish) gives.
    ///
    /// # Errors
    /// The message does not fit `P`, or messages were dropped because too many waited
    /// ([`ErrorKind::PushesLost`]). The call goes on, and so do the messages behind.
    pub fn next_push(&mut self) -> Result<Option<P>, Error> {
        let waits = self.reply.id().map_or(Waits::Briefly { until: None }, Waits::Reply);
        let push = self.client.lane.mode.lead().drive_until(waits, |state| self.look(state));
        self.decode(push)
    }
}

impl<P, R, M: Mode> fmt::Debug for CallWithPushes<P, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallWithPushes").field("request", &self.subject).finish_non_exhaustive()
    }
}
