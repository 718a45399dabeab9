//! Values of MessagePack extensions: what rows, arguments and results hold besides the plain types.
//!
//! All of them are columns, arguments and results through serde, as in this row:
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use tarantool_proto::msgpack;
//! use tarantool_proto::types::{Datetime, Decimal, Uuid};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct Payment { id: Uuid, amount: Decimal, at: Option<Datetime> }
//!
//! let payment = Payment {
//!     id: "64d22e4d-ac92-4a23-899a-e59f34af5479".parse()?,
//!     amount: "12.30".parse()?,
//!     at: Some("2023-11-14T22:13:20Z".parse()?),
//! };
//! let mut row = Vec::new();
//! msgpack::write_array(&mut row, &payment)?;
//! assert_eq!(msgpack::from_slice::<Payment>(&row)?, payment);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Serializers for people, such as that of JSON, get decimals, uuids and datetimes as text; other
//! binary ones get bytes.
//!
//! # Conversions
//!
//! Features of this crate, off by default, add `From` and `TryFrom` in both directions. They never
//! change a value: what the other type does not hold is an error.
//!
//! | feature | types |
//! |---|---|
//! | `rust_decimal-1` | [`Decimal`] and `rust_decimal::Decimal`, which has 28 digits |
//! | `bigdecimal-0_4` | [`Decimal`] and `bigdecimal::BigDecimal`, which has no -0 |
//! | `uuid-1` | [`Uuid`] and `uuid::Uuid` |
//! | `chrono-0_4` | [`Datetime`] and `chrono::DateTime` of `Utc` and `FixedOffset`; from that of any zone |
//! | `time-0_3` | [`Datetime`] and `time::OffsetDateTime` |
//! | `jiff-0_2` | [`Datetime`] and `jiff::Timestamp`, `jiff::Zoned`; [`Interval`] and `jiff::Span` |
//!
//! The name of a zone comes from `jiff::Zoned` and goes nowhere: with
//! [`zone_name`](Datetime::zone_name) a crate that knows time zones makes one of its own.

mod calendar;
mod convert;
mod datetime;
mod datetime_text;
mod decimal;
mod decimal_text;
mod decimal_wire;
mod error;
mod ext;
mod extension;
mod interval;
mod uuid;
mod value;
mod zones;

use std::fmt;

pub use datetime::Datetime;
pub use decimal::Decimal;
pub use ext::Ext;
pub use interval::{Adjust, Interval};
pub use uuid::Uuid;
pub use value::Value;
pub use zones::{zone_index, zone_name};

/// A text, bytes or numbers that are no value of the type that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidValue(&'static str);

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidValue {}
