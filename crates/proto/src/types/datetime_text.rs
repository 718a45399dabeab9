//! Points in time as text.

use std::fmt;
use std::str::FromStr;

use super::calendar::{SECONDS_PER_DAY, date_of, days_in_month, days_of};
use super::{Datetime, InvalidValue, zone_index};

/// As the server shows it: `2023-11-14T22:13:20Z`, `2023-11-15T01:13:20.500+0300`, and with the
/// zone's name in place of the offset `2023-11-15T01:13:20 Europe/Moscow`.
///
/// `{:#}` is for machines: `2023-11-15T01:13:20.500+03:00[Europe/Moscow]`.
impl fmt::Display for Datetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanoseconds) = self.instant();
        let local = seconds + i64::from(self.offset()) * 60;
        let (year, month, day) = date_of(local.div_euclid(SECONDS_PER_DAY));
        let second = local.rem_euclid(SECONDS_PER_DAY);
        let width = if year < 0 { 5 } else { 4 };
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:0width$}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match nanoseconds {
            0 => {}
            _ if nanoseconds % 1_000_000 == 0 => write!(f, ".{:03}", nanoseconds / 1_000_000)?,
            _ if nanoseconds % 1_000 == 0 => write!(f, ".{:06}", nanoseconds / 1_000)?,
            _ => write!(f, ".{nanoseconds:09}")?,
        }
        match self.zone_name() {
            Some(name) if f.alternate() => {
                self.show_offset(f)?;
                write!(f, "[{name}]")
            }
            // Zones of one letter are the military ones.
            Some(name) if name.len() == 1 => f.write_str(name),
            Some(name) => write!(f, " {name}"),
            None if self.offset() == 0 => f.write_str("Z"),
            None => self.show_offset(f),
        }
    }
}

impl Datetime {
    fn show_offset(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.offset() < 0 { '-' } else { '+' };
        let minutes = self.offset().unsigned_abs();
        let colon = if f.alternate() { ":" } else { "" };
        write!(f, "{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
    }
}

impl fmt::Debug for Datetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Datetime({self:#})")
    }
}

/// Reads RFC 3339, with the name of a zone in brackets or without, years of more digits with or
/// without a sign, and offsets with or without a colon.
///
/// What the server shows is among that, unless a name stands in place of the offset: which one the
/// zone had at that time takes a database of time zones.
impl FromStr for Datetime {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let mut text = Cursor(text);
        let year_sign = text.sign();
        let year = text.number(4..=7)? * year_sign.unwrap_or(1);
        text.expect('-')?;
        let month = text.number(2..=2)? as u8;
        text.expect('-')?;
        let day = text.number(2..=2)? as u8;
        if !text.skip('T') && !text.skip('t') && !text.skip(' ') {
            return Err(InvalidValue(SHAPE));
        }
        let hour = text.number(2..=2)?;
        text.expect(':')?;
        let minute = text.number(2..=2)?;
        text.expect(':')?;
        let second = text.number(2..=2)?;
        if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
            return Err(InvalidValue("there is no such date"));
        }
        if hour > 23 || minute > 59 || second > 59 {
            return Err(InvalidValue("there is no such time of day"));
        }
        let nanoseconds = if text.skip('.') { text.fraction()? } else { 0 };
        let offset = text.offset()?;
        let zone = text.zone()?;
        let days = days_of(year, month, day);
        let local = days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
        Self::new(local - i64::from(offset) * 60, nanoseconds)?.with_offset(offset)?.with_zone(zone)
    }
}

const SHAPE: &str = "a datetime reads 2023-11-14T22:13:20.5+03:00, or with Z at its end";

struct Cursor<'t>(&'t str);

impl Cursor<'_> {
    fn skip(&mut self, wanted: char) -> bool {
        let rest = self.0.strip_prefix(wanted);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn expect(&mut self, wanted: char) -> Result<(), InvalidValue> {
        if self.skip(wanted) { Ok(()) } else { Err(InvalidValue(SHAPE)) }
    }

    fn sign(&mut self) -> Option<i64> {
        match (self.skip('-'), self.skip('+')) {
            (true, _) => Some(-1),
            (false, true) => Some(1),
            (false, false) => None,
        }
    }

    /// All digits that follow, which must be as many as that.
    fn number(&mut self, digits: std::ops::RangeInclusive<usize>) -> Result<i64, InvalidValue> {
        let count = self.0.bytes().take(*digits.end()).take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.0.split_at(count);
        if count < *digits.start() {
            return Err(InvalidValue(SHAPE));
        }
        self.0 = rest;
        number.parse().map_err(|_| InvalidValue(SHAPE))
    }

    fn fraction(&mut self) -> Result<u32, InvalidValue> {
        let before = self.0.len();
        let number = self.number(1..=9)?;
        if self.0.starts_with(|next: char| next.is_ascii_digit()) {
            return Err(InvalidValue("a datetime has at most nine digits of a second"));
        }
        let digits = before - self.0.len();
        Ok((0..9 - digits).fold(number as u32, |number, _| number * 10))
    }

    fn offset(&mut self) -> Result<i16, InvalidValue> {
        if self.skip('Z') || self.skip('z') {
            return Ok(0);
        }
        let Some(sign) = self.sign() else {
            return Err(InvalidValue("a datetime has an offset or Z at its end; a name says none"));
        };
        let hours = self.number(2..=2)?;
        self.skip(':');
        let minutes = self.number(2..=2)?;
        if minutes > 59 {
            return Err(InvalidValue("the minutes of an offset are 0 to 59"));
        }
        Ok((sign * (hours * 60 + minutes)) as i16)
    }

    /// The zone whose name follows in brackets; nothing else may.
    fn zone(&mut self) -> Result<u16, InvalidValue> {
        if self.0.is_empty() {
            return Ok(0);
        }
        let name = self.0.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        zone_index(name.ok_or(InvalidValue(SHAPE))?)
            .ok_or(InvalidValue("servers don't know a time zone of that name"))
    }
}
