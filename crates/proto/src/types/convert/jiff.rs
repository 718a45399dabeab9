//! Points and spans of time of the crate `jiff`.

use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp, Zoned};

use super::with_offset;
use crate::types::{Datetime, Interval, InvalidValue, zone_index};

const RANGE: InvalidValue = InvalidValue("jiff has no such time: the year is out of its range");
const PER_SECOND: i128 = 1_000_000_000;

impl From<Timestamp> for Datetime {
    fn from(time: Timestamp) -> Self {
        // Years of four digits are in the range of servers.
        utc(time, 0).unwrap_or(Self::EPOCH)
    }
}

fn utc(time: Timestamp, offset: i32) -> Result<Datetime, InvalidValue> {
    let nanoseconds = time.as_nanosecond();
    let seconds = nanoseconds.div_euclid(PER_SECOND) as i64;
    with_offset(seconds, nanoseconds.rem_euclid(PER_SECOND) as u32, offset)
}

/// Fails for years that jiff does not have, above 9999 and below -9999.
impl TryFrom<Datetime> for Timestamp {
    type Error = InvalidValue;

    fn try_from(time: Datetime) -> Result<Self, InvalidValue> {
        let (seconds, nanoseconds) = time.instant();
        let nanoseconds = i128::from(seconds) * PER_SECOND + i128::from(nanoseconds);
        Self::from_nanosecond(nanoseconds).map_err(|_| RANGE)
    }
}

/// With the zone, if servers know its name and it is not UTC. Fails if the offset is not in whole minutes, or not
/// within -720 and 840 of them.
impl TryFrom<&Zoned> for Datetime {
    type Error = InvalidValue;

    fn try_from(time: &Zoned) -> Result<Self, InvalidValue> {
        // An offset of zero without a zone has this name too.
        let name = time.time_zone().iana_name().filter(|name| *name != "UTC");
        let zone = name.and_then(zone_index).unwrap_or(0);
        utc(time.timestamp(), time.offset().seconds())?.with_zone(zone)
    }
}

/// As from a reference.
impl TryFrom<Zoned> for Datetime {
    type Error = InvalidValue;

    fn try_from(time: Zoned) -> Result<Self, InvalidValue> {
        (&time).try_into()
    }
}

/// In a zone of the fixed offset. Fails as the conversion into a `Timestamp` does. For the named
/// zone take that, and `in_tz` with the name.
impl TryFrom<Datetime> for Zoned {
    type Error = InvalidValue;

    fn try_from(time: Datetime) -> Result<Self, InvalidValue> {
        let offset = Offset::from_seconds(i32::from(time.offset()) * 60).map_err(|_| RANGE)?;
        Ok(Timestamp::try_from(time)?.to_zoned(TimeZone::fixed(offset)))
    }
}

/// Adjusts as jiff does, to the last day of a month. Fails if a part is out of range.
impl TryFrom<Span> for Interval {
    type Error = InvalidValue;

    fn try_from(span: Span) -> Result<Self, InvalidValue> {
        const RANGE: InvalidValue =
            InvalidValue("the span has more nanoseconds than intervals have");
        let below_seconds = i128::from(span.get_milliseconds()) * 1_000_000
            + i128::from(span.get_microseconds()) * 1_000
            + i128::from(span.get_nanoseconds());
        let seconds = i64::try_from(below_seconds / PER_SECOND).map_err(|_| RANGE)?;
        Ok(Self {
            years: span.get_years().into(),
            months: span.get_months(),
            weeks: span.get_weeks(),
            days: span.get_days().into(),
            hours: span.get_hours().into(),
            minutes: span.get_minutes(),
            seconds: span.get_seconds().checked_add(seconds).ok_or(RANGE)?,
            nanoseconds: (below_seconds % PER_SECOND) as i32,
            ..Self::default()
        })
    }
}

/// Without how to adjust. Fails if a part is out of range, or if some are positive and some negative:
/// a span has one sign.
impl TryFrom<Interval> for Span {
    type Error = InvalidValue;

    fn try_from(interval: Interval) -> Result<Self, InvalidValue> {
        let parts = interval.parts();
        let parts = &parts[..8];
        if parts.iter().any(|part| *part > 0) && parts.iter().any(|part| *part < 0) {
            return Err(InvalidValue("a span of jiff has one sign, the interval has two"));
        }
        Self::new()
            .try_years(interval.years)
            .and_then(|span| span.try_months(interval.months))
            .and_then(|span| span.try_weeks(interval.weeks))
            .and_then(|span| span.try_days(interval.days))
            .and_then(|span| span.try_hours(interval.hours))
            .and_then(|span| span.try_minutes(interval.minutes))
            .and_then(|span| span.try_seconds(interval.seconds))
            .and_then(|span| span.try_nanoseconds(i64::from(interval.nanoseconds)))
            .map_err(|_| InvalidValue("a part of the interval is out of the range of jiff"))
    }
}
