//! Watched keys: who watches which, the newest value of each, and what the server was told.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::Deserialize;

use crate::capability::Unsupported;
use crate::keys::Key;
use crate::msgpack::{DecodeError, Reader, from_slice};
use crate::server_error::ServerError;

/// Names a watched key of one connection, from [`watch`](crate::Connection::watch) until the last
/// [`unwatch`](crate::Connection::unwatch).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchId(u32);

impl WatchId {
    /// The sync id on the wire: of generation 0, which requests never have.
    pub(crate) const fn sync(self) -> u64 {
        self.0 as u64
    }
}

impl fmt::Debug for WatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WatchId({})", self.0)
    }
}

/// A value of a watched key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedValue {
    number: u64,
    value: Option<Bytes>,
    is_after_gap: bool,
}

impl WatchedValue {
    /// The value's number, from 1: how many values of this key came. The server skips values that
    /// are outdated before they can be sent, so others may have been missed.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Whether the connection was lost and made anew since the value that was seen before: the key
    /// may have had any number of values meanwhile.
    #[must_use]
    pub const fn after_gap(&self) -> bool {
        self.is_after_gap
    }

    /// The value as MessagePack; `None`: the key has none.
    #[must_use]
    pub fn raw(&self) -> Option<&[u8]> {
        self.value.as_deref()
    }

    /// The value as a `T`, which may borrow from it. A key without a value is nil: an `Option` takes
    /// it as `None`.
    ///
    /// # Errors
    /// The value does not fit `T`.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, DecodeError> {
        from_slice(self.raw().unwrap_or(&[NIL]))
    }
}

const NIL: u8 = 0xc0;

/// A key cannot be watched.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WatchError {
    /// The connected server does not have watched keys, so nothing was sent.
    Unsupported(Unsupported),
    /// The server refused.
    Server(ServerError),
}

impl fmt::Display for WatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(what) => what.fmt(f),
            Self::Server(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WatchError {}

/// The watched keys of a connection.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    by_key: BTreeMap<Box<[u8]>, WatchId>,
    watches: BTreeMap<WatchId, Watch>,
    /// The number given last. None is given twice, so that what comes late finds nobody.
    last: u32,
}

#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) key: Box<str>,
    /// How many share it.
    owners: usize,
    /// Where in the output the last WATCH begins, once there is one.
    pub(crate) position: Option<u64>,
    /// The newest value and its number.
    newest: Option<(u64, Option<Bytes>)>,
    /// The number of the last value before the connection was made anew.
    gap_after: Option<u64>,
    error: Option<WatchError>,
}

/// What [`Watches::join`] found.
pub(crate) enum Joined {
    /// The key was watched already.
    Shared(WatchId),
    /// It is new: the server is to be told.
    New(WatchId),
}

impl Watches {
    /// One more owner of the watch of `key`. `None`: all numbers are used up.
    pub(crate) fn join(&mut self, key: &str) -> Option<Joined> {
        if let Some(id) = self.by_key.get(key.as_bytes()) {
            if let Some(watch) = self.watches.get_mut(id) {
                watch.owners += 1;
                return Some(Joined::Shared(*id));
            }
        }
        self.last = self.last.checked_add(1).filter(|number| *number < crate::slots::SLOT_MAX)?;
        let id = WatchId(self.last);
        self.by_key.insert(key.as_bytes().into(), id);
        let key = key.into();
        let watch =
            Watch { key, owners: 1, position: None, newest: None, gap_after: None, error: None };
        self.watches.insert(id, watch);
        Some(Joined::New(id))
    }

    /// One owner less. The watch, if that was the last one.
    pub(crate) fn leave(&mut self, id: WatchId) -> Option<Watch> {
        let watch = self.watches.get_mut(&id)?;
        watch.owners -= 1;
        if watch.owners > 0 {
            return None;
        }
        let watch = self.watches.remove(&id)?;
        self.by_key.remove(watch.key.as_bytes());
        Some(watch)
    }

    pub(crate) fn get(&self, id: WatchId) -> Option<&Watch> {
        self.watches.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: WatchId) -> Option<&mut Watch> {
        self.watches.get_mut(&id)
    }

    pub(crate) fn ids(&self) -> Vec<WatchId> {
        self.watches.keys().copied().collect()
    }

    /// Takes the body of an event in. `None`: it is of a key that nobody watches, or malformed.
    pub(crate) fn on_event(&mut self, body: &Bytes) -> Option<WatchId> {
        let (key, value) = event(body).ok()?;
        let id = *self.by_key.get(key)?;
        let watch = self.watches.get_mut(&id)?;
        watch.newest = Some((watch.number() + 1, value.map(|value| kept(body, value))));
        Some(id)
    }

    /// The connection is made anew: the server is to be told everything again.
    pub(crate) fn renew(&mut self) {
        for watch in self.watches.values_mut() {
            watch.position = None;
            watch.error = None;
            watch.gap_after = Some(watch.number());
        }
    }

    /// Whether `sync` is of a WATCH or an UNWATCH, and its watch if it still exists.
    pub(crate) fn of_sync(&self, sync: u64) -> Option<Option<WatchId>> {
        let number = u32::try_from(sync).ok().filter(|number| *number <= self.last)?;
        Some(Some(WatchId(number)).filter(|id| self.watches.contains_key(id)))
    }
}

impl Watch {
    /// The number of the newest value, 0 before the first.
    fn number(&self) -> u64 {
        self.newest.as_ref().map_or(0, |(number, _)| *number)
    }

    /// The newest value, for one who has seen that of the number `seen`, and wants others only.
    pub(crate) fn newest(&self, seen: u64) -> Option<WatchedValue> {
        let (number, value) = self.newest.as_ref().filter(|(number, _)| *number > seen)?;
        let was_missed = |last: u64| (1..=last).contains(&seen) && *number > last;
        let is_after_gap = self.gap_after.is_some_and(was_missed);
        Some(WatchedValue { number: *number, value: value.clone(), is_after_gap })
    }

    /// The newest value, if it is from the present connection.
    pub(crate) fn newest_here(&self) -> Option<WatchedValue> {
        self.newest(self.gap_after.unwrap_or_default())
    }

    pub(crate) fn error(&self) -> Option<&WatchError> {
        self.error.as_ref()
    }

    pub(crate) fn fail(&mut self, error: WatchError) {
        self.error = Some(error);
    }
}

/// The key and the value of an event; of repeated entries the last counts.
fn event(body: &[u8]) -> Result<(&[u8], Option<&[u8]>), DecodeError> {
    let mut reader = Reader::new(body);
    let (mut key, mut value) = (None, None);
    for _ in 0..reader.map()? {
        match reader.key()?.map(Key::new) {
            Some(Key::EVENT_KEY) => key = Some(reader.str_bytes()?),
            Some(Key::EVENT_DATA) => value = Some(reader.raw()?),
            _ => reader.skip()?,
        }
    }
    let key = key.ok_or_else(|| DecodeError::new("an event without a key"))?;
    Ok((key, value))
}

/// A part of a packet that its owner may keep for long or never take: a small one is copied, since
/// a slice would keep the whole buffer that it was read into.
pub(crate) fn kept(packet: &Bytes, part: &[u8]) -> Bytes {
    if part.len() < COPIED_BELOW { Bytes::copy_from_slice(part) } else { packet.slice_ref(part) }
}

const COPIED_BELOW: usize = 16 << 10;
