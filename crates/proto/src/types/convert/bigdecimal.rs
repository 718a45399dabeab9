//! Decimals of the crate `bigdecimal`: any number of digits.

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::{BigInt, Sign};

use crate::types::decimal::{DIGITS_MAX, SCALE, SCALE_MAX};
use crate::types::decimal_wire::{Collector, split};
use crate::types::{Decimal, InvalidValue};

/// -0 becomes 0.
impl From<Decimal> for BigDecimal {
    fn from(decimal: Decimal) -> Self {
        let sign = if decimal.is_negative() { Sign::Minus } else { Sign::Plus };
        let (digits, first) = split(decimal.coefficient_digits());
        let digits = digits.get(first..).unwrap_or_default();
        let digits = BigInt::from_radix_be(sign, digits, 10).unwrap_or_default();
        Self::new(digits, decimal.scale().into())
    }
}

/// Fails if it has more than 76 digits, zeros at its end aside, or a scale not within ±999,999.
impl TryFrom<&BigDecimal> for Decimal {
    type Error = InvalidValue;

    fn try_from(decimal: &BigDecimal) -> Result<Self, InvalidValue> {
        let (digits, mut scale) = decimal.as_bigint_and_exponent();
        let (sign, mut digits) = digits.to_radix_be(10);
        while digits.len() > DIGITS_MAX as usize && digits.last() == Some(&0) {
            digits.pop();
            scale = scale.saturating_sub(1);
        }
        let mut collector = Collector::default();
        for digit in digits {
            collector.push(digit)?;
        }
        let scale = i32::try_from(scale).ok().filter(|it| (-SCALE_MAX..=SCALE_MAX).contains(it));
        let scale = scale.ok_or(InvalidValue(SCALE))?;
        Ok(Self::from_parts(collector.finish(), scale, sign == Sign::Minus))
    }
}

/// As from a reference.
impl TryFrom<BigDecimal> for Decimal {
    type Error = InvalidValue;

    fn try_from(decimal: BigDecimal) -> Result<Self, InvalidValue> {
        (&decimal).try_into()
    }
}
