//! What packets, and the end of the connection, do to requests.

use super::handshake::Own;
use super::{Connection, Event, Phase};
use crate::error::{ConnectionError, Outcome, ProtocolError, Unanswered};
use crate::error_code::ErrorCode;
use crate::frame::Packet;
use crate::keys::RequestType;
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
                let refused = Some(ErrorCode::WRONG_SCHEMA_VERSION);
                if header.request_type.error_code() == refused && self.resolve_again(id) {
                    return None;
                }
                self.slots.set(id, State::Answered(Ok(Response::new(header, body))));
                let slots = &self.slots;
                self.deadlines.trim(|id| slots.is_unanswered(id));
                self.stats.answered += 1;
                self.batcher.on_answer();
                Some(Event::Answered(id))
            }
            Owner::Past => {
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
        for id in std::mem::take(&mut self.unresolved) {
            match &loaded {
                Ok(()) => self.queue_waiting(id),
                // It waited only for its turn in a stream.
                Err(_) if !self.waits_for_schema(id) => self.queue_waiting(id),
                Err(why) if self.waits(id) => {
                    self.fail_request(id, Unanswered::SchemaUnavailable(why.as_str().into()));
                }
                Err(_) => {}
            }
        }
    }

    pub(super) fn outcome(&self, id: RequestId) -> Outcome {
        match self.slots.get(id).and_then(State::position) {
            Some(position) if self.outbox.is_handed_out(position) => Outcome::MaybeExecuted,
            _ => Outcome::NotSent,
        }
    }

    /// Answers a request without a reply.
    pub(super) fn fail_request(&mut self, id: RequestId, why: Unanswered) {
        self.slots.set(id, State::Answered(Err(why)));
        self.ended.push_back(id);
    }

    /// Ends the connection and gives every request its answer.
    pub(super) fn end(&mut self, error: ConnectionError) {
        if matches!(self.phase, Phase::Ended(_)) {
            return;
        }
        self.phase = Phase::Ended(error);
        let unanswered: Vec<RequestId> = self.slots.unanswered().collect();
        for id in unanswered {
            let outcome = self.outcome(id);
            self.fail_request(id, Unanswered::Lost(outcome));
        }
        self.waiting.clear();
        self.unresolved.clear();
        self.outbox.clear();
        self.linger_until = None;
    }
}
