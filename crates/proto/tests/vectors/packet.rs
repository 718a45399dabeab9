//! Takes packets apart with `rmpv`, independently of the crate under test.

use rmpv::Value;

/// A packet as its bytes say.
pub(crate) struct Packet<'a> {
    /// What the length prefix declares.
    pub(crate) length: u64,
    pub(crate) header: Vec<Entry<'a>>,
    /// The bytes of all that follows the header.
    pub(crate) behind_header: &'a [u8],
    pub(crate) body: Body<'a>,
    /// Bytes of the packet behind its body.
    pub(crate) trailing: &'a [u8],
}

/// What follows the header.
pub(crate) enum Body<'a> {
    Absent,
    Map(Vec<Entry<'a>>),
    NotMap(Value),
}

/// A pair of a map, with the bytes of key and value.
pub(crate) struct Entry<'a> {
    pub(crate) key: Value,
    pub(crate) key_bytes: &'a [u8],
    pub(crate) value: Value,
    pub(crate) bytes: &'a [u8],
}

impl Entry<'_> {
    /// The key if it is an unsigned integer.
    pub(crate) fn number(&self) -> Option<u64> {
        self.key.as_u64()
    }
}

impl<'a> Packet<'a> {
    /// The first packet of `rest`, which then begins behind it.
    pub(crate) fn take(rest: &mut &'a [u8]) -> Result<Self, String> {
        let start = *rest;
        let (length, _) = value(rest)?;
        let length = length.as_u64().ok_or("the length is no integer")?;
        if start.first().is_none_or(|byte| *byte >= 0xd0) {
            return Err("the length is not unsigned".into());
        }
        let size = usize::try_from(length).map_err(|error| error.to_string())?;
        let (mut packet, behind) =
            rest.split_at_checked(size).ok_or("the packet is shorter than its length")?;
        *rest = behind;
        let header = entries(&mut packet)?.ok_or("the header is not a map")?;
        let behind_header = packet;
        let body = if packet.is_empty() {
            Body::Absent
        } else if let Some(entries) = entries(&mut packet)? {
            Body::Map(entries)
        } else {
            Body::NotMap(value(&mut packet)?.0)
        };
        Ok(Self { length, header, behind_header, body, trailing: packet })
    }

    /// The value of a key of the header; the last one if there are several.
    pub(crate) fn in_header(&self, key: u64) -> Option<&Value> {
        let mut entries = self.header.iter().rev();
        entries.find(|entry| entry.number() == Some(key)).map(|entry| &entry.value)
    }

    /// The entries of the body, none if it is absent.
    pub(crate) fn entries(&self) -> Option<&[Entry<'a>]> {
        match &self.body {
            Body::Absent => Some(&[]),
            Body::Map(entries) => Some(entries),
            Body::NotMap(_) => None,
        }
    }

    /// The first entry of the body with this key.
    pub(crate) fn entry(&self, key: u64) -> Option<&Entry<'a>> {
        let mut entries = self.entries()?.iter();
        entries.find(|entry| entry.number() == Some(key))
    }
}

/// One value and its bytes.
pub(crate) fn value<'a>(rest: &mut &'a [u8]) -> Result<(Value, &'a [u8]), String> {
    let start = *rest;
    let value = rmpv::decode::read_value(rest).map_err(|error| error.to_string())?;
    Ok((value, &start[..start.len() - rest.len()]))
}

/// The one value that `bytes` are.
pub(crate) fn whole(mut bytes: &[u8]) -> Result<Value, String> {
    let (value, _) = value(&mut bytes)?;
    if bytes.is_empty() {
        Ok(value)
    } else {
        Err(format!("{} bytes behind the value", bytes.len()))
    }
}

/// The pairs of the map at the start of `rest`; `None` and nothing taken if there is none.
fn entries<'a>(rest: &mut &'a [u8]) -> Result<Option<Vec<Entry<'a>>>, String> {
    let Some(count) = collection(rest, 0x80, 0xde) else {
        return Ok(None);
    };
    let mut entries = Vec::new();
    for _ in 0..count {
        let (key, key_bytes) = value(rest)?;
        let (value, bytes) = value(rest)?;
        entries.push(Entry { key, key_bytes, value, bytes });
    }
    Ok(Some(entries))
}

/// The bytes of each element of an array; `None` if `bytes` are no array.
pub(crate) fn elements(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let count = collection(&mut bytes, 0x90, 0xdc)?;
    (0..count).map(|_| value(&mut bytes).ok().map(|(_, element)| element)).collect()
}

/// The size of a map or an array, whose header is taken.
fn collection(rest: &mut &[u8], short: u8, long: u8) -> Option<usize> {
    let (&marker, behind) = rest.split_first()?;
    let width = match marker {
        _ if marker & 0xf0 == short => 0,
        _ if marker == long => 2,
        _ if marker == long + 1 => 4,
        _ => return None,
    };
    let (size, behind) = behind.split_at_checked(width)?;
    *rest = behind;
    Some(match width {
        0 => usize::from(marker & 0x0f),
        _ => size.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
    })
}

/// The shortest bytes of a value.
pub(crate) fn shortest(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    match value {
        // `rmpv` would make these binary data.
        Value::String(text) if text.is_err() && text.as_bytes().len() < 32 => {
            bytes.push(0xa0 | text.as_bytes().len() as u8);
            bytes.extend_from_slice(text.as_bytes());
        }
        Value::Array(elements) if elements.len() < 16 => {
            bytes.push(0x90 | elements.len() as u8);
            bytes.extend(elements.iter().flat_map(shortest));
        }
        _ => rmpv::encode::write_value(&mut bytes, value).expect("memory does not fail"),
    }
    bytes
}
