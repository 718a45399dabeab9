//! The holder of the reading lease: reads, opens the socket and lets time pass, for all.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::leases::{Lease, Link};
use super::waiting::{after, left, park, sleeper_of_this_thread};
use super::{Guard, Lead, is_timeout, lost};
use crate::blocking::{Connecting, Interest, Socket};
use crate::sync::now;

/// How long a socket that is being opened is waited for before it is looked whether it is still
/// wanted.
const LOOK: Duration = Duration::from_millis(100);

fn in_short(deadline: Option<Instant>) -> Duration {
    left(deadline).map_or(LOOK, |left| left.min(LOOK))
}

impl Lead {
    /// Does for all what is to be waited for: reads, opens the socket, or lets time pass. Once, and
    /// no longer than `until`.
    pub(super) fn lead<'a>(&'a self, mut state: Guard<'a>, until: Option<Instant>) -> Guard<'a> {
        let deadline = state.session.poll_timeout().into_iter().chain(until).min();
        match std::mem::take(&mut state.leases.link) {
            Link::Open(socket) => {
                state.leases.link = Link::Open(Arc::clone(&socket));
                self.read(state, &*socket, deadline)
            }
            Link::Wanted { address, attempt } => {
                state.leases.link = Link::Opening { attempt, connecting: None };
                let address = self.shared.address(address);
                let begin = || self.connector.begin(&address).map(Begun::Opening);
                self.open_link(state, attempt, begin)
            }
            Link::Opening { attempt, connecting: Some(mut connecting) } => {
                state.leases.link = Link::Opening { attempt, connecting: None };
                let wait = || match connecting.wait(Some(in_short(deadline)))? {
                    Some(socket) => Ok(Begun::Open(socket)),
                    None => Ok(Begun::Opening(connecting)),
                };
                self.open_link(state, attempt, wait)
            }
            other => {
                state.leases.link = other;
                self.let_time_pass(state, deadline)
            }
        }
    }

    /// Goes on with the opening of the socket, outside the lock.
    fn open_link<'a>(
        &'a self,
        mut state: Guard<'a>,
        attempt: u64,
        go_on: impl FnOnce() -> io::Result<Begun>,
    ) -> Guard<'a> {
        state.leases.reading = true;
        let link = state.leases.links;
        drop(state);

        let lease = Lease { lead: self, of: |leases| &mut leases.reading };
        let begun = go_on();
        state = lease.end();

        if state.leases.links != link {
            // It took too long; a socket that was opened is closed outside the lock.
            drop(state);
            drop(begun);
            return self.shared.lock();
        }
        match begun {
            Ok(Begun::Opening(connecting)) => {
                state.leases.link = Link::Opening { attempt, connecting: Some(connecting) };
                self.pass_time(state)
            }
            Ok(Begun::Open(socket)) => {
                if state.session.handle_connected(attempt) {
                    state.leases.link = Link::Open(socket);
                } else {
                    state.leases.link = Link::Closed;
                }
                state
            }
            Err(error) => {
                state.leases.link = Link::Closed;
                self.step(state, |session| session.handle_connect_failed(attempt, lost(&error)))
            }
        }
    }

    /// There is nothing to read: waits for the next attempt, or until there is something to do.
    fn let_time_pass<'a>(&'a self, mut state: Guard<'a>, deadline: Option<Instant>) -> Guard<'a> {
        state.leases.reading = true;
        // A waker of a thread: dropping it runs no code of users.
        drop(state.park_driver(&sleeper_of_this_thread()));
        drop(state);

        let lease = Lease { lead: self, of: |leases| &mut leases.reading };
        park(left(deadline));
        let state = lease.end();
        self.pass_time(state)
    }

    /// Reads once, for all, and wakes those whose answers came.
    fn read<'a>(
        &'a self,
        mut state: Guard<'a>,
        socket: &dyn Socket,
        deadline: Option<Instant>,
    ) -> Guard<'a> {
        let tick = after(Some(socket.tick()));
        let is_near = deadline.is_some_and(|deadline| tick.is_none_or(|tick| deadline < tick));
        state.leases.reading = true;
        state.leases.looks_again = if is_near { deadline } else { tick };
        let link = state.leases.links;
        let mut input = std::mem::take(&mut state.leases.input);
        drop(state);

        let lease = Lease { lead: self, of: |leases| &mut leases.reading };
        // A read returns by itself after a tick.
        let ready = if is_near { wait_readable(socket, deadline) } else { Ok(()) };
        let read = ready.and_then(|()| socket.recv(&mut input));
        state = lease.end();
        state.leases.looks_again = None;

        if state.leases.links != link {
            return state;
        }
        let mut told = std::mem::take(&mut state.leases.told);
        match read {
            Ok(0) => state.session.handle_eof(),
            Ok(count) => state.session.count_read(count),
            Err(error) if is_timeout(&error) => state.session.handle_timeout(now()),
            Err(error) => state.session.handle_failure(lost(&error)),
        }
        // If this ends it all, everyone has an answer that says so.
        let _ = state.process(&mut input, &mut told);
        state.leases.input = input;
        state = self.tell(state, &mut told);
        state.leases.told = told;
        state
    }
}

/// How far the opening of a socket has come.
enum Begun {
    Opening(Box<dyn Connecting>),
    Open(Arc<dyn Socket>),
}

fn wait_readable(socket: &dyn Socket, until: Option<Instant>) -> io::Result<()> {
    let ready = socket.wait(Interest { read: true, write: false }, left(until))?;
    if ready.read { Ok(()) } else { Err(io::ErrorKind::TimedOut.into()) }
}
