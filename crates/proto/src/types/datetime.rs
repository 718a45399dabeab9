//! Points in time.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::extension::{self, Extension};
use super::{Ext, InvalidValue, zone_name};
use crate::msgpack::write;

const PER_SECOND: u32 = 1_000_000_000;

/// A point in time with a time zone (server 2.10).
///
/// The time is that of UTC. Offset and zone tell how to show it and change nothing else: two values
/// are equal, and in order, by their time alone.
///
/// It shows as the server does, and in the form `{:#}` as RFC 9557 has it, which is RFC 3339 with
/// the name of the zone; that form is what reading takes, and what formats for people get. To
/// calculate with it, convert it into a type of a crate, by the features `jiff-0_2`, `chrono-0_4`
/// and `time-0_3`.
///
/// ```
/// use tarantool_proto::types::{Datetime, zone_index};
///
/// let moscow = zone_index("Europe/Moscow").unwrap_or_default();
/// let time = Datetime::new(1_700_000_000, 0)?.with_offset(180)?.with_zone(moscow)?;
/// assert_eq!(time.to_string(), "2023-11-15T01:13:20 Europe/Moscow");
/// assert_eq!(format!("{time:#}"), "2023-11-15T01:13:20+03:00[Europe/Moscow]");
/// assert_eq!(time, "2023-11-14T22:13:20Z".parse()?);
/// # Ok::<(), tarantool_proto::types::InvalidValue>(())
/// ```
#[derive(Clone, Copy)]
pub struct Datetime {
    seconds: i64,
    nanoseconds: u32,
    offset: i16,
    zone: u16,
}

impl Datetime {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self { seconds: 0, nanoseconds: 0, offset: 0, zone: 0 };
    /// Seconds of the earliest time that servers take, in the year -5879610.
    pub const SECONDS_MIN: i64 = -185_604_722_870_400;
    /// Seconds of the latest time that servers take, in the year 5879611.
    pub const SECONDS_MAX: i64 = 185_480_451_417_600;
    /// The least offset, in minutes.
    pub const OFFSET_MIN: i16 = -720;
    /// The largest offset, in minutes.
    pub const OFFSET_MAX: i16 = 840;
    /// The largest index of a zone; not all of them are in use.
    pub const ZONE_MAX: u16 = 1024;

    /// The time in UTC, in seconds since 1970-01-01T00:00:00Z and nanoseconds after them, which
    /// count forwards before 1970 too: half a second before it is -1 and 500,000,000.
    ///
    /// # Errors
    /// The seconds are not within [`SECONDS_MIN`](Self::SECONDS_MIN) and
    /// [`SECONDS_MAX`](Self::SECONDS_MAX), or there are 1,000,000,000 nanoseconds or more.
    pub const fn new(seconds: i64, nanoseconds: u32) -> Result<Self, InvalidValue> {
        if nanoseconds >= PER_SECOND {
            return Err(InvalidValue("a second has nanoseconds from 0 to 999,999,999"));
        }
        if seconds < Self::SECONDS_MIN || seconds > Self::SECONDS_MAX {
            return Err(InvalidValue("the time is before or after all that servers take"));
        }
        Ok(Self { seconds, nanoseconds, offset: 0, zone: 0 })
    }

    /// The same time, shown as it is that many minutes east of UTC.
    ///
    /// # Errors
    /// It is not within -720 and 840 minutes.
    pub const fn with_offset(self, minutes: i16) -> Result<Self, InvalidValue> {
        if minutes < Self::OFFSET_MIN || minutes > Self::OFFSET_MAX {
            return Err(InvalidValue("the offset of a datetime is within -720 and 840 minutes"));
        }
        Ok(Self { offset: minutes, ..self })
    }

    /// The same time, with the zone of this index; see [`zone_index`](super::zone_index).
    ///
    /// The offset stays as it is. Set the one that the zone has at that time: the server shows the
    /// zone's name and the time of the offset.
    ///
    /// # Errors
    /// The index is more than 1024. Those that no zone has are taken.
    pub const fn with_zone(self, index: u16) -> Result<Self, InvalidValue> {
        if index > Self::ZONE_MAX {
            return Err(InvalidValue("the index of a time zone is at most 1024"));
        }
        Ok(Self { zone: index, ..self })
    }

    /// Seconds since 1970-01-01T00:00:00Z, without what the nanoseconds make of them.
    #[must_use]
    pub const fn seconds(&self) -> i64 {
        self.seconds
    }

    /// Nanoseconds after the seconds. Servers let a value with up to 1,999,999,999 of them pass.
    #[must_use]
    pub const fn nanoseconds(&self) -> u32 {
        self.nanoseconds
    }

    /// The offset from UTC in minutes, positive in the east.
    #[must_use]
    pub const fn offset(&self) -> i16 {
        self.offset
    }

    /// The index of the time zone; 0: none.
    #[must_use]
    pub const fn zone(&self) -> u16 {
        self.zone
    }

    /// The name of the time zone, such as `Europe/Moscow`; `None` if there is none, or one that
    /// server 3.7 does not know.
    #[must_use]
    pub fn zone_name(&self) -> Option<&'static str> {
        zone_name(self.zone)
    }

    /// Seconds and nanoseconds, with less than a second of them.
    pub(super) const fn instant(&self) -> (i64, u32) {
        (self.seconds + (self.nanoseconds / PER_SECOND) as i64, self.nanoseconds % PER_SECOND)
    }

    /// Reads the payload of an extension value, as [`Token::Ext`](crate::msgpack::Token::Ext) has
    /// it.
    ///
    /// # Errors
    /// There are not 8 or 16 bytes, or a number in them is out of range.
    pub fn decode(payload: &[u8]) -> Result<Self, InvalidValue> {
        const LENGTH: InvalidValue = InvalidValue("a datetime has 8 or 16 bytes");
        let (seconds, rest) = payload.split_first_chunk().ok_or(LENGTH)?;
        let time = Self::new(i64::from_le_bytes(*seconds), 0)?;
        let [n0, n1, n2, n3, o0, o1, z0, z1] = *rest else {
            return if rest.is_empty() { Ok(time) } else { Err(LENGTH) };
        };
        // A negative number is a large one here.
        let nanoseconds = u32::from_le_bytes([n0, n1, n2, n3]);
        if nanoseconds >= 2 * PER_SECOND {
            return Err(InvalidValue("a datetime has nanoseconds from 0 to 1,999,999,999"));
        }
        let time = time.with_offset(i16::from_le_bytes([o0, o1]))?;
        let time = time.with_zone(u16::from_le_bytes([z0, z1]))?;
        Ok(Self { nanoseconds, ..time })
    }

    /// Appends it to `out` as a MessagePack value, as servers encode it: 8 bytes where they do,
    /// else 16.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let tagged = self.tagged();
        write::ext(out, Ext::DATETIME, tagged.get(1..self.tagged_length()).unwrap_or_default());
    }

    /// The number of the type and the payload, in its long form.
    fn tagged(&self) -> [u8; 17] {
        let mut tagged = [Ext::DATETIME as u8; 17];
        tagged[1..9].copy_from_slice(&self.seconds.to_le_bytes());
        tagged[9..13].copy_from_slice(&self.nanoseconds.to_le_bytes());
        tagged[13..15].copy_from_slice(&self.offset.to_le_bytes());
        tagged[15..].copy_from_slice(&self.zone.to_le_bytes());
        tagged
    }

    const fn tagged_length(&self) -> usize {
        match (self.nanoseconds, self.offset, self.zone) {
            (0, 0, 0) => 9,
            _ => 17,
        }
    }
}

impl Ord for Datetime {
    fn cmp(&self, other: &Self) -> Ordering {
        self.instant().cmp(&other.instant())
    }
}

impl PartialOrd for Datetime {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Datetime {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Datetime {}

impl Hash for Datetime {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.instant().hash(state);
    }
}

impl Extension for Datetime {
    const KIND: i8 = Ext::DATETIME;

    fn from_payload(payload: &[u8]) -> Result<Self, InvalidValue> {
        Self::decode(payload)
    }
}

/// Text in formats for people, with the offset and the zone's name.
impl Serialize for Datetime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tagged = self.tagged();
        let tagged = tagged.get(..self.tagged_length()).unwrap_or_default();
        extension::serialize(&format_args!("{self:#}"), tagged, serializer)
    }
}

impl<'de> Deserialize<'de> for Datetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        extension::deserialize(deserializer)
    }
}
