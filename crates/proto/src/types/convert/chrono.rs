//! Points in time of the crate `chrono`.

use chrono::{DateTime, FixedOffset, Offset, TimeZone, Utc};

use super::with_offset;
use crate::types::{Datetime, InvalidValue};

/// Fails if the offset is not in whole minutes, or not within -720 and 840 of them. A leap second
/// becomes the one after it.
impl<Z: TimeZone> TryFrom<DateTime<Z>> for Datetime {
    type Error = InvalidValue;

    fn try_from(time: DateTime<Z>) -> Result<Self, InvalidValue> {
        let nanoseconds = time.timestamp_subsec_nanos();
        let leap = i64::from(nanoseconds / 1_000_000_000);
        let offset = time.offset().fix().local_minus_utc();
        with_offset(time.timestamp() + leap, nanoseconds % 1_000_000_000, offset)
    }
}

/// Fails for years that chrono does not have, above 262,000 and below -262,000.
impl TryFrom<Datetime> for DateTime<Utc> {
    type Error = InvalidValue;

    fn try_from(time: Datetime) -> Result<Self, InvalidValue> {
        let (seconds, nanoseconds) = time.instant();
        Self::from_timestamp(seconds, nanoseconds)
            .ok_or(InvalidValue("chrono has no such time: the year is out of its range"))
    }
}

/// With the offset, without the zone's name. Fails as the conversion into that of `Utc` does.
impl TryFrom<Datetime> for DateTime<FixedOffset> {
    type Error = InvalidValue;

    fn try_from(time: Datetime) -> Result<Self, InvalidValue> {
        let offset = FixedOffset::east_opt(i32::from(time.offset()) * 60)
            .ok_or(InvalidValue("chrono has no such offset"))?;
        Ok(DateTime::<Utc>::try_from(time)?.with_timezone(&offset))
    }
}
