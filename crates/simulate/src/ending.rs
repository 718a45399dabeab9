//! How a world comes to its end: all recover, all is answered, all close, and the books are right.

use tarantool_proto::session::WhileDown;

use crate::faults::RECOVERY_MAX;
use crate::ledger::{Certainty, Kind};
use crate::schedule::Event;
use crate::world::{Season, World};

const LOOKS_EVERY: u64 = 5000;

impl World<'_> {
    pub(crate) fn look(&mut self) {
        let now = self.now();
        let clients = 0..self.clients.len();
        let until = now + RECOVERY_MAX;
        match self.season {
            Season::Recovery(by) => match clients.clone().find(|client| !self.is_well(*client)) {
                None => {
                    clients.for_each(|client| self.ask_last(client));
                    self.season = Season::Answers(until);
                }
                Some(client) => assert!(now < by, "client {client}: {}", self.shown(client)),
            },
            Season::Answers(by) => {
                let is_done = |client: &usize| self.clients[*client].user.open == 0;
                match clients.clone().find(|client| !is_done(client)) {
                    None => {
                        clients.for_each(|client| self.end(client));
                        self.season = Season::Closing(until);
                    }
                    Some(client) => assert!(now < by, "client {client}: {}", self.shown(client)),
                }
            }
            Season::Closing(by) => {
                match clients.clone().find(|client| !self.clients[*client].is_over) {
                    None => self.season = Season::Over,
                    Some(client) => assert!(now < by, "client {client}: {}", self.shown(client)),
                }
            }
            Season::Faults | Season::Over => {}
        }
        self.schedule.after(LOOKS_EVERY, Event::Look);
    }

    fn shown(&self, client: usize) -> String {
        format!("not in time, {:?}, {} open", self.status(client), self.clients[client].user.open)
    }

    /// Whether it is over, or ready on a connection with a server behind it and done with its acts.
    fn is_well(&self, number: usize) -> bool {
        let client = &self.clients[number];
        let link = client.driver.link.and_then(|place| self.links[place].as_ref());
        let is_served = link.is_some_and(|link| link.is_served && !link.is_mute);
        let is_awake = client.driver.sleeps_until <= self.now();
        let has_acted = client.user.acts_left == 0 && !client.user.is_closing;
        client.is_over || (client.is_ready && is_served && is_awake && has_acted)
    }

    /// One request more, that must be answered.
    fn ask_last(&mut self, number: usize) {
        self.drive(number);
        self.take_all(number);
        if !self.clients[number].is_over {
            let last = self.send(number, Kind::Idempotent, false, None);
            self.clients[number].user.last = last;
            self.drive(number);
        }
    }

    fn end(&mut self, number: usize) {
        self.drive(number);
        if let Some(last) = self.clients[number].user.last {
            let certainty = self.take(number, last);
            let client = &self.clients[number];
            let goes_on = client.config.while_down == WhileDown::Wait && !client.is_over;
            let is_well = certainty == Some(Certainty::Executed);
            assert!(is_well || !goes_on, "the last one of client {number}: {certainty:?}");
        }
        if !self.clients[number].is_over {
            self.close(number);
            self.drive(number);
        }
    }

    /// Nothing is left, and servers have executed what clients know of.
    pub(crate) fn check_books(&mut self) {
        for number in 0..self.clients.len() {
            self.take_all(number);
            let client = &self.clients[number];
            let (session, user) = (&client.session, &client.user);
            assert_eq!((session.in_flight(), user.open, user.held), (0, 0, 0), "client {number}");
            assert!(user.requests.is_empty() && user.deadlines.is_empty());
            assert_eq!((session.queued_bytes(), session.is_saturated()), (0, false));
            assert_eq!((session.is_connected(), session.generation()), (false, None));
            assert_eq!(session.stats().requests, user.accepted, "requests of client {number}");
            let key = 2 * number as u64;
            let counters = self.servers.iter().filter_map(|server| server.counters.get(&key));
            let counted = counters.sum::<u64>();
            let (least, most) = (user.executed, user.executed + user.perhaps);
            assert!(
                (least..=most).contains(&counted),
                "client {number} knows of {least} to {most} executions, and there were {counted}"
            );
        }
    }
}
