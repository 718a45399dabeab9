//! UUIDs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::extension::{self, Extension};
use super::{Ext, InvalidValue};
use crate::msgpack::write;

/// A UUID (server 2.4.1).
///
/// Orders by its bytes, as indexes of the type `uuid` do. Lua of server 2.6 was seen to refuse those
/// of the reserved variant, whose fourth group begins with `e` or `f`; spaces there take them.
///
/// ```
/// use tarantool_proto::types::Uuid;
///
/// let id: Uuid = "64d22e4d-ac92-4a23-899a-e59f34af5479".parse()?;
/// assert_eq!(id.to_string(), "64d22e4d-ac92-4a23-899a-e59f34af5479");
/// assert_eq!(Uuid::from_u128(0x64d22e4d_ac92_4a23_899a_e59f34af5479), id);
/// # Ok::<(), tarantool_proto::types::InvalidValue>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// The UUID of zeros.
    pub const NIL: Self = Self([0; 16]);

    /// From its bytes, in the order of the text.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes, in the order of the text.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From the number that its text is in hexadecimal.
    #[must_use]
    pub const fn from_u128(number: u128) -> Self {
        Self(number.to_be_bytes())
    }

    /// The number that its text is in hexadecimal.
    #[must_use]
    pub const fn as_u128(&self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// Whether all bytes are zero.
    #[must_use]
    pub const fn is_nil(&self) -> bool {
        self.as_u128() == 0
    }

    /// Reads the payload of an extension value, as [`Token::Ext`](crate::msgpack::Token::Ext) has
    /// it.
    ///
    /// # Errors
    /// There are more or less than 16 bytes.
    pub fn decode(payload: &[u8]) -> Result<Self, InvalidValue> {
        let bytes = payload.try_into().map_err(|_| InvalidValue("a uuid has 16 bytes"))?;
        Ok(Self(bytes))
    }

    /// Appends it to `out` as a MessagePack value.
    pub fn encode(&self, out: &mut Vec<u8>) {
        write::ext(out, Ext::UUID, &self.0);
    }
}

impl From<[u8; 16]> for Uuid {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl From<Uuid> for [u8; 16] {
    fn from(uuid: Uuid) -> Self {
        uuid.0
    }
}

/// Where a hyphen follows, in hexadecimal digits from the start.
const GROUPS: [usize; 4] = [8, 12, 16, 20];

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (index, byte) in self.0.iter().enumerate() {
            if GROUPS.contains(&(2 * index)) {
                at += 1;
            }
            text[at] = DIGITS[usize::from(byte >> 4)];
            text[at + 1] = DIGITS[usize::from(byte & 0x0f)];
            at += 2;
        }
        f.pad(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}

/// Reads 32 hexadecimal digits of either case, in groups of 8, 4, 4, 4 and 12 with hyphens or in
/// one.
impl FromStr for Uuid {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        const WRONG: InvalidValue =
            InvalidValue("a uuid is 32 hexadecimal digits, with hyphens after 8, 12, 16 and 20");
        let has_hyphens = match text.len() {
            36 => true,
            32 => false,
            _ => return Err(WRONG),
        };
        let mut number = 0_u128;
        let mut digits = 0;
        let mut after_hyphen = false;
        for byte in text.bytes() {
            if has_hyphens && !after_hyphen && GROUPS.contains(&digits) {
                if byte != b'-' {
                    return Err(WRONG);
                }
                after_hyphen = true;
                continue;
            }
            let digit = char::from(byte).to_digit(16).ok_or(WRONG)?;
            number = number << 4 | u128::from(digit);
            digits += 1;
            after_hyphen = false;
        }
        Ok(Self::from_u128(number))
    }
}

impl Extension for Uuid {
    const KIND: i8 = Ext::UUID;

    fn from_payload(payload: &[u8]) -> Result<Self, InvalidValue> {
        Self::decode(payload)
    }
}

/// Text in formats for people.
impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tagged = [Ext::UUID as u8; 17];
        tagged[1..].copy_from_slice(&self.0);
        extension::serialize(self, &tagged, serializer)
    }
}

impl<'de> Deserialize<'de> for Uuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        extension::deserialize(deserializer)
    }
}
