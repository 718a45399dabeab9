//! A server's changes on threads.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use tarantool_proto::ServerInfo;
use tarantool_proto::replication::{Change, Event, FollowStats, Vclock};
use tarantool_proto::types::Uuid;

use super::Follow;
use super::following::Following;
use crate::blocking::{Interest, Socket};
use crate::config::Config;
use crate::error::Error;
use crate::lead::{is_timeout, left};

/// The changes of a server, one after another, in the order in which it made them, each once: an
/// iterator that waits.
///
/// It has a connection of its own and no thread: the iteration reads, writes and looks at the time.
/// So it must go on soon, or the server, which hears nothing meanwhile, ends it after 4 s by default.
/// Nothing is lost by that: go on with [`Follow::after`] the last [`vclock`](Self::vclock). Whoever
/// needs long for a change passes it on to another thread.
///
/// There is no reconnecting here: the last item is an error that says why it ended.
#[must_use = "changes are seen only by asking for them"]
pub struct BlockingChanges {
    following: Following,
    socket: Arc<dyn Socket>,
}

/// Follows over an open `socket`, once the server has accepted.
///
/// # Errors
/// The peer does not speak the protocol, the login is refused, the user lacks the role
/// `replication`, the server is of another replica set, or `opening_until` comes.
pub fn changes_blocking(
    config: &Config,
    follow: &Follow,
    socket: Arc<dyn Socket>,
    opening_until: Option<Instant>,
) -> Result<BlockingChanges, Error> {
    let following = Following::new(config, follow, opening_until);
    let mut changes = BlockingChanges { following, socket };
    // The server's acceptance is the first of all events.
    changes.event()?;
    Ok(changes)
}

impl BlockingChanges {
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

    fn event(&mut self) -> Result<Event, Error> {
        self.following.look_at_time();
        loop {
            let event = self.following.event()?;
            let is_stuck = self.write();
            if let Some(event) = event {
                return Ok(event);
            }
            match self.wait(is_stuck) {
                Ok(true) => match self.socket.recv(self.following.room()) {
                    Err(error) if is_timeout(&error) => {}
                    read => self.following.read(read),
                },
                Ok(false) => {}
                Err(error) => self.following.read(Err(error)),
            }
            self.following.look_at_time();
        }
    }

    /// Writes what can be written now. Whether there is more.
    fn write(&mut self) -> bool {
        loop {
            let unwritten = self.following.unwritten();
            if unwritten.is_empty() {
                return false;
            }
            match self.socket.send(unwritten) {
                Err(error) if is_timeout(&error) => return true,
                written => self.following.wrote(written),
            }
        }
    }

    /// Whether to read now. Where something waits to be written, or the time is due sooner than a
    /// read returns by itself, it is waited for first.
    fn wait(&self, is_stuck: bool) -> io::Result<bool> {
        let timeout = left(self.following.follower.poll_timeout());
        if !is_stuck && timeout.is_none_or(|timeout| timeout >= self.socket.tick()) {
            return Ok(true);
        }
        let interest = Interest { read: true, write: is_stuck };
        Ok(self.socket.wait(interest, timeout)?.read)
    }
}

impl Iterator for BlockingChanges {
    type Item = Result<Change, Error>;

    /// The next change. The one before has been dealt with: the server is told so.
    fn next(&mut self) -> Option<Result<Change, Error>> {
        if self.following.is_over() {
            return None;
        }
        loop {
            match self.event() {
                Ok(Event::Change(change)) => return Some(Ok(change)),
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl std::iter::FusedIterator for BlockingChanges {}

impl fmt::Debug for BlockingChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingChanges").field("vclock", &self.vclock()).finish_non_exhaustive()
    }
}
