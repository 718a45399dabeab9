//! The server's end of one connection, with its faults. No socket, no thread, no clock.

use std::cell::RefCell;
use std::time::Instant;

use bytes::BytesMut;
use tarantool_proto::ServerError;
use tarantool_proto::server::{Incoming, ServerConnection, ServerEvent};

use super::core::Core;
use super::fault::Fault;
use super::output::{Outgoing, Piece};
use super::session::{Call, Session, Step};

pub(super) struct Endpoint {
    number: u64,
    pub(super) session: Session,
    pub(super) outgoing: Outgoing,
    /// Nothing more is read.
    is_deaf: bool,
}

/// A call to be made, and what is to go wrong with it.
pub(super) struct Pending {
    pub(super) call: Call,
    fault: Option<Fault>,
    /// Whether later requests have to wait for it.
    pub(super) is_ordered: bool,
}

impl Endpoint {
    pub(super) fn new(number: u64, protocol: ServerConnection) -> Self {
        Self {
            number,
            session: Session::new(number, protocol),
            outgoing: Outgoing::default(),
            is_deaf: false,
        }
    }

    /// What goes wrong with the opening of the connection.
    pub(super) fn open(&mut self, core: &Core, now: Instant) {
        match core.faults.of_opening(self.number) {
            Some(Fault::SlowGreeting(time)) => {
                let until = now.checked_add(time).unwrap_or(now);
                self.outgoing.delay_greeting(&mut self.session.protocol, until);
            }
            Some(fault) => self.settle(Some(&fault), now),
            None => {}
        }
    }

    /// Whether to read.
    pub(super) fn wants_input(&self) -> bool {
        !self.is_deaf && !self.session.protocol.is_saturated()
    }

    /// Executes what has arrived, up to the first call; without one, tells of new values of watched
    /// keys.
    pub(super) fn process(
        &mut self,
        core: &Core,
        input: &mut BytesMut,
        now: Instant,
    ) -> Option<Pending> {
        self.session.protocol.set_schema_version(core.database().schema_version());
        while !self.is_deaf {
            match self.session.protocol.poll_event(input) {
                Ok(Some(ServerEvent::Login(login))) => {
                    let password = core.password(&login.user);
                    self.session.protocol.answer_login(login, password.as_deref());
                }
                Ok(Some(ServerEvent::Request(request))) => {
                    let pending = self.execute(core, &request, now);
                    if pending.is_some() {
                        return pending;
                    }
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => {
                    self.outgoing.collect(&mut self.session.protocol);
                    self.outgoing.close();
                    self.is_deaf = true;
                }
            }
        }
        self.session.notify_all(core);
        None
    }

    /// Executes what has arrived, calls too, and tells of new values of watched keys.
    pub(super) fn serve(&mut self, core: &Core, input: &mut BytesMut, now: Instant) {
        while let Some(pending) = self.process(core, input, now) {
            let pushed = RefCell::new(Vec::new());
            let push = |value: &[u8]| pushed.borrow_mut().push(value.to_vec());
            let result = pending.call.run(core, &push);
            for value in pushed.into_inner() {
                self.session.protocol.reply_chunk(pending.call.sync, &value);
            }
            self.finish(&pending, result, now);
        }
    }

    fn execute(&mut self, core: &Core, request: &Incoming, now: Instant) -> Option<Pending> {
        let fault = core.faults.of_request(self.number, request);
        if fault.is_some() {
            self.outgoing.collect(&mut self.session.protocol);
        }
        match &fault {
            Some(Fault::CloseBeforeExecuting) => self.session.protocol.finish(request.sync),
            Some(Fault::Error(error)) => {
                self.session.protocol.reply_error(request.sync, error);
            }
            _ => {
                if let Step::Call(call) = self.session.execute(core, request, now) {
                    return Some(Pending { call, fault, is_ordered: request.stream_id != 0 });
                }
            }
        }
        self.settle(fault.as_ref(), now);
        None
    }

    /// Answers a call.
    pub(super) fn finish(
        &mut self,
        pending: &Pending,
        result: Result<Vec<u8>, ServerError>,
        now: Instant,
    ) {
        if pending.fault.is_some() {
            self.outgoing.collect(&mut self.session.protocol);
        }
        self.session.finish_call(&pending.call, result);
        self.settle(pending.fault.as_ref(), now);
    }

    /// After a request was answered, or was not.
    fn settle(&mut self, fault: Option<&Fault>, now: Instant) {
        match fault {
            Some(fault) => {
                self.outgoing.apply(fault, &mut self.session.protocol, now);
                self.is_deaf |= fault.ends_reading();
            }
            None => self.outgoing.release_held(&mut self.session.protocol),
        }
    }

    /// The next thing to do with the transport, if there is one.
    pub(super) fn next(&mut self, now: Instant) -> Option<Piece> {
        self.outgoing.next(now).or_else(|| {
            self.outgoing.collect(&mut self.session.protocol);
            self.outgoing.next(now)
        })
    }
}
