//! Points in time of the crate `time`.

use time::{OffsetDateTime, UtcOffset};

use super::with_offset;
use crate::types::{Datetime, InvalidValue};

/// Fails if the offset is not in whole minutes, or not within -720 and 840 of them.
impl TryFrom<OffsetDateTime> for Datetime {
    type Error = InvalidValue;

    fn try_from(time: OffsetDateTime) -> Result<Self, InvalidValue> {
        with_offset(time.unix_timestamp(), time.nanosecond(), time.offset().whole_seconds())
    }
}

/// With the offset, without the zone's name. Fails for years that `time` does not have: without its
/// feature `large-dates` those above 9999 and below -9999.
impl TryFrom<Datetime> for OffsetDateTime {
    type Error = InvalidValue;

    fn try_from(time: Datetime) -> Result<Self, InvalidValue> {
        const RANGE: InvalidValue =
            InvalidValue("the crate time has no such time: the year is out of its range");
        let (seconds, nanoseconds) = time.instant();
        let offset = UtcOffset::from_whole_seconds(i32::from(time.offset()) * 60);
        let utc = Self::from_unix_timestamp(seconds).map_err(|_| RANGE)?;
        let utc = utc.replace_nanosecond(nanoseconds).map_err(|_| RANGE)?;
        utc.checked_to_offset(offset.map_err(|_| RANGE)?).ok_or(RANGE)
    }
}
