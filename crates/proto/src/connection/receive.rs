//! What packets, and the end of the connection, do to requests.

use super::handshake::Own;
use super::renewal::unless_sent;
use super::{Connection, Event, Phase};
use crate::error::{ConnectionError, Outcome, ProtocolError, Unanswered};
use crate::error_code::ErrorCode;
use crate::keys::RequestType;
use crate::packet::Packet;
use crate::response::Response;
use crate::schema::View;
use crate::server_error::ServerError;
use crate::slots::{Owner, RequestId, State};

impl Connection {
    #[inline]
    pub(super) fn on_packet(&mut self, packet: Packet) -> Option<Event> {
        let Packet { header, body } = packet;
        let is_error = header.request_type.is_error();
        let is_reply = header.request_type == RequestType::OK || is_error;
        self.names.on_version(header.schema_version);
        if !is_reply {
            return self.on_other(&Packet { header, body });
        }
        if header.sync == 0 {
            self.stats.unsolicited += 1;
            if is_error {
                let error = ServerError::decode(&header, &body);
                if matches!(self.phase, Phase::Login(_)) {
                    self.end(ConnectionError::Refused(error));
                } else {
                    self.parting = Some(error);
                }
            }
            return None;
        }
        if let Some(&byte) = body.first() {
            if !matches!(byte, 0x80..=0x8f | 0xde | 0xdf) {
                let error = ProtocolError::BodyNotMap { sync: header.sync, byte };
                self.end(ConnectionError::Protocol(error));
                return None;
            }
        }
        match self.slots.owner(header.sync) {
            Owner::InFlight(id) => {
                self.owed = self.owed.saturating_sub(1);
                let refused = Some(ErrorCode::WRONG_SCHEMA_VERSION);
                if header.request_type.error_code() == refused && self.resolve_again(id) {
                    return None;
                }
                self.slots.answer(id, Ok(Response::new(header, body)));
                let slots = &self.slots;
                self.deadlines.trim(|id| slots.is_unanswered(id));
                self.stats.answered += 1;
                self.batcher.on_answer();
                Some(Event::Answered(id))
            }
            Owner::Past => {
                self.owed = self.owed.saturating_sub(1);
                self.stats.late_replies += 1;
                None
            }
            Owner::Unknown => {
                let packet = Packet { header, body };
                let mut event = None;
                if self.on_watch_reply(&packet, &mut event) {
                    return event;
                }
                let response = Response::new(header, packet.body);
                match Own::from_sync(header.sync) {
                    Some(Own::View(view)) => self.on_view(view, response),
                    Some(Own::Ping) if self.keeping.pings > 0 => self.keeping.pings -= 1,
                    Some(Own::Ping) => {
                        self.end(ProtocolError::UnknownSync { sync: header.sync }.into());
                    }
                    Some(own) => return self.on_login_reply(own, response),
                    None => {
                        let error = ProtocolError::UnknownSync { sync: header.sync };
                        self.end(ConnectionError::Protocol(error));
                    }
                }
                None
            }
        }
    }

    pub(super) fn on_view(&mut self, view: View, response: Response) {
        let Some(loaded) = self.names.on_view(view, response) else {
            return;
        };
        for id in self.take_unresolved() {
            match &loaded {
                Ok(()) => self.queue_waiting(id),
                // It waited only for its turn in a stream, or is over.
                Err(_) if !self.waits_for_schema(id) => self.queue_waiting(id),
                Err(why) => {
                    let why = Unanswered::SchemaUnavailable(why.as_str().into());
                    let why = match self.slots.frame(id) {
                        Some(frame) => unless_sent(frame, why),
                        None => why,
                    };
                    self.fail_request(id, why);
                }
            }
        }
    }

    pub(super) fn outcome(&self, id: RequestId) -> Outcome {
        let was_sent = self.slots.frame(id).is_some_and(|frame| frame.fate().was_sent);
        if was_sent || self.is_handed_out(id) { Outcome::MaybeExecuted } else { Outcome::NotSent }
    }

    /// Whether the request was handed out to be written on this connection.
    pub(super) fn is_handed_out(&self, id: RequestId) -> bool {
        let position = self.slots.get(id).and_then(State::position);
        position.is_some_and(|position| self.outbox.is_handed_out(position))
    }

    /// Answers a request without a reply.
    pub(super) fn fail_request(&mut self, id: RequestId, why: Unanswered) {
        match &why {
            Unanswered::TimedOut(_) => self.stats.timed_out += 1,
            why if why.outcome() == Outcome::NotSent => self.stats.not_sent += 1,
            _ => self.stats.lost += 1,
        }
        self.slots.answer(id, Err(why));
        self.ended.push_back(id);
    }

    /// Ends the connection and gives every request its answer, except those that are kept for the
    /// next one.
    pub(super) fn end(&mut self, error: ConnectionError) {
        if matches!(self.phase, Phase::Ended(_)) {
            return;
        }
        self.keeping.was_ready = matches!(self.phase, Phase::Ready | Phase::Holding);
        self.phase = Phase::Ended(error);
        self.outbox.take_back();
        let unanswered: Vec<RequestId> = self.slots.unanswered().collect();
        for id in unanswered {
            if let Some(why) = self.keep_or_fail(id) {
                self.fail_request(id, why);
            }
        }
        self.waiting.clear();
        self.take_unresolved();
        self.outbox.clear();
        self.linger_until = None;
    }
}
