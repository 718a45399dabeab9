//! The holder of the writing lease: writes what is queued, for all.

use std::io;
use std::time::{Duration, Instant};

use tarantool_proto::Decision;

use super::leases::{Lease, hand_over, pass_on};
use super::waiting::{BRIEFLY, Waits, after, left};
use super::{Guard, Lead, is_timeout, lost};
use crate::blocking::{Interest, Socket};
use crate::sync::{now, yield_now};

/// How long a server may take nothing before one who submits goes on.
const PATIENCE: Duration = Duration::from_millis(10);

impl Lead {
    /// Writes all that was accepted, but no longer than `until`: what waits for a place or for a
    /// connection too.
    pub(crate) fn write_all(&self, until: Option<Instant>) {
        self.drive_until(Waits::Briefly { until }, |state| {
            let is_late = until.is_some_and(|until| until <= now());
            let over = is_late || state.is_all_written() || state.session.failure().is_some();
            over.then_some(())
        });
    }

    /// Writes what is queued, but no longer than `until`.
    pub(crate) fn write_queued(&self, until: Option<Instant>) {
        let mut state = self.shared.lock();
        while state.wants_writer() {
            let progress = state.leases.progress();
            state = self.flush(state, until);
            if state.leases.progress() == progress {
                if until.is_some_and(|until| until <= now()) {
                    break;
                }
            } else if state.wants_writer() {
                state = match hand_over(state) {
                    Ok(()) => return,
                    Err(state) => state,
                };
            }
        }
        pass_on(state);
    }

    /// Writes what is queued, as much as the socket takes. One who reads does not see when it takes
    /// more: then this waits for that, as long as the server goes on.
    pub(super) fn write_now(&self) {
        let mut state = self.shared.lock();
        let patience = |state: &Guard<'_>| {
            let is_left_to_reader = state.leases.reading && !state.leases.is_stuck;
            after(Some(if is_left_to_reader { PATIENCE } else { Duration::ZERO }))
        };
        let mut until = patience(&state);
        while state.wants_writer() {
            let progress = state.leases.progress();
            state = self.flush(state, until);
            if state.leases.progress() != progress {
                if state.wants_writer() {
                    state = match hand_over(state) {
                        Ok(()) => return,
                        Err(state) => state,
                    };
                }
                until = patience(&state);
            } else if until.is_some_and(|until| until <= now()) {
                state.leases.is_stuck |= state.wants_writer();
                break;
            }
        }
        pass_on(state);
    }

    /// Writes once: what is left of the last write, or what is queued. If nothing can be written now,
    /// waits until something can, or until a deadline or `until`, and returns.
    pub(super) fn flush<'a>(&'a self, mut state: Guard<'a>, until: Option<Instant>) -> Guard<'a> {
        if !state.wants_writer() {
            return state;
        }
        let Some(socket) = state.leases.socket() else {
            return state;
        };
        let link = state.leases.links;
        let is_new = state.leases.output.is_empty() && !state.leases.yielding;
        if is_new && state.session.poll_decision() == Decision::Yield {
            state = self.yield_turn(state);
            if state.leases.links != link || !state.wants_writer() {
                return state;
            }
        }
        let mut output = std::mem::take(&mut state.leases.output);
        if output.is_empty() && !state.session.poll_transmit(&mut output) {
            state.leases.output = output;
            return state;
        }
        let written = state.leases.written;
        state.leases.writing = true;
        // Another thread may find the connection lost meanwhile: all of this may be written then.
        state.session.handle_unwritten(0);
        drop(state);

        let lease = Lease { lead: self, of: |leases| &mut leases.writing };
        let sent = self.send(&*socket, output.get(written..).unwrap_or_default(), until);
        state = lease.end();

        if state.leases.links != link {
            // What is left of it was for a connection that is lost.
            return state;
        }
        let count = *sent.as_ref().unwrap_or(&0);
        state.session.count_writes(usize::from(count > 0), count);
        state.leases.writes += u64::from(count > 0);
        state.leases.is_stuck &= count == 0;
        state.leases.written = written + count;
        let unwritten = output.len().saturating_sub(state.leases.written);
        state.session.handle_unwritten(unwritten);
        if unwritten == 0 {
            output.clear();
            state.leases.written = 0;
        }
        state.leases.output = output;
        match sent {
            Ok(_) => state,
            Err(error) => self.step(state, |session| session.handle_failure(lost(&error))),
        }
    }

    /// Lets other threads run. Those that were just answered queue their next requests meanwhile,
    /// and leave the writing to this one; or the one who queues half of them writes that half.
    fn yield_turn<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
        state.leases.yielding = true;
        drop(state);
        yield_now();
        state = self.shared.lock();
        state.leases.yielding = false;
        state
    }

    /// Writes once and returns how much. 0: nothing could be written, and the wait for it is over.
    fn send(
        &self,
        socket: &dyn Socket,
        output: &[u8],
        until: Option<Instant>,
    ) -> io::Result<usize> {
        match socket.send(output) {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            Err(error) if is_timeout(&error) => self.wait_writable(socket, until).map(|()| 0),
            sent => sent,
        }
    }

    /// Waits until something can be written, and leads meanwhile if nobody does.
    ///
    /// # Errors
    /// Waiting failed.
    fn wait_writable(&self, socket: &dyn Socket, until: Option<Instant>) -> io::Result<()> {
        let mut state = self.shared.lock();
        let leads = !std::mem::replace(&mut state.leases.reading, true);
        let mut timeout = left(state.session.poll_timeout().into_iter().chain(until).min());
        if !leads {
            // The answer that this thread waits for may be read by another one.
            timeout = Some(timeout.map_or(BRIEFLY, |timeout| timeout.min(BRIEFLY)));
        }
        drop(state);

        let lease = leads.then(|| Lease { lead: self, of: |leases| &mut leases.reading });
        let ready = socket.wait(Interest { read: leads, write: true }, timeout)?;
        let state = match lease {
            Some(lease) => {
                let state = lease.end();
                if ready.read { self.lead(state, until) } else { state }
            }
            None => self.shared.lock(),
        };
        drop(self.pass_time(state));
        Ok(())
    }
}
