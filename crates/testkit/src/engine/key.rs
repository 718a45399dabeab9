//! Keys of requests and of tuples, as bytes in the order of an index.

use std::sync::Arc;

use tarantool_proto::ErrorCode;
use tarantool_proto::msgpack::{Reader, Token};

use super::Part;
use super::failure::Failure;
use super::format::{NIL, malformed, not_an_array, token};
use super::scalar::{self, BYTES_END};

/// The key of a tuple in an index, see [`scalar`].
pub(super) type Key = Arc<[u8]>;

/// The key of a request: all of an index's parts, or the first of them.
#[derive(Debug)]
pub(super) struct Search {
    /// What the keys that it means begin with.
    pub(super) prefix: Vec<u8>,
    /// The last part is a string or binary data.
    ends_in_bytes: bool,
}

impl Search {
    /// Reads an array of values for `parts`, of which the last may be left out.
    ///
    /// # Errors
    /// 20: not MessagePack, 22: not an array, 31: too many values, 18: a type.
    pub(super) fn read(key: &[u8], parts: &[Part]) -> Result<Self, Failure> {
        let mut reader = Reader::new(key);
        let Token::Array(count) = token(&mut reader)? else {
            return Err(not_an_array());
        };
        let Some(parts) = parts.get(..count) else {
            let text =
                format!("Invalid key part count (expected [0..{}], got {count})", parts.len());
            return Err(Failure::new(ErrorCode::KEY_PART_COUNT, text));
        };
        let mut prefix = Vec::with_capacity(32);
        let last = read_values(&mut reader, parts, &mut prefix)?;
        if !reader.is_empty() {
            return Err(malformed());
        }
        let ends_in_bytes = matches!(last.last, Token::Str(_) | Token::Bin(_));
        Ok(Self { prefix, ends_in_bytes })
    }

    /// What keys begin with whose last part begins with the key's last part, if that is a string.
    pub(super) fn string_prefix(&self) -> &[u8] {
        let end = if self.ends_in_bytes { BYTES_END } else { 0 };
        let length = self.prefix.len().saturating_sub(end);
        self.prefix.get(..length).unwrap_or_default()
    }
}

/// What was seen in the values of a key.
pub(super) struct Values<'a> {
    pub(super) has_nil: bool,
    last: Token<'a>,
}

/// Reads a value for each of `parts` and appends it to `out`.
///
/// # Errors
/// 20: not MessagePack, 18: a type.
pub(super) fn read_values<'a>(
    reader: &mut Reader<'a>,
    parts: &[Part],
    out: &mut Vec<u8>,
) -> Result<Values<'a>, Failure> {
    let mut values = Values { has_nil: false, last: Token::Nil };
    for (number, part) in parts.iter().enumerate() {
        let value = token(reader)?;
        let is_nil = value == Token::Nil;
        if !(part.kind.accepts(&value) || (is_nil && part.is_nullable)) {
            let text = format!(
                "Supplied key type of part {number} does not match index part type: expected {}",
                part.kind.name()
            );
            return Err(Failure::new(ErrorCode::KEY_PART_TYPE, text));
        }
        values.has_nil |= is_nil;
        values.last = value;
        scalar::encode(&value, out).ok_or_else(malformed)?;
    }
    Ok(values)
}

/// The least bytes that are greater than all which begin with `prefix`. `None`: there are none.
pub(super) fn after(prefix: &[u8]) -> Option<Vec<u8>> {
    let length = prefix.iter().rposition(|byte| *byte != 0xff)?.saturating_add(1);
    let mut after = prefix.get(..length)?.to_vec();
    *after.last_mut()? += 1;
    Some(after)
}

/// The value of a part in a tuple, of which `fields` are the first; nil if it has none.
pub(super) fn field<'a>(fields: &[&'a [u8]], part: &Part) -> &'a [u8] {
    fields.get(part.field).copied().unwrap_or(NIL)
}

/// Appends the values of `parts` in a tuple that has been checked. Returns whether one is nil.
pub(super) fn encode(fields: &[&[u8]], parts: &[Part], out: &mut Vec<u8>) -> bool {
    let mut has_nil = false;
    for part in parts {
        let value = Reader::new(field(fields, part)).token().unwrap_or(Token::Nil);
        has_nil |= value == Token::Nil;
        // The format has refused what cannot be encoded.
        let _ = scalar::encode(&value, out);
    }
    has_nil
}
