//! Our request for a recorded one, or why there is none.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::time::Duration;

use rmpv::Value;
use tarantool_proto::msgpack::Raw;
use tarantool_proto::replication::Vote;
use tarantool_proto::request::{
    Begin, Call, Call16, Commit, Delete, Eval, Id, Identifier, Insert, Isolation, Operations, Ping,
    Replace, Request, Rollback, Select, Unwatch, Update, Upsert, Watch, WatchOnce,
};
use tarantool_proto::{Frame, IteratorType, RequestType};

use crate::auth;
use crate::load::Case;
use crate::operations::operations;
use crate::packet::{Body, Entry, Packet, elements};
use crate::report::Why;

/// Why there is no request of ours.
pub(crate) type Reason = (Why, String);

/// A recorded request, while ours is made of it.
pub(crate) struct Source<'a> {
    pub(crate) case: &'a Case,
    pub(crate) packet: &'a Packet<'a>,
    pub(crate) forms: BTreeSet<String>,
}

/// Where a request of ours goes.
pub(crate) struct Target<'f> {
    frame: &'f mut Frame,
    stream: Option<NonZeroU64>,
}

impl<'a> Source<'a> {
    /// Encodes our request, with the values of the recorded one, into `frame`.
    pub(crate) fn encode(&mut self, frame: &mut Frame) -> Result<RequestType, Reason> {
        let request_type = self.request_type()?;
        self.check_header()?;
        let frame = &mut Target { frame, stream: self.stream() };
        self.check_keys(request_type)?;
        match request_type {
            RequestType::PING => encode(&Ping, frame),
            RequestType::ID => {
                let version = self.optional(0x54).map(uint).transpose()?;
                let features = match self.optional(0x55) {
                    Some(entry) => {
                        let numbers = entry.value.as_array().ok_or_else(wrong_type)?;
                        let numbers = numbers.iter().map(narrow);
                        numbers.collect::<Result<Vec<u32>, Reason>>()?
                    }
                    None => Vec::new(),
                };
                let version = version.unwrap_or_default();
                encode(&Id { version, features: &features }, frame)
            }
            RequestType::AUTH => encode(&auth::auth(self)?, frame),
            RequestType::SELECT => self.select(frame),
            RequestType::INSERT => {
                encode(&Insert::into(self.space()?).row(self.array(0x21)?), frame)
            }
            RequestType::REPLACE => {
                encode(&Replace::into(self.space()?).row(self.array(0x21)?), frame)
            }
            RequestType::UPDATE => {
                let mut update = Update::of(self.space()?).key(self.array(0x20)?);
                if let Some(index) = self.index()? {
                    update = update.index(index);
                }
                encode(&update.operations(self.operations(0x21)?), frame)
            }
            RequestType::UPSERT => {
                let upsert = Upsert::into(self.space()?).row(self.array(0x21)?);
                encode(&upsert.operations(self.operations(0x28)?), frame)
            }
            RequestType::DELETE => {
                let mut delete = Delete::from(self.space()?).key(self.array(0x20)?);
                if let Some(index) = self.index()? {
                    delete = delete.index(index);
                }
                encode(&delete, frame)
            }
            RequestType::BEGIN => self.begin(frame),
            RequestType::COMMIT => {
                let is_sync = self.is_sync()?;
                encode(&Commit::new().synchronous(is_sync), frame)
            }
            RequestType::ROLLBACK => encode(&Rollback, frame),
            RequestType::EXECUTE => self.execute(frame),
            RequestType::PREPARE => self.prepare(frame),
            RequestType::INSERT_ARROW => self.insert_arrow(frame),
            RequestType::VOTE => encode(&Vote, frame),
            RequestType::FETCH_SNAPSHOT => self.fetch_snapshot(frame),
            RequestType::SUBSCRIBE => self.subscribe(frame),
            RequestType::WATCH => encode(&Watch::new(text(self.entry(0x57)?)?), frame),
            RequestType::UNWATCH => encode(&Unwatch::new(text(self.entry(0x57)?)?), frame),
            RequestType::WATCH_ONCE => encode(&WatchOnce::new(text(self.entry(0x57)?)?), frame),
            RequestType::CALL => {
                encode(&Call::new(text(self.entry(0x22)?)?).arguments(self.arguments()?), frame)
            }
            RequestType::CALL_16 => {
                encode(&Call16::new(text(self.entry(0x22)?)?).arguments(self.arguments()?), frame)
            }
            _ => encode(&Eval::new(text(self.entry(0x27)?)?).arguments(self.arguments()?), frame),
        }?;
        Ok(request_type)
    }

    fn select(&mut self, frame: &mut Target<'_>) -> Result<(), Reason> {
        let limit = uint32(self.entry(0x12)?)?;
        self.forms.extend((limit < u32::MAX).then(|| "limit".into()));
        let mut select = Select::from(self.space()?).key(self.array(0x20)?).limit(limit);
        if let Some(index) = self.index()? {
            select = select.index(index);
        }
        if let Some(offset) = self.optional(0x13) {
            let offset = uint32(offset)?;
            self.forms.extend((offset > 0).then(|| "offset".into()));
            select = select.offset(offset);
        }
        if let Some(iterator) = self.optional(0x14) {
            let number = uint32(iterator)?;
            let known = ITERATORS.iter().find(|one| one.number() == number);
            let known = *known.ok_or_else(|| wrong("iterator that does not exist"))?;
            self.forms.insert(format!("iterator {known:?}"));
            select = select.iterator(known);
        }
        if self.optional(0x1f).map(|entry| &entry.value) == Some(&Value::Boolean(true)) {
            self.forms.insert("fetch position".into());
            select = select.fetch_position();
        }
        match (self.optional(0x2e), self.optional(0x2f)) {
            (None, None) => encode(&select, frame),
            (Some(position), None) => {
                self.forms.insert("after position".into());
                encode(&select.after_position(text(position)?.as_bytes()), frame)
            }
            (None, Some(_)) => {
                self.forms.insert("after tuple".into());
                encode(&select.after_tuple(self.array(0x2f)?), frame)
            }
            (Some(_), Some(_)) => Err(not_offered("position and tuple to go on after at once")),
        }
    }

    /// 0 is no stream, said aloud.
    pub(crate) fn stream(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.packet.in_header(0x0a)?.as_u64()?)
    }

    fn begin(&mut self, frame: &mut Target<'_>) -> Result<(), Reason> {
        let mut begin = Begin::new().synchronous(self.is_sync()?);
        if let Some(entry) = self.optional(0x56) {
            let Value::F64(seconds) = entry.value else {
                return Err(wrong_type());
            };
            let timeout = Duration::try_from_secs_f64(seconds);
            begin = begin.timeout(timeout.map_err(|_| wrong("negative timeout"))?);
            self.forms.insert("timeout".into());
        }
        if let Some(number) = self.optional(0x59).map(uint32).transpose()?.filter(|it| *it > 0) {
            let known = ISOLATIONS.into_iter().find(|one| *one as u32 == number);
            let known = known.ok_or_else(|| wrong("isolation that does not exist"))?;
            self.forms.insert(format!("isolation {known:?}"));
            begin = begin.isolation(known);
        }
        encode(&begin, frame)
    }

    fn is_sync(&mut self) -> Result<bool, Reason> {
        match self.optional(0x61).map(|entry| &entry.value) {
            None => Ok(false),
            Some(Value::Boolean(true)) => {
                self.forms.insert("synchronous".into());
                Ok(true)
            }
            Some(_) => Err(wrong("IS_SYNC that is not true")),
        }
    }

    fn request_type(&self) -> Result<RequestType, Reason> {
        let number = match self.packet.in_header(0) {
            None => return Err(wrong("header without a request type")),
            Some(value) => value.as_u64(),
        };
        let number = number.ok_or_else(|| wrong("value of a wrong type in the header"))?;
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let request_type = RequestType::new(number);
        if COVERED.iter().any(|(covered, ..)| *covered == request_type) {
            return Ok(request_type);
        }
        Err(match request_type.name() {
            Some(name) if REGISTERED.contains(&name) => not_offered(name),
            Some(name) => wrong(&format!("type that clients do not send: {name}")),
            None => wrong("request type that does not exist"),
        })
    }

    fn check_header(&self) -> Result<(), Reason> {
        for entry in &self.packet.header {
            let key = entry.number();
            let key = key.ok_or_else(|| wrong("key in the header that is no unsigned integer"))?;
            if matches!(key, 0x00..=0x0b) && key != 0x04 && entry.value.as_u64().is_none() {
                return Err(wrong("value of a wrong type in the header"));
            }
            match key {
                0x00 | 0x01 | 0x0a => {}
                0x05 => return Err(not_offered("SCHEMA_VERSION in the header")),
                0x0b => return Err(not_offered("THREAD_ID in the header")),
                _ => return Err(wrong("key in the header that requests do not have")),
            }
        }
        Ok(())
    }

    /// The keys of the body are those that this type of request has.
    fn check_keys(&self, request_type: RequestType) -> Result<(), Reason> {
        let entries = self.packet.entries();
        let entries = entries.ok_or_else(|| wrong("body that is not a map"))?;
        if !self.packet.trailing.is_empty() {
            return Err(wrong("bytes behind the body"));
        }
        let mut seen = BTreeSet::new();
        let covered = COVERED.iter().find(|(covered, ..)| *covered == request_type);
        let (_, mandatory, optional) = covered.ok_or_else(|| wrong("type"))?;
        for entry in entries {
            let key = entry.number();
            let key = key.ok_or_else(|| wrong("key in the body that is no unsigned integer"))?;
            if !seen.insert(key) {
                return Err(wrong("key in the body twice"));
            }
            match key {
                _ if mandatory.contains(&key) || optional.contains(&key) => {}
                0x5e if mandatory.contains(&0x10) => {}
                0x5f if optional.contains(&0x11) => {}
                0x43 if mandatory.contains(&0x40) => {}
                0x2b if mandatory.contains(&0x40) => return Err(not_offered("OPTIONS")),
                0x60 => return Err(later("TUPLE_FORMATS: tuples as arguments")),
                _ => return Err(wrong("key in the body that this request does not have")),
            }
        }
        for key in *mandatory {
            let by_name = *key == 0x10 && seen.contains(&0x5e);
            let prepared = *key == 0x40 && seen.contains(&0x43);
            if !seen.contains(key) && !by_name && !prepared {
                return Err(wrong("mandatory key missing"));
            }
        }
        if seen.contains(&0x40) && seen.contains(&0x43) {
            return Err(wrong("text and id of a statement at once"));
        }
        if (seen.contains(&0x10) && seen.contains(&0x5e))
            || (seen.contains(&0x11) && seen.contains(&0x5f))
        {
            return Err(not_offered("number and name of a space or an index at once"));
        }
        if request_type == RequestType::ID
            && entries.is_empty()
            && matches!(self.packet.body, Body::Absent)
        {
            return Err(wrong("mandatory key missing"));
        }
        Ok(())
    }

    pub(crate) fn entry(&self, key: u64) -> Result<&'a Entry<'a>, Reason> {
        let entry = self.packet.entry(key);
        entry.ok_or_else(|| wrong("mandatory key missing"))
    }

    pub(crate) fn optional(&self, key: u64) -> Option<&'a Entry<'a>> {
        self.packet.entry(key)
    }

    pub(crate) fn array(&self, key: u64) -> Result<Raw<'a>, Reason> {
        let entry = self.entry(key)?;
        if !entry.value.is_array() {
            return Err(wrong_type());
        }
        raw(entry.bytes)
    }

    fn arguments(&self) -> Result<Raw<'a>, Reason> {
        if self.optional(0x21).is_some() { self.array(0x21) } else { raw(&[0x90]) }
    }

    pub(crate) fn space(&mut self) -> Result<Identifier<'a>, Reason> {
        let form = if self.optional(0x5e).is_some() { "name" } else { "number" };
        self.forms.insert(format!("space by {form}"));
        match self.optional(0x5e) {
            Some(name) => Ok(Identifier::Name(text(name)?)),
            None => Ok(Identifier::Number(uint32(self.entry(0x10)?)?)),
        }
    }

    fn index(&mut self) -> Result<Option<Identifier<'a>>, Reason> {
        if let Some(name) = self.optional(0x5f) {
            self.forms.insert("index by name".into());
            return Ok(Some(Identifier::Name(text(name)?)));
        }
        let number = self.optional(0x11).map(uint32).transpose()?;
        self.forms.extend(number.map(|_| "index by number".into()));
        Ok(number.map(Identifier::Number))
    }

    fn operations(&mut self, key: u64) -> Result<Operations, Reason> {
        let base = self.optional(0x15).map(uint32).transpose()?;
        let list = self.packet.entry(key).map(|entry| entry.bytes);
        let list = list.and_then(elements).ok_or_else(wrong_type)?;
        operations(&list, base.unwrap_or_default(), &mut self.forms)
    }
}

pub(crate) fn encode(request: &impl Request, frame: &mut Target<'_>) -> Result<(), Reason> {
    let encoded = match frame.stream {
        Some(stream) => frame.frame.encode_in_stream(stream, request),
        None => frame.frame.encode(request),
    };
    encoded.map_err(|error| failed(&format!("not encoded: {error}")))
}

/// One value as it was recorded.
pub(crate) fn raw(bytes: &[u8]) -> Result<Raw<'_>, Reason> {
    Raw::new(bytes).map_err(|error| failed(&format!("no MessagePack: {error}")))
}

fn uint(entry: &Entry<'_>) -> Result<u64, Reason> {
    entry.value.as_u64().ok_or_else(wrong_type)
}

pub(crate) fn uint32(entry: &Entry<'_>) -> Result<u32, Reason> {
    narrow(&entry.value)
}

fn narrow(value: &Value) -> Result<u32, Reason> {
    let number = value.as_u64().ok_or_else(wrong_type)?;
    u32::try_from(number).map_err(|_| not_offered("number of over 32 bits"))
}

pub(crate) fn text<'e>(entry: &'e Entry<'_>) -> Result<&'e str, Reason> {
    match &entry.value {
        Value::String(text) => text.as_str().ok_or_else(|| not_offered("name that is not UTF-8")),
        _ => Err(wrong_type()),
    }
}

pub(crate) fn wrong_type() -> Reason {
    wrong("value of a wrong type in the body")
}

pub(crate) fn wrong(reason: &str) -> Reason {
    (Why::WrongOnPurpose, reason.to_owned())
}

/// Not a reason to skip the request, but what is wrong with ours.
pub(crate) fn failed(reason: &str) -> Reason {
    (Why::Failed, reason.to_owned())
}

pub(crate) fn not_offered(reason: &str) -> Reason {
    (Why::NotOffered, reason.to_owned())
}

pub(crate) fn later(reason: &str) -> Reason {
    (Why::NotCoveredYet, reason.to_owned())
}

/// Types of requests, their mandatory keys and their optional ones.
const COVERED: [(RequestType, &[u64], &[u64]); 24] = [
    (RequestType::PING, &[], &[]),
    (RequestType::ID, &[], &[0x54, 0x55]),
    (RequestType::AUTH, &[0x21, 0x23], &[]),
    (RequestType::SELECT, &[0x10, 0x12, 0x20], &[0x11, 0x13, 0x14, 0x1f, 0x2e, 0x2f]),
    (RequestType::INSERT, &[0x10, 0x21], &[]),
    (RequestType::REPLACE, &[0x10, 0x21], &[]),
    (RequestType::UPDATE, &[0x10, 0x20, 0x21], &[0x11, 0x15]),
    (RequestType::UPSERT, &[0x10, 0x21, 0x28], &[0x15]),
    (RequestType::DELETE, &[0x10, 0x20], &[0x11]),
    (RequestType::CALL, &[0x22], &[0x21]),
    (RequestType::CALL_16, &[0x22], &[0x21]),
    (RequestType::EVAL, &[0x27], &[0x21]),
    (RequestType::BEGIN, &[], &[0x56, 0x59, 0x61]),
    (RequestType::COMMIT, &[], &[0x61]),
    (RequestType::ROLLBACK, &[], &[]),
    // By text, or by the id of a prepared statement in its place.
    (RequestType::EXECUTE, &[0x40], &[0x41]),
    (RequestType::PREPARE, &[0x40], &[]),
    (RequestType::INSERT_ARROW, &[0x10, 0x36], &[]),
    (RequestType::VOTE, &[], &[]),
    (RequestType::FETCH_SNAPSHOT, &[], &[0x06, 0x24]),
    (RequestType::SUBSCRIBE, &[0x06, 0x24, 0x25, 0x26, 0x50, 0x51], &[]),
    (RequestType::WATCH, &[0x57], &[]),
    (RequestType::UNWATCH, &[0x57], &[]),
    (RequestType::WATCH_ONCE, &[0x57], &[]),
];

const ISOLATIONS: [Isolation; 4] = [
    Isolation::ReadCommitted,
    Isolation::ReadConfirmed,
    Isolation::BestEffort,
    Isolation::Linearizable,
];

/// Of replicas that become members of the replica set; and what VOTE has replaced.
const REGISTERED: [&str; 3] = ["JOIN", "REGISTER", "VOTE_DEPRECATED"];

const ITERATORS: [IteratorType; 14] = [
    IteratorType::Eq,
    IteratorType::Req,
    IteratorType::All,
    IteratorType::Lt,
    IteratorType::Le,
    IteratorType::Ge,
    IteratorType::Gt,
    IteratorType::BitsAllSet,
    IteratorType::BitsAnySet,
    IteratorType::BitsAllNotSet,
    IteratorType::Overlaps,
    IteratorType::Neighbor,
    IteratorType::Np,
    IteratorType::Pp,
];
