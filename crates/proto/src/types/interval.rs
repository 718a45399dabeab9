//! Differences between points in time.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::extension::{self, Extension};
use super::{Ext, InvalidValue};
use crate::msgpack::{Reader, Token, write};

/// An interval of time as the calendar has it (server 2.10): a month is one, however many days it
/// has. Two of them are equal if all parts are; they have no order.
///
/// ```
/// use tarantool_proto::types::Interval;
///
/// let interval = Interval { years: 1, months: 200, days: -77, ..Interval::default() };
/// assert_eq!(interval.to_string(), "+1 years, 200 months, -77 days");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Interval {
    /// Years.
    pub years: i32,
    /// Months.
    pub months: i32,
    /// Weeks.
    pub weeks: i32,
    /// Days.
    pub days: i64,
    /// Hours.
    pub hours: i64,
    /// Minutes.
    pub minutes: i64,
    /// Seconds.
    pub seconds: i64,
    /// Nanoseconds.
    pub nanoseconds: i32,
    /// Which day it is when months have been added.
    pub adjust: Adjust,
}

/// Which day it is when adding months comes to one that the month does not have, such as 31 April.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Adjust {
    /// The days too many go on in the next month: 1 May.
    Excess,
    /// The last day of the month: 30 April. The default, as that of `datetime.interval.new()`.
    #[default]
    None,
    /// As [`None`](Self::None), and from the last day of a month to the last day of one: a month
    /// after 28 February is 31 March.
    Last,
}

impl Adjust {
    const ALL: [Self; 3] = [Self::Excess, Self::None, Self::Last];

    const fn name(self) -> &'static str {
        match self {
            Self::Excess => "excess",
            Self::None => "none",
            Self::Last => "last",
        }
    }
}

impl Interval {
    /// Reads the payload of an extension value, as [`Token::Ext`] has it.
    ///
    /// # Errors
    /// It is no interval, has a part that is unknown, or a number that the part does not hold.
    pub fn decode(payload: &[u8]) -> Result<Self, InvalidValue> {
        const SHAPE: InvalidValue =
            InvalidValue("an interval is a count and pairs of a part and an integer");
        let (&count, pairs) = payload.split_first().ok_or(SHAPE)?;
        let mut reader = Reader::new(pairs);
        // What is not there is 0, of `adjust` too.
        let mut interval = Self { adjust: Adjust::Excess, ..Self::default() };
        for _ in 0..count {
            let part = reader.uint().map_err(|_| SHAPE)?;
            let number = match reader.token() {
                Ok(Token::Uint(number)) => i64::try_from(number).map_err(|_| TOO_LARGE)?,
                Ok(Token::Int(number)) => number,
                _ => return Err(SHAPE),
            };
            interval.set(part, number)?;
        }
        if reader.is_empty() { Ok(interval) } else { Err(SHAPE) }
    }

    /// Appends it to `out` as a MessagePack value, as servers encode it: parts that are zero are
    /// left out.
    pub fn encode(&self, out: &mut Vec<u8>) {
        write::ext(out, Ext::INTERVAL, self.tagged().get(1..).unwrap_or_default());
    }

    /// The number of the type and the payload.
    fn tagged(&self) -> Vec<u8> {
        let mut tagged = vec![Ext::INTERVAL as u8, 0];
        let mut count = 0;
        for (part, number) in (0..).zip(self.parts()) {
            if number != 0 {
                tagged.push(part);
                write::int(&mut tagged, number);
                count += 1;
            }
        }
        tagged[1] = count;
        tagged
    }

    /// By the numbers of the parts; the last is how to adjust.
    pub(super) fn parts(&self) -> [i64; 9] {
        [
            self.years.into(),
            self.months.into(),
            self.weeks.into(),
            self.days,
            self.hours,
            self.minutes,
            self.seconds,
            self.nanoseconds.into(),
            self.adjust as i64,
        ]
    }

    fn set(&mut self, part: u64, number: i64) -> Result<(), InvalidValue> {
        let small = i32::try_from(number).map_err(|_| TOO_LARGE);
        match part {
            0 => self.years = small?,
            1 => self.months = small?,
            2 => self.weeks = small?,
            3 => self.days = number,
            4 => self.hours = number,
            5 => self.minutes = number,
            6 => self.seconds = number,
            7 => self.nanoseconds = small?,
            8 => {
                let known = usize::try_from(number).ok().and_then(|it| Adjust::ALL.get(it));
                self.adjust =
                    *known.ok_or(InvalidValue("an interval adjusts as 0, 1 or 2 says"))?;
            }
            _ => return Err(InvalidValue("the parts of an interval are 0 to 8")),
        }
        Ok(())
    }
}

const TOO_LARGE: InvalidValue = InvalidValue("a part of an interval is too large");

/// By the numbers of the parts.
const NAMES: [&str; 8] =
    ["years", "months", "weeks", "days", "hours", "minutes", "seconds", "nanoseconds"];
const ADJUST: &str = "adjust";

/// As the server shows it: the parts that are not zero, the first with its sign.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts().into_iter().zip(NAMES).filter(|(number, _)| *number != 0);
        let mut is_first = true;
        for (number, name) in parts {
            if is_first {
                write!(f, "{number:+} {name}")?;
            } else {
                write!(f, ", {number} {name}")?;
            }
            is_first = false;
        }
        if is_first { f.write_str("0 seconds") } else { Ok(()) }
    }
}

impl Extension for Interval {
    const KIND: i8 = Ext::INTERVAL;

    fn from_payload(payload: &[u8]) -> Result<Self, InvalidValue> {
        Self::decode(payload)
    }
}

/// In formats for people a map of the parts that are not zero, and how to adjust.
impl Serialize for Interval {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return extension::to_extension(&self.tagged(), serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        for (number, name) in self.parts().into_iter().zip(NAMES) {
            if number != 0 {
                map.serialize_entry(name, &number)?;
            }
        }
        map.serialize_entry(ADJUST, self.adjust.name())?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return deserializer.deserialize_map(PartsVisitor);
        }
        extension::from_extension(deserializer)
    }
}

struct PartsVisitor;

impl<'de> Visitor<'de> for PartsVisitor {
    type Value = Interval;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of the parts of an interval")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Interval, A::Error> {
        let mut interval = Interval::default();
        while let Some(name) = map.next_key::<String>()? {
            let part = NAMES.iter().position(|known| *known == name);
            if let Some(part) = part {
                interval.set(part as u64, map.next_value()?).map_err(A::Error::custom)?;
            } else if name == ADJUST {
                let name: String = map.next_value()?;
                let adjust = Adjust::ALL.into_iter().find(|known| known.name() == name);
                interval.adjust = adjust
                    .ok_or_else(|| A::Error::unknown_variant(&name, &["excess", "none", "last"]))?;
            } else {
                return Err(A::Error::unknown_field(&name, &NAMES));
            }
        }
        Ok(interval)
    }
}
