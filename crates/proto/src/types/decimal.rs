//! Decimal numbers: value, comparison, conversions from and to Rust's numbers.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::InvalidValue;

/// Digits that a decimal may have, of servers since 3.5.
pub(super) const DIGITS_MAX: u32 = 76;
/// The largest scale and, negative, the smallest.
pub(super) const SCALE_MAX: i32 = 999_999;
/// Digits of each half of a coefficient.
const HALF_DIGITS: u32 = 38;
/// What each half of a coefficient is below.
const HALF: u128 = 10_u128.pow(HALF_DIGITS);

/// A decimal number (server 2.3.1): up to 76 digits, a scale and a sign.
///
/// It is the number of its digits divided by 10^scale: 1.50 has the digits 150 and the scale 2,
/// 1e5 the digit 1 and the scale -5. Digits and scale stay as they are given, as on the server, and
/// -0 is one. Comparing goes by value: 1.0 equals 1.00, and -0 equals 0.
///
/// Servers before 3.5 have 38 digits; see [`fits_38_digits`](Self::fits_38_digits). There is no
/// arithmetic: for that convert it into a type of a crate, by the features `rust_decimal-1` and
/// `bigdecimal-0_4`.
///
/// ```
/// use tarantool_proto::types::Decimal;
///
/// let price: Decimal = "12.30".parse()?;
/// assert_eq!(price, Decimal::new(1230, 2)?);
/// assert_eq!((price.digits(), price.scale()), (4, 2));
/// assert_eq!(price, "12.3".parse()?);
/// assert!(price > Decimal::from(12));
/// assert_eq!(price.to_string(), "12.30");
/// # Ok::<(), tarantool_proto::types::InvalidValue>(())
/// ```
// Without packing it would take 48 bytes, and values that hold one 64.
#[derive(Clone, Copy)]
#[repr(Rust, packed(8))]
pub struct Decimal {
    /// All digits but the last 38.
    high: u128,
    /// The last 38 digits.
    low: u128,
    scale: i32,
    is_negative: bool,
}

impl Decimal {
    /// 0.
    pub const ZERO: Self = Self { high: 0, low: 0, scale: 0, is_negative: false };

    /// `coefficient` / 10^`scale`; a negative scale stands for zeros at the end.
    ///
    /// # Errors
    /// The scale is not within ±999,999.
    pub const fn new(coefficient: i128, scale: i32) -> Result<Self, InvalidValue> {
        if scale.unsigned_abs() > SCALE_MAX.unsigned_abs() {
            return Err(InvalidValue(SCALE));
        }
        let digits = coefficient.unsigned_abs();
        let (high, low) = (digits / HALF, digits % HALF);
        Ok(Self { high, low, scale, is_negative: coefficient < 0 })
    }

    pub(super) const fn from_parts(digits: Digits, scale: i32, is_negative: bool) -> Self {
        Self { high: digits.high, low: digits.low, scale, is_negative }
    }

    pub(super) const fn coefficient_digits(&self) -> Digits {
        Digits { high: self.high, low: self.low }
    }

    /// How many digits it has, without zeros in front; at least 1.
    #[must_use]
    pub const fn digits(&self) -> u32 {
        self.coefficient_digits().count()
    }

    /// How many of the digits stand behind the point; negative: how many zeros follow them.
    #[must_use]
    pub const fn scale(&self) -> i32 {
        self.scale
    }

    /// The digits as a number, with the sign; `None` if there are too many for it, which 38 digits
    /// never are.
    #[must_use]
    pub const fn coefficient(&self) -> Option<i128> {
        let Some(high) = self.high.checked_mul(HALF) else {
            return None;
        };
        let Some(digits) = high.checked_add(self.low) else {
            return None;
        };
        if self.is_negative {
            0_i128.checked_sub_unsigned(digits)
        } else {
            0_i128.checked_add_unsigned(digits)
        }
    }

    /// Whether it is 0 or -0.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.high == 0 && self.low == 0
    }

    /// Whether it has a minus sign, as -0 has.
    #[must_use]
    pub const fn is_negative(&self) -> bool {
        self.is_negative
    }

    /// Whether servers before 3.5 have it: at most 38 digits, a scale of at most 38, less than
    /// 10^38 without the sign.
    ///
    /// They don't check what they get: 2.6 was seen to overrun its memory with more than 39 digits.
    #[must_use]
    pub const fn fits_38_digits(&self) -> bool {
        let digits = self.digits() as i32;
        self.high == 0 && self.scale <= 38 && (self.is_zero() || digits - self.scale <= 38)
    }

    /// The nearest number that a float holds. Most decimals have none of exactly their value.
    #[must_use]
    pub fn to_f64_lossy(self) -> f64 {
        // Both numbers are exact up to here, so that their quotient is the nearest one.
        if self.high == 0 && self.low < 1 << 53 && matches!(self.scale, 0..=22) {
            let number = self.low as f64 / 10_f64.powi(self.scale);
            return if self.is_negative { -number } else { number };
        }
        // A decimal shows as floats are written.
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// The same number without zeros at the end of its digits; zero gets the scale 0.
    fn trimmed(self) -> Self {
        if self.is_zero() {
            return Self { scale: 0, ..self };
        }
        let mut digits = self.coefficient_digits();
        let mut scale = self.scale;
        while let Some(shorter) = digits.without_last_zero() {
            digits = shorter;
            scale -= 1;
        }
        Self::from_parts(digits, scale, self.is_negative)
    }

    /// Coefficient and scale of the same number with a scale that is not negative and, if it is one
    /// more than `scale_max`, without zeros at the end.
    #[cfg(feature = "rust_decimal-1")]
    pub(super) fn plain(self, scale_max: i32) -> Option<(i128, u32)> {
        let number = if self.scale > scale_max { self.trimmed() } else { self };
        let zeros = u32::try_from(-number.scale.min(0)).ok()?;
        let coefficient = number.coefficient()?;
        if number.is_zero() {
            return Some((0, number.scale.max(0).unsigned_abs()));
        }
        let coefficient = coefficient.checked_mul(10_i128.checked_pow(zeros)?)?;
        Some((coefficient, number.scale.max(0).unsigned_abs()))
    }

    /// The number, if it is an integer of that range.
    fn to_integer(self) -> Option<i128> {
        let trimmed = self.trimmed();
        let zeros = u32::try_from(0_i32.checked_sub(trimmed.scale)?).ok()?;
        trimmed.coefficient()?.checked_mul(10_i128.checked_pow(zeros)?)
    }

    /// The power of ten of the first digit, plus one.
    const fn magnitude(&self) -> i32 {
        self.digits() as i32 - self.scale
    }

    /// -1, 0 or 1.
    const fn sign(&self) -> i8 {
        match (self.is_zero(), self.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    /// Two numbers of one magnitude compare as these do.
    const fn aligned(&self) -> Digits {
        self.coefficient_digits().shifted(DIGITS_MAX - self.digits())
    }
}

pub(super) const SCALE: &str = "the scale of a decimal is within ±999,999";
pub(super) const TOO_LONG: &str = "a decimal has at most 76 digits";

/// The digits of a decimal as an integer below 10^76.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Digits {
    pub(super) high: u128,
    pub(super) low: u128,
}

impl Digits {
    const fn count(self) -> u32 {
        match (self.high.checked_ilog10(), self.low.checked_ilog10()) {
            (Some(high), _) => HALF_DIGITS + high + 1,
            (None, Some(low)) => low + 1,
            (None, None) => 1,
        }
    }

    /// With `count` zeros at the end, for which there must be place.
    pub(super) const fn shifted(self, count: u32) -> Self {
        if count > HALF_DIGITS {
            return Self { high: self.low, low: 0 }.shifted(count - HALF_DIGITS);
        }
        let factor = 10_u128.pow(count);
        let carried = 10_u128.pow(HALF_DIGITS - count);
        if self.high == 0 && self.low < carried {
            return Self { high: 0, low: self.low * factor };
        }
        Self { high: self.high * factor + self.low / carried, low: self.low % carried * factor }
    }

    const fn without_last_zero(self) -> Option<Self> {
        if self.low % 10 != 0 {
            return None;
        }
        let carried = self.high % 10 * (HALF / 10);
        Some(Self { high: self.high / 10, low: carried + self.low / 10 })
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let signs = self.sign().cmp(&other.sign());
        if signs.is_ne() || self.is_zero() {
            return signs;
        }
        let absolute = if self.scale == other.scale {
            self.coefficient_digits().cmp(&other.coefficient_digits())
        } else {
            let magnitudes = self.magnitude().cmp(&other.magnitude());
            magnitudes.then_with(|| self.aligned().cmp(&other.aligned()))
        };
        if self.is_negative { absolute.reverse() } else { absolute }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Decimal {}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sign().hash(state);
        if !self.is_zero() {
            self.magnitude().hash(state);
            self.aligned().hash(state);
        }
    }
}

impl Default for Decimal {
    fn default() -> Self {
        Self::ZERO
    }
}

macro_rules! from_unsigned {
    ($($type:ty)*) => {$(
        impl From<$type> for Decimal {
            fn from(number: $type) -> Self {
                let number = u128::from(number);
                let digits = Digits { high: number / HALF, low: number % HALF };
                Self::from_parts(digits, 0, false)
            }
        }
    )*};
}

from_unsigned!(u8 u16 u32 u64 u128);

macro_rules! from_signed {
    ($($type:ty)*) => {$(
        impl From<$type> for Decimal {
            fn from(number: $type) -> Self {
                Self { is_negative: number < 0, ..u128::from(i128::from(number).unsigned_abs()).into() }
            }
        }
    )*};
}

from_signed!(i8 i16 i32 i64 i128);

macro_rules! to_integer {
    ($($type:ty)*) => {$(
        /// Fails if the decimal has a fraction other than zeros, or does not fit.
        impl TryFrom<Decimal> for $type {
            type Error = InvalidValue;

            fn try_from(decimal: Decimal) -> Result<Self, InvalidValue> {
                let integer = decimal.to_integer().and_then(|number| number.try_into().ok());
                integer.ok_or(InvalidValue(concat!("the decimal is no integer of ", stringify!($type))))
            }
        }
    )*};
}

to_integer!(i8 i16 i32 i64 i128 u8 u16 u32 u64 isize usize);
