//! `+`, `-`, `&`, `|` and `^`.

use tarantool_proto::msgpack::{Reader, Token, write};

use super::Failure;
use super::decimal::Decimal;
use super::operation::Code;

/// The type of a decimal among the MessagePack extensions (IPROTO reference, section 21).
const DECIMAL: i8 = 1;

/// A number that can be added to another.
#[derive(Clone, Debug)]
pub(super) enum Number {
    /// Of 64 bits, with or without a sign.
    Integer(i128),
    F32(f32),
    F64(f64),
    Decimal(Decimal),
}

impl Number {
    /// `None`: it is not a number.
    pub(super) fn read(raw: &[u8]) -> Option<Self> {
        Some(match Reader::new(raw).token().ok()? {
            Token::Uint(value) => Self::Integer(i128::from(value)),
            Token::Int(value) => Self::Integer(i128::from(value)),
            Token::F32(value) => Self::F32(value),
            Token::F64(value) => Self::F64(value),
            Token::Ext(DECIMAL, payload) => Self::Decimal(Decimal::read(payload)?),
            _ => return None,
        })
    }

    /// `old`, which must be a number, plus or minus this one.
    ///
    /// A decimal makes the sum a decimal, else a float makes it a float: of 32 bits if it is exact
    /// in these, else of 64.
    pub(super) fn combine(&self, code: Code, old: &[u8], label: &str) -> Result<Vec<u8>, Failure> {
        let left = Self::read(old).ok_or_else(|| code.wrong_type(label, "a number"))?;
        let is_minus = code == Code::Subtract;
        let mut out = Vec::new();
        match (&left, self) {
            (Self::Integer(left), Self::Integer(right)) => {
                let sum = if is_minus { left - right } else { left + right };
                if let Ok(sum) = u64::try_from(sum) {
                    write::uint(&mut out, sum);
                } else if let Ok(sum) = i64::try_from(sum) {
                    write::int(&mut out, sum);
                } else {
                    return Err(code.integer_overflow(label));
                }
            }
            (Self::Decimal(_), _) | (_, Self::Decimal(_)) => {
                let decimal = |number: &Self| {
                    let expected = "a number convertible to decimal";
                    number.to_decimal().ok_or_else(|| code.wrong_type(label, expected))
                };
                let sum = decimal(&left)?.plus(decimal(self)?, is_minus);
                let sum = sum.ok_or_else(|| code.decimal_overflow(label))?;
                sum.write(&mut out);
            }
            (left, right) => {
                let (left, right) = (left.to_f64(), right.to_f64());
                let sum = if is_minus { left - right } else { left + right };
                let short = sum as f32;
                if short.is_finite() && f64::from(short) == sum {
                    write::f32(&mut out, short);
                } else {
                    write::f64(&mut out, sum);
                }
            }
        }
        Ok(out)
    }

    fn to_f64(&self) -> f64 {
        match self {
            Self::Integer(value) => *value as f64,
            Self::F32(value) => f64::from(*value),
            Self::F64(value) => *value,
            // Sums with a decimal are made elsewhere.
            Self::Decimal(_) => f64::NAN,
        }
    }

    /// `None`: infinite, or not a number.
    fn to_decimal(&self) -> Option<Decimal> {
        match self {
            Self::Integer(value) => Some(Decimal::from_integer(*value)),
            Self::F32(value) => Decimal::from_f64(f64::from(*value)),
            Self::F64(value) => Decimal::from_f64(*value),
            Self::Decimal(value) => Some(value.clone()),
        }
    }
}

/// `old`, which must be a non-negative integer, combined with `bits`.
pub(super) fn bits(code: Code, old: &[u8], bits: u64, label: &str) -> Result<Vec<u8>, Failure> {
    let Ok(Token::Uint(old)) = Reader::new(old).token() else {
        return Err(code.wrong_type(label, "a positive integer"));
    };
    let new = match code {
        Code::And => old & bits,
        Code::Or => old | bits,
        _ => old ^ bits,
    };
    let mut out = Vec::new();
    write::uint(&mut out, new);
    Ok(out)
}
