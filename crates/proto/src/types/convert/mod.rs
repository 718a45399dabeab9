//! Conversions from and to types of other crates, each under its feature.

#[cfg(feature = "bigdecimal-0_4")]
mod bigdecimal;
#[cfg(feature = "chrono-0_4")]
mod chrono;
#[cfg(feature = "jiff-0_2")]
mod jiff;
#[cfg(feature = "rust_decimal-1")]
mod rust_decimal;
#[cfg(feature = "time-0_3")]
mod time;
#[cfg(feature = "uuid-1")]
mod uuid;

#[cfg(any(feature = "chrono-0_4", feature = "jiff-0_2", feature = "time-0_3"))]
use super::{Datetime, InvalidValue};

/// A time in UTC with an offset in seconds.
#[cfg(any(feature = "chrono-0_4", feature = "jiff-0_2", feature = "time-0_3"))]
fn with_offset(seconds: i64, nanoseconds: u32, offset: i32) -> Result<Datetime, InvalidValue> {
    if offset % 60 != 0 {
        return Err(InvalidValue("the offset of a datetime is in minutes; this one has seconds"));
    }
    let minutes = i16::try_from(offset / 60).unwrap_or(i16::MAX);
    Datetime::new(seconds, nanoseconds)?.with_offset(minutes)
}
