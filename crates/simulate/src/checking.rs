//! What must hold whenever a driver has run: limits, and that nothing comes late.

use std::time::Duration;

use tarantool_proto::session::Status;

use crate::client::Client;
use crate::world::World;

/// A request, and what the session asks for itself.
const OWN_BYTES_MAX: usize = 1024;

impl World<'_> {
    pub(crate) fn check(&self, number: usize) {
        let client = &self.clients[number];
        let (session, conn) = (&client.session, &client.config.connection);
        // What is bound to a connection that is to be left has a place whatever the limits.
        if matches!(session.status(), Status::Ready { .. }) {
            let in_flight = session.in_flight();
            assert!(in_flight <= conn.in_flight_max.max(1), "{in_flight} in flight");
            let queued = session.queued_bytes();
            assert!(queued < conn.queued_bytes_max + OWN_BYTES_MAX, "{queued} bytes queued");
        }
        let held = client.user.held;
        let may_be = held <= conn.held_bytes_max || client.user.open == 1 || !client.keeps_all();
        assert!(may_be, "{held} bytes held");
        let at = session.poll_timeout();
        for (what, bound) in client.bounds().into_iter().flatten() {
            let status = session.status();
            assert!(bound > client.clock(self.now()), "late, client {number}, {status:?}: {what}");
            // The driver must come back in time by itself.
            let is_awaited = at.is_some_and(|at| at <= client.instant(bound));
            let comes = at.map(|at| client.clock(client.world_time(at)));
            assert!(
                is_awaited,
                "not awaited, client {number}, {status:?}: {what} by {bound}, but {comes:?}"
            );
        }
    }
}

impl Client {
    /// What must have come by when, by the client's clock.
    fn bounds(&self) -> [Option<(&'static str, u64)>; 4] {
        let Self { driver, config, .. } = self;
        let status = self.session.status();
        let of_status = match status {
            Status::Connecting { .. } => config
                .connect_timeout
                .map(|time| ("the end of an attempt", driver.begun_at + micros(time))),
            Status::Draining { .. } => {
                Some(("the end of a drain", driver.draining_at + micros(config.drain_timeout)))
            }
            Status::Retrying { at } => Some(("the next attempt", self.clock(self.world_time(at)))),
            _ => None,
        };
        let is_ready = matches!(status, Status::Ready { .. } | Status::Draining { .. });
        // Time is told seldom: what was heard may be noticed later.
        let silence = config.heartbeat.filter(|_| is_ready).map(|heartbeat| {
            let most = micros(heartbeat.after) * 2 + micros(heartbeat.timeout);
            ("a sign of life", driver.heard_at + most)
        });
        let deadline = self.user.deadlines.first().map(|(at, _)| ("a request's deadline", *at));
        let closing = self.user.closes_by.map(|at| ("the end", at));
        [of_status, silence, deadline, closing]
    }
}

fn micros(time: Duration) -> u64 {
    time.as_micros() as u64
}
