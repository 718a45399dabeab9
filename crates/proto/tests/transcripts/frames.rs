//! Takes frames apart with `rmpv`, independently of the crate under test.

use std::ops::Range;

use rmpv::Value;

/// Types of requests and replies.
pub(crate) mod kind {
    pub(crate) const OK: u64 = 0;
    pub(crate) const AUTH: u64 = 7;
    pub(crate) const SUBSCRIBE: u64 = 66;
    pub(crate) const VOTE: u64 = 68;
    pub(crate) const FETCH_SNAPSHOT: u64 = 69;
    pub(crate) const ID: u64 = 73;
    pub(crate) const WATCH: u64 = 74;
    pub(crate) const UNWATCH: u64 = 75;
    pub(crate) const EVENT: u64 = 76;
    pub(crate) const CHUNK: u64 = 0x80;
    pub(crate) const ERROR: u64 = 0x8000;
}

#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Where it stands in the bytes it was cut from; `end` may be behind them.
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: u64,
    pub(crate) sync: u64,
    /// Where the sync id stands, if it has one.
    pub(crate) sync_at: Option<Range<usize>>,
    pub(crate) stream: u64,
    pub(crate) body: Vec<u8>,
}

/// Cuts `bytes` from `start` on. Also tells where the last frame ends: where no other one begins, or
/// behind the bytes if it is incomplete.
pub(crate) fn frames(bytes: &[u8], start: usize) -> (Vec<Frame>, usize) {
    let (mut frames, mut end) = (Vec::new(), start);
    while end < bytes.len() {
        let Some(frame) = frame(bytes, end) else {
            break;
        };
        end = frame.end;
        frames.push(frame);
    }
    (frames, end)
}

fn frame(bytes: &[u8], start: usize) -> Option<Frame> {
    let mut rest = &bytes[start..];
    let length = number(&mut rest)?;
    let end = bytes.len() - rest.len() + length as usize;
    let mut frame =
        Frame { start, end, kind: 0, sync: 0, sync_at: None, stream: 0, body: Vec::new() };
    for _ in 0..entries(&mut rest) {
        let key = number(&mut rest).unwrap();
        let value_at = bytes.len() - rest.len();
        let value = number(&mut rest);
        let place = value_at..bytes.len() - rest.len();
        match key {
            0 => frame.kind = value.unwrap(),
            1 => (frame.sync, frame.sync_at) = (value.unwrap(), Some(place)),
            10 => frame.stream = value.unwrap(),
            // The version of the schema, and what replicas tell besides.
            _ => {}
        }
    }
    frame.body = bytes[bytes.len() - rest.len()..end.min(bytes.len())].to_vec();
    Some(frame)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    rmpv::decode::read_value(rest).unwrap().as_u64()
}

/// Reads the header of a short map.
fn entries(rest: &mut &[u8]) -> usize {
    let (first, behind) = rest.split_first().unwrap();
    assert!(matches!(first, 0x80..=0x8f), "{first:#04x} begins no short map");
    *rest = behind;
    usize::from(first & 0x0f)
}

/// The entries of a body, the values as their bytes.
pub(crate) fn fields(body: &[u8]) -> Vec<(u64, &[u8])> {
    let mut rest = body;
    if rest.is_empty() {
        return Vec::new();
    }
    let count = entries(&mut rest);
    let mut fields = Vec::new();
    for _ in 0..count {
        let key = number(&mut rest).unwrap();
        let value = rest;
        rmpv::decode::read_value(&mut rest).unwrap();
        fields.push((key, &value[..value.len() - rest.len()]));
    }
    assert!(rest.is_empty(), "bytes behind the body");
    fields
}

pub(crate) fn field(body: &[u8], key: u64) -> Option<&[u8]> {
    fields(body).into_iter().find(|(name, _)| *name == key).map(|(_, value)| value)
}

/// The string, or the binary data, of a field.
pub(crate) fn text(body: &[u8], key: u64) -> Option<String> {
    let value = value(field(body, key)?);
    Some(String::from_utf8(value.as_slice().unwrap().to_vec()).unwrap())
}

/// The features in the body of an ID or of its reply.
pub(crate) fn features(body: &[u8]) -> Vec<u32> {
    let Some(features) = field(body, 0x55).map(value) else {
        return Vec::new();
    };
    let features = features.as_array().unwrap().iter();
    features.map(|feature| feature.as_u64().unwrap() as u32).collect()
}

pub(crate) fn value(mut bytes: &[u8]) -> Value {
    rmpv::decode::read_value(&mut bytes).unwrap()
}

/// Puts another number where one stands, in the same width: the rest stays where it is.
pub(crate) fn put(place: &mut [u8], number: u64) {
    let (marker, digits) = place.split_first_mut().unwrap();
    match *marker {
        0x00..=0x7f => *marker = u8::try_from(number).ok().filter(|byte| *byte < 0x80).unwrap(),
        0xcf => digits.copy_from_slice(&number.to_be_bytes()),
        other => panic!("{other:#04x} is of another width"),
    }
}
