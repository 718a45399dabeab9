//! From the greeting to the first packet of the snapshot or of the changes.

use super::follower::Phase;
use super::rows::{Packet, value};
use super::{Ballot, Event, FetchSnapshot, FollowError, Follower, Subscribe, Vote};
use crate::config::Credentials;
use crate::connection::{PROTOCOL_VERSION, ServerInfo};
use crate::error::{ConnectionError, ProtocolError};
use crate::frame::Frame;
use crate::greeting::{GREETING_SIZE, Greeting};
use crate::keys::{Key, RequestType};
use crate::msgpack::{DecodeError, Reader};
use crate::request::{Auth, Id, Request, Select};
use crate::response::Response;
use crate::types::Uuid;
use crate::version::Version;

/// What a follower asks for, by sync id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Auth = 1,
    Vote = 2,
    FetchSnapshot = 3,
    Subscribe = 4,
    Id = 5,
    /// The uuid of the replica set, by the name that it has before 3.0, and since.
    Cluster = 6,
    Replicaset = 7,
}

impl Ask {
    pub(super) const fn sync(self) -> u64 {
        self as u64
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The asks of the first write that are not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked(u8);

/// Where the uuid of the replica set stands.
const SPACE_SCHEMA: u32 = 272;

impl Follower {
    /// Reads the greeting and asks in one write for all that can be known before anything streams:
    /// a server takes no request of replication while others are under way.
    pub(super) fn on_greeting(&mut self, greeting: &[u8; GREETING_SIZE]) {
        let greeting = match Greeting::parse(greeting) {
            Ok(greeting) => greeting,
            Err(error) => return self.end(ProtocolError::Greeting(error).into()),
        };
        let mut asked = Asked(0);
        let mut ask = |follower: &mut Self, ask: Ask, request: &dyn Request| {
            follower.ask(ask, request);
            asked.0 |= ask.bit();
        };
        ask(self, Ask::Id, &Id { version: PROTOCOL_VERSION, features: &[] });
        if let Some(Credentials { user, password }) = self.config.credentials.clone() {
            let auth = Auth::chap_sha1(&user, password.as_str().as_bytes(), greeting.salt());
            ask(self, Ask::Auth, &auth);
        }
        ask(self, Ask::Vote, &Vote);
        let uuid_by = |name| Select::from(SPACE_SCHEMA).key([name]).limit(1);
        ask(self, Ask::Cluster, &uuid_by("cluster"));
        ask(self, Ask::Replicaset, &uuid_by("replicaset_uuid"));
        self.server = Some(ServerInfo::greeted(greeting));
        self.phase = Phase::Login(asked);
    }

    /// Takes the reply to one of the first asks.
    pub(super) fn on_login_reply(&mut self, mut asked: Asked, packet: Packet) {
        let all = [Ask::Id, Ask::Auth, Ask::Vote, Ask::Cluster, Ask::Replicaset];
        let answered = all.into_iter().find(|ask| ask.sync() == packet.header.sync);
        let Some(ask) = answered.filter(|ask| asked.0 & ask.bit() != 0) else {
            return self.end(ProtocolError::UnknownSync { sync: packet.header.sync }.into());
        };
        let response = Response::new(packet.header, packet.body);
        if let Err(error) = self.take_login_reply(ask, response) {
            return self.end(error);
        }
        asked.0 &= !ask.bit();
        if asked.0 > 0 {
            self.phase = Phase::Login(asked);
        } else {
            self.start();
        }
    }

    fn take_login_reply(&mut self, ask: Ask, response: Response) -> Result<(), FollowError> {
        let result = response.into_result();
        let request = match ask {
            // An error means a server from before 2.10, which is fine.
            Ask::Id => {
                if let (Ok(response), Some(server)) = (result, &mut self.server) {
                    server.read_id(response.body()).map_err(FollowError::Malformed)?;
                }
                return Ok(());
            }
            Ask::Auth => {
                let user = self.config.credentials.as_ref().map(|login| login.user.clone());
                let user = user.unwrap_or_default();
                return match result {
                    Ok(_) => Ok(()),
                    Err(error) => Err(ConnectionError::Login { user, error }.into()),
                };
            }
            Ask::Vote => RequestType::VOTE,
            _ => RequestType::SELECT,
        };
        let response = result.map_err(|error| FollowError::Refused { request, error })?;
        if ask == Ask::Vote {
            self.ballot = Some(Ballot::decode(response.body()).map_err(FollowError::Malformed)?);
            return Ok(());
        }
        let row: Option<(&str, &str)> = response.first().map_err(FollowError::Malformed)?;
        if let Some((_, uuid)) = row {
            self.replicaset_uuid = Some(uuid_of(uuid).map_err(FollowError::Malformed)?);
        }
        Ok(())
    }

    /// All is known: the stream can begin.
    fn start(&mut self) {
        let Some(found) = self.replicaset_uuid else {
            let error = DecodeError::new("_schema has no uuid of the replica set");
            return self.end(FollowError::Malformed(error));
        };
        if let Err(error) = self.check_replicaset(found) {
            return self.end(error);
        }
        if self.has_position {
            return match self.gap() {
                Some(gap) => self.end(gap),
                None => self.subscribe(),
            };
        }
        let (version, uuid) = (self.version(), self.config.instance_uuid);
        let fetch = FetchSnapshot { version: Some(version), instance_uuid: Some(uuid) };
        self.ask(Ask::FetchSnapshot, &fetch);
        self.phase = Phase::SnapshotAsked;
    }

    /// Old servers do not say so themselves before something is changed.
    fn gap(&self) -> Option<FollowError> {
        let oldest = self.ballot.as_ref()?.oldest_vclock.clone().without_local();
        let after = &self.position;
        let is_there = oldest <= *after;
        (!is_there)
            .then(|| FollowError::Gap { after: Box::new(after.clone()), oldest: Box::new(oldest) })
    }

    /// Goes on with the changes behind the position.
    pub(super) fn subscribe(&mut self) {
        let position = self.position.clone();
        let subscribe = Subscribe {
            replicaset_uuid: self.replicaset_uuid.unwrap_or_default(),
            instance_uuid: self.config.instance_uuid,
            vclock: &position,
            version: self.version(),
            is_anonymous: true,
            id_filter: &[],
        };
        self.ask(Ask::Subscribe, &subscribe);
        self.phase = Phase::SubscribeAsked;
    }

    /// Takes the reply to the subscription.
    pub(super) fn on_subscribed(&mut self, body: &[u8]) -> Option<Event> {
        let checked = subscribed_to(body)
            .map_err(FollowError::Malformed)
            .and_then(|found| found.map_or(Ok(()), |found| self.check_replicaset(found)));
        if let Err(error) = checked {
            self.end(error);
            return None;
        }
        self.phase = Phase::Changes;
        self.ready()
    }

    /// Old servers do not check it themselves.
    fn check_replicaset(&self, found: Uuid) -> Result<(), FollowError> {
        for expected in [self.config.replicaset_uuid, self.replicaset_uuid].into_iter().flatten() {
            if expected != found {
                return Err(FollowError::OtherReplicaset { expected, found });
            }
        }
        Ok(())
    }

    /// A replica of the server's own version gets what the server has, nothing converted.
    fn version(&self) -> Version {
        self.server.as_ref().map_or(Version::new(2, 6, 0), ServerInfo::version)
    }

    fn ask(&mut self, ask: Ask, request: &dyn Request) {
        let mut frame = Frame::new();
        // Fixed values serialize always; an empty frame would leave the opening to its deadline.
        if frame.encode(request).is_ok() {
            frame.append_to(&mut self.queued, ask.sync());
        }
    }
}

/// The replica set of which the server says that the changes are.
fn subscribed_to(body: &[u8]) -> Result<Option<Uuid>, DecodeError> {
    let uuid = value(body, Key::REPLICASET_UUID, Reader::str_bytes)?;
    uuid.map(|uuid| uuid_of(&String::from_utf8_lossy(uuid))).transpose()
}

fn uuid_of(text: &str) -> Result<Uuid, DecodeError> {
    text.parse().map_err(|_| DecodeError::new("the uuid of the replica set is none"))
}
