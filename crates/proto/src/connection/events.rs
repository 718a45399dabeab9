//! What belongs to no single reply: watched keys, and messages of running calls.

use super::{Connection, Event, Phase};
use crate::capability::{Capability, Unsupported};
use crate::error::SendError;
use crate::frame::Frame;
use crate::keys::RequestType;
use crate::packet::Packet;
use crate::pushes::{Kept, Push, PushLimits};
use crate::request::{Request, Unwatch, Watch};
use crate::server_error::ServerError;
use crate::slots::{Owner, RequestId, State};
use crate::watches::{Joined, WatchError, WatchId, WatchedValue};

impl Connection {
    /// Watches a key (server 2.10): its value now and, as it changes, later ones are told by
    /// [`Event::Changed`] and kept for [`changed`](Self::changed), the newest alone.
    ///
    /// The server is told as soon as the connection is ready, and again after each event, which is
    /// what lets it send the next. A key that is watched already is not asked for again: whoever
    /// watches it shares its newest value. Each call needs an [`unwatch`](Self::unwatch).
    ///
    /// A server that has no watched keys, or refuses this one, is told by
    /// [`watch_error`](Self::watch_error).
    ///
    /// # Errors
    /// The connection has ended or is closing, the key is too large, or more waits to be written
    /// than `queued_bytes_max`.
    pub fn watch(&mut self, key: &str) -> Result<WatchId, SendError> {
        let mut frame = Frame::new();
        // A string can always be encoded; the frame only shows its size.
        let _ = frame.encode(&Watch::new(key));
        self.check(&frame)?;
        if self.outbox.bytes() >= self.config.queued_bytes_max.max(1) {
            return Err(SendError::Saturated);
        }
        match self.watches.join(key).ok_or(SendError::Saturated)? {
            Joined::Shared(id) => Ok(id),
            Joined::New(id) => {
                self.tell_watch(id);
                Ok(id)
            }
        }
    }

    /// Undoes one [`watch`](Self::watch). With the last one the server is told to send no more.
    pub fn unwatch(&mut self, id: WatchId) {
        let Some(watch) = self.watches.leave(id) else {
            return;
        };
        if watch.position.is_some() && matches!(self.phase, Phase::Ready) {
            self.queue_watch(id, &Unwatch::new(&watch.key));
        }
    }

    /// The newest value of a watched key, for one who has `seen` that of this number, 0 for none;
    /// `None` if no newer one has come. It stays until a newer one comes.
    #[must_use]
    pub fn changed(&self, id: WatchId, seen: u64) -> Option<WatchedValue> {
        self.watches.get(id)?.newest(seen)
    }

    /// The newest value of a watched key, if it came on this connection of a session.
    pub(crate) fn changed_here(&self, id: WatchId) -> Option<WatchedValue> {
        self.watches.get(id)?.newest_here()
    }

    /// Why no more values of this key come, if that is so for another reason than the end of the
    /// connection.
    #[must_use]
    pub fn watch_error(&self, id: WatchId) -> Option<&WatchError> {
        self.watches.get(id)?.error()
    }

    /// From now on the messages that this request's call pushes (server 1.10.2) are kept for
    /// [`take_push`](Self::take_push); without this they are dropped. To be called before the
    /// request is handed out to be written.
    ///
    /// At most `pushes_max` messages and `push_bytes_max` bytes are kept; what comes while so many
    /// wait is dropped and its number told in its place.
    pub fn accept_pushes(&mut self, id: RequestId) {
        if self.slots.is_unanswered(id) {
            self.pushes.accept(id);
        }
    }

    /// Drops the messages that are kept for this request, and those to come.
    pub fn forget_pushes(&mut self, id: RequestId) {
        self.pushes.forget(id);
    }

    /// Takes the next message that this request's call pushed. `None`: none is waiting;
    /// [`is_answered`](Self::is_answered) tells whether more may come.
    pub fn take_push(&mut self, id: RequestId) -> Option<Push> {
        self.pushes.take(id)
    }

    /// Whether a request's answer is there to be taken.
    #[must_use]
    pub fn is_answered(&self, id: RequestId) -> bool {
        matches!(self.slots.get(id), Some(State::Answered(_)))
    }

    /// Takes a packet that is no reply.
    #[cold]
    pub(super) fn on_other(&mut self, packet: &Packet) -> Option<Event> {
        let Packet { header, body } = packet;
        match header.request_type {
            RequestType::EVENT => {
                if let Some(id) = self.watches.on_event(body) {
                    self.tell_watch(id);
                    return Some(Event::Changed(id));
                }
            }
            RequestType::CHUNK => {
                if let Owner::InFlight(id) = self.slots.owner(header.sync) {
                    let (count, bytes) = (self.config.pushes_max, self.config.push_bytes_max);
                    let limits = PushLimits { count, bytes };
                    if let Some(kept) = self.pushes.on_chunk(id, (*header, body), limits) {
                        match kept {
                            Kept::Whole => self.stats.pushes += 1,
                            Kept::Lost => self.stats.lost_pushes += 1,
                        }
                        return Some(Event::Pushed(id));
                    }
                }
            }
            _ => {}
        }
        self.stats.unsolicited += 1;
        None
    }

    /// Takes a reply that may be to a WATCH or an UNWATCH, which have one only if they fail.
    /// `false`: it is to none of them.
    pub(super) fn on_watch_reply(&mut self, packet: &Packet, event: &mut Option<Event>) -> bool {
        let Packet { header, body } = packet;
        let Some(watch) = self.watches.of_sync(header.sync) else {
            return false;
        };
        match watch {
            Some(id) if header.request_type.is_error() => {
                let error = ServerError::decode(header, body);
                if let Some(watch) = self.watches.get_mut(id) {
                    watch.fail(WatchError::Server(error));
                }
                *event = Some(Event::Changed(id));
            }
            Some(_) => self.stats.unsolicited += 1,
            None => self.stats.late_replies += 1,
        }
        true
    }

    /// Now that the server is known: tells it what is watched.
    pub(super) fn tell_watches(&mut self) {
        for id in self.watches.ids() {
            self.tell_watch(id);
        }
    }

    /// Tells the server that the next value is wanted, unless that is on its way already: a server
    /// that sends without being asked does not make the output grow.
    fn tell_watch(&mut self, id: WatchId) {
        if self.closing || !matches!(self.phase, Phase::Ready) {
            return;
        }
        let Some(watch) = self.watches.get_mut(id) else {
            return;
        };
        if watch.position.is_some_and(|position| !self.outbox.is_handed_out(position)) {
            return;
        }
        if self.lacking.contains(Capability::Watchers) {
            if let Some(server) = &self.server {
                let (capability, server) = (Capability::Watchers, server.version());
                watch.fail(WatchError::Unsupported(Unsupported { capability, server }));
            }
            self.changed.push_back(id);
            return;
        }
        let key = watch.key.clone();
        let position = self.queue_watch(id, &Watch::new(&key));
        if let Some(watch) = self.watches.get_mut(id) {
            watch.position = Some(position);
        }
    }

    fn queue_watch(&mut self, id: WatchId, request: &impl Request) -> u64 {
        let mut frame = Frame::new();
        // It has been encoded before.
        let _ = frame.encode(request);
        let piece = self.config.batching.write_bytes();
        self.outbox.push(piece, |out| frame.append_to(out, id.sync()))
    }
}
