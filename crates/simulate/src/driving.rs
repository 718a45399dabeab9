//! What a client's driver does: time, events, actions, writes.

use tarantool_proto::msgpack::Reader;
use tarantool_proto::session::{Action, OnRefused, SessionEvent, Status, WhileDown};
use tarantool_proto::{ConnectionError, Decision, Header, RequestId, RequestType};

use crate::client::{Client, Driver, End};
use crate::ledger::Answered;
use crate::schedule::{Event, Way};
use crate::world::{Season, World};

/// A session that wants more turns than that at one time is in a loop: more than there are requests.
const TURNS_MAX: u32 = 5000;
/// So is one whose driver runs more often.
const RUNS_MAX: u32 = 10_000;

impl World<'_> {
    /// The driver of this client runs at that time, if not before.
    pub(crate) fn wake(&mut self, client: usize, at: u64) {
        let driver = &mut self.clients[client].driver;
        let at = at.max(self.schedule.now()).max(driver.sleeps_until);
        if driver.wake.is_none_or(|wake| at < wake) {
            driver.wake = Some(at);
            self.schedule.at(at, Event::Wake { client });
        }
    }

    pub(crate) fn drive(&mut self, number: usize) {
        let now = self.now();
        let client = &mut self.clients[number];
        if client.is_over {
            return;
        }
        if client.driver.sleeps_until > now {
            return self.wake(number, now);
        }
        let runs = &mut client.driver.runs;
        *runs = if runs.0 == now { (now, runs.1 + 1) } else { (now, 1) };
        assert!(runs.1 < RUNS_MAX, "client {number} runs in circles");
        let mut looks = client.driver.is_eager;
        for turn in 0.. {
            assert!(turn < TURNS_MAX, "client {number} spins: {:?}", self.status(number));
            let client = &mut self.clients[number];
            let time = client.instant(client.clock(now));
            if looks || client.session.poll_timeout().is_some_and(|at| at <= time) {
                client.session.handle_timeout(time);
            }
            looks = false;
            let is_left = self.poll_events(number);
            self.poll_actions(number);
            if self.clients[number].is_over {
                return;
            }
            self.write(number);
            let leaves = self.leaves(number);
            let client = &self.clients[number];
            match client.session.poll_timeout() {
                _ if is_left => return self.wake(number, now),
                Some(at) if at <= time => {}
                // The end, by an action, is told by an event.
                _ if leaves || client.session.failure().is_some() => {}
                at => {
                    self.check(number);
                    if let Some(at) = at {
                        let at = self.clients[number].world_time(at);
                        self.wake(number, at);
                    }
                    return;
                }
            }
        }
    }

    pub(crate) fn status(&self, client: usize) -> Status {
        self.clients[client].session.status()
    }

    /// Whether it writes before it goes on with the input.
    fn poll_events(&mut self, number: usize) -> bool {
        let mut answers = 0;
        loop {
            let Client { session, driver, .. } = &mut self.clients[number];
            if answers >= driver.part && !driver.input.is_empty() {
                return true;
            }
            let before = driver.input.len();
            match session.poll_event(&mut driver.input) {
                Ok(Some(event)) => {
                    // Those that ended by themselves are told in any case.
                    let is_reply = driver.input.len() < before;
                    answers += usize::from(is_reply);
                    self.on_event(number, event);
                }
                Ok(None) => match driver.end.take() {
                    Some(End::Eof) => session.handle_eof(),
                    Some(End::Failure) => session.handle_failure(broken()),
                    None => return false,
                },
                Err(error) => {
                    self.on_end(number, &error);
                    return false;
                }
            }
        }
    }

    fn on_event(&mut self, number: usize, event: SessionEvent) {
        match event {
            SessionEvent::Answered(id) => self.on_answered(number, id),
            SessionEvent::Ready { address, generation } => {
                self.note(number, "ready", [address as u64, generation]);
                let client = &mut self.clients[number];
                assert!(generation > client.generation, "a connection's number used twice");
                assert_eq!(client.session.generation(), Some(generation));
                client.generation = generation;
                client.readies += 1;
                client.is_ready = true;
                client.driver.tries = 0;
                client.driver.heard_at = client.clock(self.schedule.now());
                client.driver.ready_at = client.driver.heard_at;
                let link = client.driver.link.expect("a transport");
                self.links[link].as_mut().expect("its link").generation = Some(generation);
            }
            SessionEvent::Draining { generation, .. } => {
                self.note(number, "draining", [0, generation]);
                let client = &mut self.clients[number];
                client.is_ready = false;
                client.driver.draining_at = client.clock(self.schedule.now());
            }
            SessionEvent::Lost { address, generation, reason } => {
                self.note(number, "lost", [address as u64, generation.unwrap_or_default()]);
                let client = &mut self.clients[number];
                client.is_ready = false;
                client.note_loss(address, generation.is_some(), &reason, self.schedule.now());
            }
            SessionEvent::Connecting { address } => {
                self.note(number, "connecting", [address as u64, 0]);
                let client = &mut self.clients[number];
                client.driver.tries += 1;
                let (tries, most) = (client.driver.tries, client.config.addresses);
                assert!(tries <= most, "client {number} does not wait between its attempts");
            }
            SessionEvent::Retrying { at } => {
                let client = &mut self.clients[number];
                client.driver.tries = 0;
                let at = client.world_time(at);
                assert!(at > self.now(), "client {number} does not wait");
                self.note(number, "retrying", [at, 0]);
            }
            _ => {}
        }
    }

    fn on_answered(&mut self, number: usize, id: RequestId) {
        let client = &mut self.clients[number];
        let request = client.user.by_slot.get(id.slot()).copied().flatten();
        let request = request.expect("the answer of a request that is there");
        let known = self.ledger.known(request);
        assert_eq!(known.id, id, "the answer of another: {known:?}");
        let all_refuse = client.config.on_refused == OnRefused::FailRequests
            && client.session.last_loss().is_some_and(ConnectionError::is_lasting)
            && client.driver.given_up.len() == client.config.addresses;
        let gives_up = client.config.while_down == WhileDown::Fail
            || client.session.failure().is_some()
            || all_refuse;
        client.settle(request, known.deadline, known.bytes);
        let (last, present) = (client.generation, client.session.generation());
        let is_gone = known.bound_to.is_some_and(|to| to <= last && Some(to) != present);
        let how = Answered { gives_up, is_gone };
        self.ledger.answered(request, client.attempt, how);
        self.note(number, "answered", [request, id.sync()]);
    }

    /// The session is over: for a reason, and everything has its answer.
    fn on_end(&mut self, number: usize, error: &ConnectionError) {
        let client = &mut self.clients[number];
        client.is_over = true;
        client.is_ready = false;
        assert_eq!(client.session.failure(), Some(error));
        assert_eq!(client.user.open, 0, "left behind by client {number}");
        assert_eq!(client.session.poll_timeout(), None);
        let config = &client.config;
        let gives_up = config.on_refused == OnRefused::GiveUp
            && error.is_lasting()
            && client.driver.given_up.len() == config.addresses;
        let is_meant = client.user.is_closing
            || gives_up
            || config.attempts_max.is_some()
            || !config.reconnect
            || (!config.retry_first && client.readies == 0);
        assert!(is_meant, "client {number} is over: {error}");
        self.note(number, "over", [0, 0]);
    }

    fn poll_actions(&mut self, number: usize) {
        while let Some(action) = self.clients[number].session.poll_action() {
            let client = &mut self.clients[number];
            match action {
                Action::Connect { address, attempt, .. } => {
                    assert_eq!((client.driver.opening, client.driver.link), (None, None));
                    assert!(attempt > client.attempt, "an attempt's number used twice");
                    client.attempt = attempt;
                    client.driver.opening = Some(attempt);
                    client.driver.begun_at = client.clock(self.schedule.now());
                    let server = (number + address) % self.servers.len();
                    let mut time = self.latency() * 2;
                    if self.season == Season::Faults && self.random.one_in(20) {
                        time = self.random.within(0..=1_000_000);
                    }
                    self.schedule.after(time, Event::Opened { client: number, attempt, server });
                }
                Action::Close => {
                    let (opening, link) = (client.driver.opening.take(), client.driver.link.take());
                    assert!(opening.is_some() || link.is_some(), "nothing to close");
                    client.driver.input.clear();
                    client.driver.output.clear();
                    client.driver.starts.clear();
                    (client.driver.written, client.driver.end) = (0, None);
                    if let Some(link) = link {
                        self.hang_up(link);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// Leaves a connection on which nothing is under way any more.
    fn leaves(&mut self, number: usize) -> bool {
        let client = &mut self.clients[number];
        let leaves = client.session.is_drained() && client.driver.output.is_empty();
        if leaves {
            self.trace.note(number, "leaves", [0, 0]);
            client.session.handle_failure(ConnectionError::Shutdown);
        }
        leaves
    }

    /// Hands to the wire what it has room for.
    fn write(&mut self, number: usize) {
        let now = self.schedule.now();
        loop {
            let client = &mut self.clients[number];
            let time = client.instant(client.clock(now));
            let driver = &mut client.driver;
            if driver.output.is_empty() {
                let decision = client.session.poll_decision();
                assert!(decision != Decision::Idle || client.session.queued_bytes() == 0);
                match decision {
                    Decision::Linger(delay) if driver.obeys => {
                        return client.session.handle_linger(time + delay);
                    }
                    Decision::Yield if driver.obeys => return self.wake(number, now),
                    _ => {}
                }
                if !client.session.poll_transmit(&mut driver.output) {
                    return;
                }
                driver.written = 0;
                self.hand_out(number);
            }
            let client = &mut self.clients[number];
            let driver = &mut client.driver;
            let place = driver.link.expect("nothing to write to");
            let link = self.links[place].as_mut().expect("the link of a client");
            // Now and then the next request has to wait.
            let next = driver.starts.iter().map(|start| start.0).find(|at| *at > driver.written);
            let end = next.filter(|_| self.random.one_in(8)).unwrap_or(driver.output.len());
            let rest = &driver.output[driver.written..end];
            let taken = link.to_server.put(rest, now, &link.conditions, &mut self.random);
            driver.written += taken.bytes;
            let unwritten = driver.output.len() - driver.written;
            client.session.handle_unwritten(unwritten);
            while let Some(request) = next_start(driver) {
                self.ledger.left(request);
            }
            if unwritten == 0 {
                driver.output.clear();
            }
            self.note(number, "writes", [taken.bytes as u64, unwritten as u64]);
            self.expect(place, Way::ToServer);
            if taken.breaks {
                self.cut(place);
            }
            if unwritten > 0 {
                return;
            }
        }
    }

    /// Notes which requests are in the output, and where each begins.
    fn hand_out(&mut self, number: usize) {
        let Client { driver, user, .. } = &mut self.clients[number];
        let (output, mut at) = (&driver.output, 0);
        while let Some(length) = output.get(at + 1..at + 5) {
            let length = length.try_into().map(u32::from_be_bytes).expect("4 bytes");
            let header = Header::decode(&mut Reader::new(&output[at + 5..])).expect("a request");
            let request = user.by_slot.get(header.sync as u32 as usize).copied().flatten();
            let request = request.filter(|request| {
                let is_own = self.ledger.known(*request).id.sync() == header.sync;
                // Else it timed out before, and is a ping now.
                is_own && header.request_type != RequestType::PING
            });
            if let Some(request) = request {
                self.ledger.handed_out(request);
                driver.starts.push_back((at, request));
            }
            at += 5 + length as usize;
        }
        assert_eq!(at, output.len(), "a request in pieces");
    }
}

/// The next request of the output of which something is written.
fn next_start(driver: &mut Driver) -> Option<u64> {
    let (start, request) = *driver.starts.front()?;
    (start < driver.written).then(|| driver.starts.pop_front().map_or(request, |start| start.1))
}

pub(crate) fn broken() -> ConnectionError {
    ConnectionError::Transport("connection reset by the simulated network".into())
}
