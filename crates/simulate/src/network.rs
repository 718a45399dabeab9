//! Connections come, carry bytes, break, and go.

use tarantool_proto::ConnectionError;

use crate::client::End;
use crate::link::Link;
use crate::schedule::{Event, Way};
use crate::server::State;
use crate::world::{Season, World};

/// After so many bytes connections break that break by themselves, at most.
const BREAKS_WITHIN: u64 = 4000;

impl World<'_> {
    pub(crate) fn latency(&mut self) -> u64 {
        let (low, high) = self.settings.conditions.latency;
        self.random.within(low..=high)
    }

    /// An attempt is decided by how the server is now.
    pub(crate) fn opened(&mut self, number: usize, attempt: u64, server: usize) {
        let client = &mut self.clients[number];
        if client.driver.sleeps_until > self.schedule.now() {
            let until = client.driver.sleeps_until;
            let event = Event::Opened { client: number, attempt, server };
            return self.schedule.at(until, event);
        }
        let is_awaited = client.driver.opening == Some(attempt);
        match self.servers[server].state {
            State::Up | State::Mute => {
                let is_taken = client.session.handle_connected(attempt);
                assert_eq!(is_taken, is_awaited, "attempt {attempt} of client {number}");
                if is_taken {
                    client.driver.opening = None;
                    self.join(number, attempt, server);
                }
            }
            State::Refusing | State::Leaving | State::Down => {
                self.trace.note(number, "refused", [attempt, server as u64]);
                let error = ConnectionError::Transport("connection refused".into());
                client.session.handle_connect_failed(attempt, error);
                if is_awaited {
                    client.driver.opening = None;
                }
            }
            State::Unreachable => return,
        }
        self.drive(number);
    }

    fn join(&mut self, number: usize, attempt: u64, server: usize) {
        let mut salt = [0; 32];
        salt.fill_with(|| self.random.next() as u8);
        let conditions = self.settings.conditions;
        let config = &self.servers[server].config;
        let mut link = Link::new([number, server], attempt, conditions, config, salt);
        link.is_mute = self.servers[server].state == State::Mute;
        let breaks = self.settings.break_one_in;
        if self.season == Season::Faults && breaks > 0 && self.random.one_in(breaks) {
            let after = Some(self.random.up_to_about(BREAKS_WITHIN) as usize);
            match self.random.one_in(2) {
                true => link.to_server.breaks_after = after,
                false => link.to_client.breaks_after = after,
            }
        }
        let place = self.links.len();
        self.note(number, "connected", [attempt, place as u64]);
        self.links.push(Some(link));
        self.clients[number].driver.link = Some(place);
        self.speak(place);
    }

    /// Has the next arrival noticed.
    pub(crate) fn expect(&mut self, place: usize, way: Way) {
        let Some(link) = &mut self.links[place] else {
            return;
        };
        let wire = match way {
            Way::ToServer => &mut link.to_server,
            Way::ToClient => &mut link.to_client,
        };
        if let Some(at) = wire.next() {
            let at = at.max(self.schedule.now());
            if wire.expected.is_none_or(|expected| at < expected) {
                wire.expected = Some(at);
                self.schedule.at(at, Event::Arrive { link: place, way });
            }
        }
    }

    pub(crate) fn arrive(&mut self, place: usize, way: Way) {
        match way {
            Way::ToServer => self.arrive_at_server(place),
            Way::ToClient => self.arrive_at_client(place),
        }
    }

    fn arrive_at_server(&mut self, place: usize) {
        let now = self.now();
        let Some(link) = &mut self.links[place] else {
            return;
        };
        if link.to_server.expected == Some(now) {
            link.to_server.expected = None;
        }
        // It goes on reading once it has answered.
        if !link.is_served || link.conn.is_saturated() {
            return;
        }
        let is_end = link.to_server.arrived(now, &mut link.input);
        let client = link.client;
        if link.is_mute {
            link.input.clear();
        } else {
            self.serve(place);
        }
        self.expect(place, Way::ToServer);
        if is_end {
            self.stop_serving(place, true);
        }
        let driver = &self.clients[client].driver;
        if driver.link == Some(place) && !driver.output.is_empty() {
            // There is room for more.
            self.wake(client, now);
        }
    }

    fn arrive_at_client(&mut self, place: usize) {
        let now = self.now();
        let Some(link) = &mut self.links[place] else {
            return;
        };
        if link.to_client.expected == Some(now) {
            link.to_client.expected = None;
        }
        let number = link.client;
        let driver = &mut self.clients[number].driver;
        if driver.link != Some(place) {
            return;
        }
        if driver.sleeps_until > now {
            link.to_client.freeze(driver.sleeps_until);
            return self.expect(place, Way::ToClient);
        }
        let before = driver.input.len();
        if link.to_client.arrived(now, &mut driver.input) {
            driver.end = Some(End::Eof);
        }
        let came = (driver.input.len() - before) as u64;
        let is_news = came > 0 || driver.end.is_some();
        self.expect(place, Way::ToClient);
        self.speak(place);
        if came > 0 {
            let client = &mut self.clients[number];
            client.driver.heard_at = client.clock(now);
        }
        if is_news {
            self.note(number, "reads", [came, place as u64]);
            self.drive(number);
        }
    }

    /// The client's side of a link notices that it is broken.
    pub(crate) fn broken(&mut self, place: usize) {
        let Some(number) = self.links[place].as_ref().map(|link| link.client) else {
            return;
        };
        let driver = &mut self.clients[number].driver;
        if driver.link != Some(place) {
            return;
        }
        if driver.sleeps_until > self.schedule.now() {
            return self.schedule.at(driver.sleeps_until, Event::Broken { link: place });
        }
        driver.end = Some(End::Failure);
        self.note(number, "broken", [place as u64, 0]);
        self.drive(number);
    }

    /// A link breaks: of what is under way, something may still arrive.
    pub(crate) fn cut(&mut self, place: usize) {
        let time = self.latency();
        let arrival = self.now() + time;
        let Some(link) = &mut self.links[place] else {
            return;
        };
        self.trace.note(link.client, "cut", [place as u64, 0]);
        if self.random.one_in(2) {
            link.to_client.drop_all();
        }
        let arrives = self.random.one_in(2);
        if arrives {
            link.to_server.end(arrival);
        } else {
            link.to_server.drop_all();
        }
        self.schedule.at(arrival, Event::Broken { link: place });
        self.expect(place, Way::ToServer);
        if !arrives {
            self.stop_serving(place, false);
        }
    }

    /// The client closes its side. What it has written may still arrive.
    pub(crate) fn hang_up(&mut self, place: usize) {
        let arrival = self.now() + self.settings.conditions.latency.0;
        let arrives = !self.random.one_in(3);
        let Some(link) = &mut self.links[place] else {
            return;
        };
        link.is_used = false;
        link.to_client.drop_all();
        if arrives {
            link.to_server.end(arrival);
            self.expect(place, Way::ToServer);
        } else {
            link.to_server.drop_all();
            self.stop_serving(place, false);
        }
        self.bury(place);
    }

    /// The server closes its side; whether in an orderly way.
    pub(crate) fn stop_serving(&mut self, place: usize, orderly: bool) {
        let arrival = self.now() + self.settings.conditions.latency.0;
        let Some(link) = &mut self.links[place] else {
            return;
        };
        link.is_served = false;
        link.to_server.drop_all();
        if orderly {
            link.to_client.end(arrival);
            self.expect(place, Way::ToClient);
        }
        self.bury(place);
    }

    fn bury(&mut self, place: usize) {
        self.links[place].take_if(|link| !link.is_used && !link.is_served);
    }
}
