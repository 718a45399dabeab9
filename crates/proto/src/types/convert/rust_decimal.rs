//! Decimals of the crate `rust_decimal`: 96 bits and a scale of at most 28.

use crate::types::decimal::Digits;
use crate::types::{Decimal, InvalidValue};

/// Digits behind the point that it has at most.
const SCALE_MAX: i32 = 28;

impl From<rust_decimal::Decimal> for Decimal {
    fn from(decimal: rust_decimal::Decimal) -> Self {
        // 96 bits are less than 38 digits.
        let digits = Digits { high: 0, low: decimal.mantissa().unsigned_abs() };
        Self::from_parts(digits, decimal.scale() as i32, decimal.is_sign_negative())
    }
}

/// Fails if it has more than 28 digits behind the point, zeros at its end aside, or with all its
/// digits is no number of 96 bits.
impl TryFrom<Decimal> for rust_decimal::Decimal {
    type Error = InvalidValue;

    fn try_from(decimal: Decimal) -> Result<Self, InvalidValue> {
        const ERROR: InvalidValue =
            InvalidValue("rust_decimal has 96 bits and 28 digits behind the point, too few for it");
        let (coefficient, scale) = decimal.plain(SCALE_MAX).ok_or(ERROR)?;
        let mut converted =
            Self::try_from_i128_with_scale(coefficient, scale).map_err(|_| ERROR)?;
        converted.set_sign_negative(decimal.is_negative());
        Ok(converted)
    }
}
