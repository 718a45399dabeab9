//! A server's changes on readiness-based runtimes.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tarantool_proto::ServerInfo;
use tarantool_proto::replication::{Change, Event, FollowStats, Vclock};
use tarantool_proto::types::Uuid;

use super::Follow;
use super::following::Following;
use crate::config::Config;
use crate::drive::{Timer, Transport};
use crate::error::Error;

/// The changes of a server, one after another, in the order in which it made them, each once.
///
/// It has a connection of its own and no task: [`next`](Self::next) reads, writes and looks at the
/// time. So it must be called again soon, or the server, which hears nothing meanwhile, ends it after
/// 4 s by default. Nothing is lost by that: go on with [`Follow::after`] the last
/// [`vclock`](Self::vclock). Whoever needs long for a change passes it on to another task.
///
/// There is no reconnecting here: an end is an error that says why, and then `None`.
#[must_use = "changes are seen only by asking for them"]
pub struct Changes {
    following: Following,
    transport: Box<dyn Transport + Send>,
    timer: Box<dyn Timer + Send>,
}

/// Reads before other tasks get their turn.
const TURNS_MAX: usize = 16;

impl Changes {
    /// Follows over a transport that was opened just now, once the server has accepted.
    ///
    /// # Errors
    /// The peer does not speak the protocol, the login is refused, the user lacks the role
    /// `replication`, the server is of another replica set, or `opening_until` comes.
    pub(crate) async fn open<T, S>(
        config: &Config,
        follow: &Follow,
        transport: T,
        timer: S,
        opening_until: Option<Instant>,
    ) -> Result<Self, Error>
    where
        T: Transport + Send + 'static,
        S: Timer + Send + 'static,
    {
        let following = Following::new(config, follow, opening_until);
        let mut changes =
            Self { following, transport: Box::new(transport), timer: Box::new(timer) };
        // The server's acceptance is the first of all events.
        poll_fn(|cx| changes.poll_event(cx)).await?;
        Ok(changes)
    }

    /// The next change. The one before has been dealt with: the server is told so.
    ///
    /// Dropping the future loses nothing. `None` comes after an error only, which is the end; see
    /// [`ErrorKind::Changes`](crate::ErrorKind::Changes).
    pub async fn next(&mut self) -> Option<Result<Change, Error>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Self::next), for those who poll.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Change, Error>>> {
        if self.following.is_over() {
            return Poll::Ready(None);
        }
        loop {
            match ready!(self.poll_event(cx)) {
                Ok(Event::Change(change)) => return Poll::Ready(Some(Ok(change))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }

    /// How far one has come, changes of spaces that are not wanted included: where to go on later.
    /// `None`: not through the snapshot yet.
    #[must_use]
    pub const fn vclock(&self) -> Option<&Vclock> {
        self.following.follower.vclock()
    }

    /// Who is followed.
    #[must_use]
    pub const fn server(&self) -> Option<&ServerInfo> {
        self.following.follower.server()
    }

    /// The replica set that the vclocks belong to.
    #[must_use]
    pub const fn replicaset_uuid(&self) -> Option<Uuid> {
        self.following.follower.replicaset_uuid()
    }

    /// What came so far.
    #[must_use]
    pub const fn stats(&self) -> &FollowStats {
        self.following.follower.stats()
    }

    /// Writes whenever that is possible, and never waits with reading for it.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, Error>> {
        for _ in 0..TURNS_MAX {
            self.following.look_at_time();
            let event = self.following.event()?;
            self.write(cx);
            if let Some(event) = event {
                return Poll::Ready(Ok(event));
            }
            if let Poll::Ready(read) = self.transport.poll_read(cx, self.following.room()) {
                self.following.read(read);
                continue;
            }
            let Some(until) = self.following.follower.poll_timeout() else {
                return Poll::Pending;
            };
            ready!(self.timer.poll_deadline(cx, until));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn write(&mut self, cx: &mut Context<'_>) {
        loop {
            let unwritten = self.following.unwritten();
            if unwritten.is_empty() {
                return;
            }
            match self.transport.poll_write(cx, unwritten) {
                Poll::Ready(written) => self.following.wrote(written),
                Poll::Pending => return,
            }
        }
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("vclock", &self.vclock()).finish_non_exhaustive()
    }
}
