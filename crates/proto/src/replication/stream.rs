//! The snapshot and the changes, packet by packet.

use super::follower::Phase;
use super::opening::Ask;
use super::rows::{Packet, value};
use super::{Change, Event, FollowError, Follower, Vclock};
use crate::error::ConnectionError;
use crate::keys::{Key, RequestType};
use crate::msgpack::DecodeError;
use crate::server_error::ServerError;

impl Follower {
    pub(super) fn on_packet(&mut self, packet: Packet) -> Option<Event> {
        let kind = packet.header.request_type;
        if kind.is_error() && packet.header.sync == 0 {
            // Of no request: it says why the server closes.
            let error = ServerError::decode(&packet.header, &packet.body);
            self.end(match self.is_ready {
                true => FollowError::Stopped(error),
                false => ConnectionError::Refused(error).into(),
            });
            return None;
        }
        let ask = match self.phase {
            Phase::Login(asked) if kind == RequestType::OK || kind.is_error() => {
                self.on_login_reply(asked, packet);
                return None;
            }
            Phase::SnapshotAsked | Phase::Snapshot => Ask::FetchSnapshot,
            Phase::SubscribeAsked | Phase::Changes => Ask::Subscribe,
            _ => return self.skip(),
        };
        if packet.header.sync != ask.sync() {
            return self.skip();
        }
        if kind.is_error() {
            let error = ServerError::decode(&packet.header, &packet.body);
            self.end(match (&self.phase, ask) {
                (Phase::SnapshotAsked, _) => {
                    FollowError::Refused { request: RequestType::FETCH_SNAPSHOT, error }
                }
                (Phase::SubscribeAsked, _) => {
                    FollowError::Refused { request: RequestType::SUBSCRIBE, error }
                }
                _ => FollowError::Stopped(error),
            });
            return None;
        }
        let event = match (&self.phase, kind) {
            (Phase::SnapshotAsked, RequestType::OK) => self.on_snapshot_start(&packet),
            (Phase::SubscribeAsked, RequestType::OK) => return self.on_subscribed(&packet.body),
            (Phase::Snapshot, RequestType::OK) => Ok(self.on_snapshot_end()),
            (Phase::Snapshot, RequestType::INSERT) => self.on_snapshot_row(packet),
            (Phase::Changes, RequestType::OK) => self.on_heartbeat(&packet),
            (Phase::Changes, _) => self.on_change(packet),
            _ => return self.skip(),
        };
        event.unwrap_or_else(|error| {
            self.end(FollowError::Malformed(error));
            None
        })
    }

    fn on_snapshot_row(&mut self, packet: Packet) -> Result<Option<Event>, DecodeError> {
        let change = Change::read(packet.header.request_type, packet.row, packet.body)?;
        if !self.wants(&change) {
            self.stats.unwanted += 1;
            return Ok(None);
        }
        Ok(self.hand_out(change))
    }

    /// The snapshot is as of the vclock that it begins with. That at its end is as of then: what was
    /// changed meanwhile would be missed.
    fn on_snapshot_start(&mut self, packet: &Packet) -> Result<Option<Event>, DecodeError> {
        let vclock = value(&packet.body, Key::VCLOCK, Vclock::decode)?;
        let vclock = vclock.ok_or_else(|| DecodeError::new("a snapshot as of no vclock"))?;
        self.position = vclock.without_local();
        self.phase = Phase::Snapshot;
        Ok(self.ready())
    }

    fn on_snapshot_end(&mut self) -> Option<Event> {
        self.has_position = true;
        self.subscribe();
        self.hand_out(Change::snapshot_end(self.position.clone()))
    }

    /// Heartbeats are answered at once: the server waits for it.
    fn on_heartbeat(&mut self, packet: &Packet) -> Result<Option<Event>, DecodeError> {
        let sync = value(&packet.body, Key::VCLOCK_SYNC, |reader| reader.uint())?;
        self.vclock_sync = sync.or(self.vclock_sync);
        self.timestamp = packet.row.timestamp.or(self.timestamp);
        self.stats.heartbeats += 1;
        self.acknowledges = true;
        Ok(Some(Event::Heartbeat))
    }

    fn on_change(&mut self, packet: Packet) -> Result<Option<Event>, DecodeError> {
        let row = packet.row;
        self.clock.owe();
        if row.lsn == 0 {
            // State that belongs to no place in the history, such as that of elections.
            return Ok(self.skip());
        }
        if row.replica_id as usize >= Vclock::IDS {
            return Err(DecodeError::new(format!("a row of the replica {}", row.replica_id)));
        }
        if !self.position.follow(row.replica_id, row.lsn) {
            return Ok(self.skip());
        }
        self.timestamp = row.timestamp.or(self.timestamp);
        self.in_transaction = !row.is_last();
        let change = Change::read(packet.header.request_type, row, packet.body)?;
        let closes = self.is_open && row.is_last();
        if self.wants(&change) {
            self.is_open = !row.is_last();
            let change = change.at(self.position.clone());
            return Ok(self.hand_out(change));
        }
        self.stats.unwanted += 1;
        if closes {
            self.is_open = false;
            let change = change.without_values().at(self.position.clone());
            return Ok(self.hand_out(change));
        }
        Ok(None)
    }

    fn wants(&self, change: &Change) -> bool {
        match &self.config.spaces {
            None => true,
            Some(spaces) => change.space_id().is_some_and(|space| spaces.contains(&space)),
        }
    }

    fn hand_out(&mut self, change: Change) -> Option<Event> {
        self.stats.changes += 1;
        Some(Event::Change(change))
    }

    fn skip(&mut self) -> Option<Event> {
        self.stats.skipped += 1;
        None
    }
}
