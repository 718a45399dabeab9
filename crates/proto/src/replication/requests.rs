//! What a replica asks for, and what it tells.

use super::Vclock;
use crate::keys::{Key, RequestType};
use crate::msgpack::{EncodeError, write};
use crate::request::{Body, Request};
use crate::types::Uuid;
use crate::version::Version;

/// Asks for the [`Ballot`](super::Ballot) (server 1.10.2). Needs no rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vote;

impl Request for Vote {
    fn request_type(&self) -> RequestType {
        RequestType::VOTE
    }

    fn encode(&self, _body: &mut Body<'_>) -> Result<(), EncodeError> {
        Ok(())
    }
}

/// Asks for all rows of all spaces, as they are now (server 2.3.1).
///
/// No request of a [`Connection`](crate::Connection): many packets answer it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchSnapshot {
    /// The version of the replica, by which the server chooses what it sends.
    pub version: Option<Version>,
    /// The replica.
    pub instance_uuid: Option<Uuid>,
}

impl Request for FetchSnapshot {
    fn request_type(&self) -> RequestType {
        RequestType::FETCH_SNAPSHOT
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        if let Some(version) = self.version {
            body.uint(Key::SERVER_VERSION, number(version));
        }
        if let Some(uuid) = self.instance_uuid {
            body.str(Key::INSTANCE_UUID, &uuid.to_string());
        }
        Ok(())
    }
}

/// Asks for all changes behind a vclock, without end.
///
/// No request of a [`Connection`](crate::Connection): the connection serves nothing else afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// The replica set that the vclock belongs to.
    pub replicaset_uuid: Uuid,
    /// The replica.
    pub instance_uuid: Uuid,
    /// What the replica has.
    pub vclock: &'a Vclock,
    /// The version of the replica.
    pub version: Version,
    /// Whether the replica is not registered in the replica set (server 2.3.1).
    pub is_anonymous: bool,
    /// The instances whose changes are not wanted (server 2.3.1).
    pub id_filter: &'a [u32],
}

impl Request for Subscribe<'_> {
    fn request_type(&self) -> RequestType {
        RequestType::SUBSCRIBE
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.str(Key::REPLICASET_UUID, &self.replicaset_uuid.to_string());
        body.str(Key::INSTANCE_UUID, &self.instance_uuid.to_string());
        self.vclock.encode(body.entry(Key::VCLOCK));
        body.uint(Key::SERVER_VERSION, number(self.version));
        write::boolean(body.entry(Key::REPLICA_ANON), self.is_anonymous);
        let out = body.entry(Key::ID_FILTER);
        write::array(out, self.id_filter.len());
        for id in self.id_filter {
            write::uint(out, u64::from(*id));
        }
        Ok(())
    }
}

/// A version as it is sent: a byte for each number but the first.
fn number(version: Version) -> u32 {
    let byte = |number: u32| number.min(0xff);
    byte(version.major) << 16 | byte(version.minor) << 8 | byte(version.patch)
}

/// Tells the server how far its replica has come. It gets no reply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Acknowledgement {
    /// What the replica has applied.
    pub vclock: Vclock,
    /// The time of the last row that came, from which the server tells how far the replica is
    /// behind.
    pub timestamp: Option<f64>,
    /// What the last heartbeat said (server 2.11.0).
    pub vclock_sync: Option<u64>,
}

impl Acknowledgement {
    /// Appends it to `out` as a packet.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0xce, 0, 0, 0, 0]);
        let content = out.len();
        let key = |out: &mut Vec<u8>, key: Key| write::uint(out, u64::from(key.number()));
        write::map(out, 1 + usize::from(self.timestamp.is_some()));
        key(out, Key::REQUEST_TYPE);
        write::uint(out, u64::from(RequestType::OK.number()));
        if let Some(timestamp) = self.timestamp {
            key(out, Key::TIMESTAMP);
            write::f64(out, timestamp);
        }
        write::map(out, 1 + usize::from(self.vclock_sync.is_some()));
        key(out, Key::VCLOCK);
        self.vclock.encode(out);
        if let Some(sync) = self.vclock_sync {
            key(out, Key::VCLOCK_SYNC);
            write::uint(out, sync);
        }
        // Some hundred bytes at most.
        let length = (out.len() - content) as u32;
        if let Some(place) = out.get_mut(start + 1..content) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }
}
