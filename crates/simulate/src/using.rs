//! What clients' users do: they send, cancel, take and close.

use std::num::NonZeroU64;

use tarantool_proto::request::Call;
use tarantool_proto::session::{OnRefused, Status, WhileDown};
use tarantool_proto::{Frame, SendError};

use crate::client::Client;
use crate::driving::broken;
use crate::ledger::{Certainty, Kind, Known};
use crate::schedule::Event;
use crate::world::World;

const PADDING: &str = "................................................................................\
                       ................................................................................";
/// The longest time that a request may take, in microseconds.
const DEADLINE_MAX: u64 = 300_000;

impl World<'_> {
    pub(crate) fn act(&mut self, number: usize) {
        let event = Event::Act { client: number };
        let until = self.clients[number].driver.sleeps_until;
        if until > self.now() {
            return self.schedule.at(until, event);
        }
        let user = &mut self.clients[number].user;
        user.acts_left = user.acts_left.saturating_sub(1);
        if user.acts_left > 0 {
            let pause = self.random.within(0..=self.settings.pause_max);
            self.schedule.after(pause, event);
        }
        self.drive(number);
        match self.random.below(100) {
            0..55 => self.send_some(number, 3),
            55..62 => self.send_some(number, 30),
            62..70 => self.cancel(number),
            70..90 => self.take_some(number, 5),
            90..98 => self.take_all(number),
            98 => self.close_early(number),
            _ => {}
        }
        self.drive(number);
    }

    fn send_some(&mut self, number: usize, most: u64) {
        for _ in 0..self.random.within(1..=most) {
            let (kind, is_stale) = match self.random.below(12) {
                0..5 => (Kind::Plain, false),
                5..8 => (Kind::Idempotent, false),
                8 => (Kind::Bound, false),
                9 => (Kind::BoundIdempotent, self.random.one_in(2)),
                _ => (Kind::Stream(self.random.within(1..=2)), self.random.one_in(8)),
            };
            let clock = self.clients[number].clock(self.now());
            let deadline = self.random.one_in(2).then(|| match self.random.below(20) {
                0 => clock,
                _ => clock + self.random.up_to_about(DEADLINE_MAX),
            });
            self.send(number, kind, is_stale, deadline);
        }
    }

    /// Sends one; what comes of it is as limits and state say.
    pub(crate) fn send(
        &mut self,
        client: usize,
        kind: Kind,
        is_stale: bool,
        deadline: Option<u64>,
    ) -> Option<u64> {
        let number = self.ledger.next_number();
        let padding = &PADDING[..self.random.below(PADDING.len() as u64) as usize];
        let waits = !self.random.one_in(4);
        let sender = &mut self.clients[client];
        let mut frame = std::mem::take(&mut sender.user.frame);
        let key = 2 * client as u64 + u64::from(kind.is_idempotent());
        encode(&mut frame, kind, &(number, key, padding));
        let bytes = frame.as_bytes().len();
        let bound_to = sender.bind(&mut frame, kind, is_stale);
        let expected = sender.refusal(bound_to, bytes, waits);
        let at = deadline.map(|deadline| sender.instant(deadline));
        let sent = match waits {
            true => sender.session.send(&mut frame, at),
            false => sender.session.try_send(&mut frame, at),
        };
        frame.clear();
        sender.user.frame = frame;
        match sent {
            Ok(id) => {
                assert_eq!(expected, None, "accepted: {kind:?}");
                let other = sender.user.by_slot.get(id.slot()).copied().flatten();
                assert_eq!(other, None, "a place that is taken: {id:?}");
                let mut known = Known::new(client, id, kind);
                (known.bound_to, known.deadline, known.bytes) = (bound_to, deadline, bytes);
                sender.occupy(id.slot(), number);
                sender.user.deadlines.extend(deadline.map(|deadline| (deadline, number)));
                sender.user.held += bytes;
                sender.user.open += 1;
                sender.user.accepted += 1;
                self.ledger.requests.push(known);
                self.note(client, "sends", [number, id.sync()]);
                Some(number)
            }
            Err(SendError::Saturated) if expected.is_none() => {
                assert!(
                    !waits || !sender.keeps_all(),
                    "refused: {kind:?}, bound to {bound_to:?}, {bytes} bytes"
                );
                None
            }
            // All addresses refuse, which the driver does not count.
            Err(SendError::NotConnected)
                if sender.config.on_refused == OnRefused::FailRequests
                    && sender.session.generation().is_none() =>
            {
                None
            }
            Err(error) => {
                assert_eq!(
                    Some(error),
                    expected,
                    "refused: {kind:?}, bound to {bound_to:?}, {bytes} bytes"
                );
                None
            }
        }
    }

    fn cancel(&mut self, number: usize) {
        let client = &mut self.clients[number];
        if client.user.requests.is_empty() {
            return;
        }
        let choice = self.random.below(client.user.requests.len() as u64) as usize;
        let request = client.user.requests[choice];
        let known = self.ledger.known(request);
        client.session.cancel(known.id);
        if known.is_open() {
            client.settle(request, known.deadline, known.bytes);
        }
        client.forget(known.id.slot(), request);
        let is_ready = client.session.generation().is_some();
        client.user.perhaps += u64::from(!known.kind.is_idempotent());
        self.ledger.cancel(request, client.attempt, is_ready);
        self.note(number, "cancels", [request, 0]);
    }

    fn take_some(&mut self, number: usize, most: u64) {
        for _ in 0..most {
            let count = self.clients[number].user.requests.len() as u64;
            if count > 0 {
                let choice = self.random.below(count) as usize;
                self.take(number, self.clients[number].user.requests[choice]);
            }
        }
    }

    pub(crate) fn take_all(&mut self, number: usize) {
        for request in self.clients[number].user.requests.clone() {
            self.take(number, request);
        }
    }

    /// Takes an answer, which is there if it was told of.
    pub(crate) fn take(&mut self, number: usize, request: u64) -> Option<Certainty> {
        let clock = self.clients[number].clock(self.now());
        let client = &mut self.clients[number];
        let (id, kind) = (self.ledger.known(request).id, self.ledger.known(request).kind);
        let answer = client.session.take(id);
        let certainty = self.ledger.take(request, answer, clock)?;
        assert_eq!(client.session.take(id), None, "an answer that was taken");
        client.forget(id.slot(), request);
        if !kind.is_idempotent() {
            client.user.executed += u64::from(certainty == Certainty::Executed);
            client.user.perhaps += u64::from(certainty == Certainty::Perhaps);
        }
        self.note(number, "takes", [request, certainty as u64]);
        Some(certainty)
    }

    /// Some leave before the others.
    fn close_early(&mut self, number: usize) {
        match self.random.below(12) {
            0 => {
                self.clients[number].user.is_closing = true;
                self.note(number, "aborts", [0, 0]);
                self.clients[number].session.abort(broken());
            }
            1..4 => self.close(number),
            _ => {}
        }
    }

    pub(crate) fn close(&mut self, number: usize) {
        let clock = self.clients[number].clock(self.now());
        let deadline = self.random.one_in(2).then(|| clock + self.random.up_to_about(DEADLINE_MAX));
        let client = &mut self.clients[number];
        client.user.is_closing = true;
        client.user.closes_by = client.user.closes_by.into_iter().chain(deadline).min();
        client.session.close(deadline.map(|deadline| client.instant(deadline)));
        self.note(number, "closes", [deadline.unwrap_or_default(), 0]);
    }
}

fn encode(frame: &mut Frame, kind: Kind, arguments: &(u64, u64, &str)) {
    let call = Call::new("add").arguments(arguments);
    let encoded = match kind {
        Kind::Stream(id) => frame.encode_in_stream(NonZeroU64::new(id).expect("from 1 on"), &call),
        _ => frame.encode(&call),
    };
    encoded.expect("plain values");
    if kind.is_idempotent() {
        frame.mark_idempotent();
    }
}

impl Client {
    fn bind(&self, frame: &mut Frame, kind: Kind, is_stale: bool) -> Option<u64> {
        let (present, binding) = self.bindings();
        let bound_to = kind.is_bound().then(|| match kind {
            _ if is_stale && present > 1 => present - 1,
            Kind::Bound | Kind::BoundIdempotent => present,
            _ => binding,
        });
        if let Some(bound_to) = bound_to {
            frame.bind_to(bound_to);
        }
        bound_to
    }

    fn bindings(&self) -> (u64, u64) {
        let binding = self.session.binding();
        (self.session.generation().unwrap_or(binding), binding)
    }

    /// Whether the bytes of all requests are held until they are answered: where none outlives its
    /// connection only some are.
    pub(crate) fn keeps_all(&self) -> bool {
        self.config.while_down == WhileDown::Wait
    }

    /// Why a request is not accepted, if it is not, except for want of a place.
    fn refusal(&self, bound_to: Option<u64>, bytes: usize, waits: bool) -> Option<SendError> {
        let (present, binding) = self.bindings();
        let generation = self.session.generation();
        let is_ready = matches!(self.session.status(), Status::Ready { .. });
        // Bound to a connection that is about to go, it has a place there.
        let waits_for_next = !is_ready && (bound_to.is_none() || bound_to != generation);
        let (user, conn) = (&self.user, &self.config.connection);
        if user.is_closing || self.session.failure().is_some() {
            Some(SendError::Closed)
        } else if bound_to.is_some_and(|to| to != present && to != binding) {
            Some(SendError::ConnectionGone)
        } else if waits_for_next && (!waits || self.config.while_down == WhileDown::Fail) {
            Some(SendError::NotConnected)
        } else if (waits_for_next && user.requests.len() >= self.config.waiting_max.max(1))
            || (self.keeps_all() && user.held > 0 && user.held + bytes > conn.held_bytes_max)
        {
            Some(SendError::Saturated)
        } else {
            None
        }
    }
}
