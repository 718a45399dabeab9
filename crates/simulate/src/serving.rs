//! What servers do: read, execute, reply, come and go.

use tarantool_proto::server::{Incoming, ServerEvent};
use tarantool_proto::{ErrorCode, RequestType, ServerError, msgpack};

use crate::ledger;
use crate::schedule::{Event, Way};
use crate::server::{PASSWORD, State, USER, Work};
use crate::world::World;

const SHUTDOWN_KEY: &[u8] = b"box.shutdown";
const TRUE: &[u8] = &[0xc3];

impl World<'_> {
    /// Reads what has arrived on a link.
    pub(crate) fn serve(&mut self, place: usize) {
        loop {
            let Some(link) = &mut self.links[place] else {
                return;
            };
            match link.conn.poll_event(&mut link.input).expect("what a client sends") {
                Some(ServerEvent::Login(login)) => {
                    let server = &self.servers[link.server];
                    let is_known = server.takes_password && &*login.user == USER;
                    let password = if is_known { PASSWORD } else { "another" };
                    link.conn.answer_login(login, Some(password.as_bytes()));
                }
                Some(ServerEvent::Request(request)) => self.receive(place, &request),
                Some(other) => panic!("{other:?}"),
                None => break,
            }
        }
        self.speak(place);
    }

    fn receive(&mut self, place: usize, request: &Incoming) {
        let Some(link) = &mut self.links[place] else {
            return;
        };
        let is_leaving = self.servers[link.server].state == State::Leaving;
        let Some((number, key)) = ledger::read(request) else {
            match request.request_type {
                RequestType::WATCH => {
                    let is_first = link.watch.is_none();
                    link.watch = Some((request.sync, !is_first));
                    link.conn.finish(request.sync);
                    if is_first {
                        link.conn.send_event(request.sync, SHUTDOWN_KEY, None);
                    } else if is_leaving {
                        link.announce();
                    }
                }
                RequestType::PING => link.conn.reply_ok(request.sync),
                other => panic!("what no client here sends: {other:?}"),
            }
            return;
        };
        self.ledger.received(number, request, link);
        let (client, server) = (link.client, link.server);
        let work = Work { link: place, sync: request.sync, number, key };
        let mut at = self.schedule.now() + self.random.within(0..=self.servers[server].work_max);
        if request.stream_id > 0 {
            // One after another.
            let before = link.executed_at.entry(request.stream_id).or_default();
            at = at.max(*before);
            *before = at;
        }
        let host = &mut self.servers[server];
        host.works += 1;
        host.pending.insert(host.works, work);
        self.schedule.at(at, Event::Execute { server, work: host.works });
        self.note(client, "received", [number, place as u64]);
    }

    /// Executes what a server has read, whether its connection is still there or not.
    pub(crate) fn execute(&mut self, server: usize, work: u64) {
        let host = &mut self.servers[server];
        // Gone with a server that was killed.
        let Some(work) = host.pending.remove(&work) else {
            return;
        };
        *host.counters.entry(work.key).or_default() += 1;
        self.ledger.executed(&work);
        self.note(self.ledger.known(work.number).client, "executed", [work.number, server as u64]);
        let Some(link) = self.links[work.link].as_mut().filter(|link| link.is_served) else {
            return;
        };
        match self.random.below(16) {
            0 => {
                let error = ServerError::new(ErrorCode::PROC_LUA, work.number.to_string());
                link.conn.reply_error(work.sync, &error);
            }
            choice => {
                let mut row = Vec::new();
                msgpack::write::uint(&mut row, work.number);
                if choice == 1 {
                    // To nobody: no one here asks for messages.
                    link.conn.reply_chunk(work.sync, &row);
                }
                link.conn.reply_data(work.sync, [row.as_slice()]);
            }
        }
        self.serve(work.link);
        self.expect(work.link, Way::ToServer);
    }

    /// Writes what the wire has room for.
    pub(crate) fn speak(&mut self, place: usize) {
        let now = self.now();
        loop {
            let Some(link) = &mut self.links[place] else {
                return;
            };
            if !link.is_served || link.is_mute {
                return;
            }
            if link.output.is_empty() && !link.conn.poll_transmit(&mut link.output) {
                return;
            }
            let taken = link.to_client.put(&link.output, now, &link.conditions, &mut self.random);
            link.output.drain(..taken.bytes);
            let is_stuck = !link.output.is_empty();
            self.expect(place, Way::ToClient);
            if taken.breaks {
                self.cut(place);
            }
            if is_stuck {
                return;
            }
            // It may have stopped reading for its output.
            self.schedule.after(0, Event::Arrive { link: place, way: Way::ToServer });
        }
    }

    /// A server announces its shutdown.
    pub(crate) fn leave(&mut self, server: usize) {
        self.enter(server, State::Leaving);
        for place in 0..self.links.len() {
            let of_it = self.links[place].as_mut().filter(|link| link.server == server);
            if let Some(link) = of_it {
                link.announce();
                self.speak(place);
            }
        }
        let epoch = self.servers[server].epoch;
        let time = self.random.within(1..=200_000);
        self.schedule.after(time, Event::Down { server, epoch });
    }

    /// A server's process ends. What it executed stays.
    pub(crate) fn stop(&mut self, server: usize, orderly: bool) {
        self.enter(server, State::Down);
        self.servers[server].pending.clear();
        // A machine that is gone tells nobody.
        let is_silent = !orderly && self.random.one_in(3);
        for place in 0..self.links.len() {
            let of_it = self.links[place].as_mut().filter(|link| link.server == server);
            let Some(link) = of_it.filter(|link| link.is_served) else {
                continue;
            };
            if !orderly {
                link.to_client.drop_all();
            }
            self.stop_serving(place, orderly);
            if !orderly && !is_silent {
                let time = self.latency();
                self.schedule.after(time, Event::Broken { link: place });
            }
        }
        self.restore_within(server, 200_000);
    }

    pub(crate) fn enter(&mut self, server: usize, state: State) {
        self.note(server, "server", [state as u64, u64::from(self.servers[server].takes_password)]);
        self.servers[server].state = state;
        self.servers[server].epoch += 1;
    }

    pub(crate) fn restore_within(&mut self, server: usize, time: u64) {
        let epoch = self.servers[server].epoch;
        let time = self.random.up_to_about(time);
        self.schedule.after(time, Event::Restore { server, epoch });
    }

    pub(crate) fn restore(&mut self, server: usize) {
        self.servers[server].takes_password = true;
        self.enter(server, State::Up);
    }
}

impl crate::link::Link {
    /// Tells a client that waits for it of the shutdown.
    fn announce(&mut self) {
        if let Some((sync, waits)) = &mut self.watch {
            if std::mem::take(waits) {
                self.conn.send_event(*sync, SHUTDOWN_KEY, Some(TRUE));
            }
        }
    }
}
