//! How far a replica has come, by the instances that made the changes.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::de::{self, MapAccess};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::msgpack::{DecodeError, Reader, write};

/// A vector clock: for each instance of a replica set, by its replica id, the log sequence number
/// (LSN) of its last change.
///
/// It says where in the history of a replica set something stands; a follower that is given one goes
/// on behind it. An instance without an entry has the LSN 0, which is the same as none. Save it by
/// serde, as a map, or by its text, which is that of `box.info.vclock`.
///
/// ```
/// use tarantool_proto::replication::Vclock;
///
/// let saved: Vclock = "{1: 134, 2: 5}".parse()?;
/// let mut now = saved.clone();
/// now.set(1, 135)?;
/// assert!(now > saved);
/// assert_eq!(now.get(1), 135);
/// assert_eq!(now.to_string(), "{1: 135, 2: 5}");
/// # Ok::<(), tarantool_proto::replication::InvalidVclock>(())
/// ```
///
/// The order is partial: of two replicas, each may have changes that the other has not.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Vclock {
    lsns: [u64; Self::IDS],
}

impl Vclock {
    /// Replica ids are below this. Id 0 stands for changes that an instance keeps to itself.
    pub const IDS: usize = 32;

    /// The vclock before any change.
    #[must_use]
    pub const fn new() -> Self {
        Self { lsns: [0; Self::IDS] }
    }

    /// The LSN of this instance's last change; 0 if there is none.
    #[must_use]
    pub fn get(&self, replica_id: u32) -> u64 {
        self.lsns.get(replica_id as usize).copied().unwrap_or_default()
    }

    /// Sets the LSN of an instance.
    ///
    /// # Errors
    /// The id is not below [`IDS`](Self::IDS); nothing is changed.
    pub fn set(&mut self, replica_id: u32, lsn: u64) -> Result<(), InvalidVclock> {
        let place = self.lsns.get_mut(replica_id as usize);
        *place.ok_or(InvalidVclock("a replica id is not below 32"))? = lsn;
        Ok(())
    }

    /// The instances that have made changes, with their LSNs, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64)> {
        self.lsns.iter().zip(0..).filter(|(lsn, _)| **lsn > 0).map(|(lsn, id)| (id, *lsn))
    }

    /// Whether there is no change in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// How many changes it counts, of all instances: what `box.info.signature` says.
    #[must_use]
    pub fn signature(&self) -> u64 {
        self.lsns.iter().fold(0, |sum, lsn| sum.saturating_add(*lsn))
    }

    /// Appends it to `out` as a MessagePack map, as requests of replication have it: without what
    /// the instance 0 keeps to itself.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let shared = || self.iter().filter(|(id, _)| *id > 0);
        write::map(out, shared().count());
        for (id, lsn) in shared() {
            write::uint(out, u64::from(id));
            write::uint(out, lsn);
        }
    }

    /// Reads a MessagePack map from replica ids to LSNs.
    ///
    /// # Errors
    /// It is none, or a replica id is not below [`IDS`](Self::IDS).
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut vclock = Self::new();
        for _ in 0..reader.map()? {
            let id = u32::try_from(reader.uint()?).unwrap_or(u32::MAX);
            let lsn = reader.uint()?;
            vclock.set(id, lsn).map_err(|error| DecodeError::new(error.to_string()))?;
        }
        Ok(vclock)
    }

    /// Advances to a change; `false`: it is not newer than what is there.
    pub(super) fn follow(&mut self, replica_id: u32, lsn: u64) -> bool {
        match self.lsns.get_mut(replica_id as usize) {
            Some(last) if *last < lsn => {
                *last = lsn;
                true
            }
            _ => false,
        }
    }

    /// Forgets what the instance 0 keeps to itself.
    pub(super) fn without_local(mut self) -> Self {
        self.lsns[0] = 0;
        self
    }
}

impl PartialOrd for Vclock {
    /// Less or greater if that holds, or equality, for each instance.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let mut order = Ordering::Equal;
        for (one, other) in self.lsns.iter().zip(&other.lsns) {
            match (order, one.cmp(other)) {
                (_, Ordering::Equal) => {}
                (Ordering::Equal, differs) => order = differs,
                (before, differs) if before != differs => return None,
                _ => {}
            }
        }
        Some(order)
    }
}

impl fmt::Display for Vclock {
    /// As `box.info.vclock` shows it: `{1: 134, 2: 5}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (id, lsn)) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{id}: {lsn}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Vclock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Vclock {
    type Err = InvalidVclock;

    /// Reads what [`Display`](fmt::Display) writes; spaces are optional.
    fn from_str(text: &str) -> Result<Self, InvalidVclock> {
        let wrong = InvalidVclock("the text of a vclock is like {1: 134, 2: 5}");
        let inner = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let inner = inner.ok_or(wrong)?.trim();
        let mut vclock = Self::new();
        if inner.is_empty() {
            return Ok(vclock);
        }
        for entry in inner.split(',') {
            let (id, lsn) = entry.split_once(':').ok_or(wrong)?;
            let id = id.trim().parse().map_err(|_| wrong)?;
            vclock.set(id, lsn.trim().parse().map_err(|_| wrong)?)?;
        }
        Ok(vclock)
    }
}

impl Serialize for Vclock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.iter().count()))?;
        for (id, lsn) in self.iter() {
            map.serialize_entry(&id, &lsn)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Vclock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Vclock;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from replica ids to LSNs")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vclock, A::Error> {
                let mut vclock = Vclock::new();
                while let Some((id, lsn)) = map.next_entry()? {
                    vclock.set(id, lsn).map_err(de::Error::custom)?;
                }
                Ok(vclock)
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// What was to be a [`Vclock`] is none: the text says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidVclock(&'static str);

impl fmt::Display for InvalidVclock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidVclock {}
