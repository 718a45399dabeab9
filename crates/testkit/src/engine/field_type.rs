//! The types of fields, and which values have them.

use tarantool_proto::msgpack::Token;

use super::extension;

/// The type of a field, of a format or of a part of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldType {
    /// Any value, nil among them.
    Any,
    /// An integer from 0.
    Unsigned,
    /// An integer.
    Integer,
    /// An integer, a float or a decimal.
    Number,
    /// A float, or an integer.
    Double,
    /// A string; not necessarily UTF-8.
    String,
    /// true or false
    Boolean,
    /// Binary data.
    Varbinary,
    /// Anything that has a place in the order of an index.
    Scalar,
    /// An array.
    Array,
    /// A map.
    Map,
    /// A decimal.
    Decimal,
    /// A UUID.
    Uuid,
    /// A point in time.
    Datetime,
    /// A period of time.
    Interval,
}

const ALL: [FieldType; 15] = [
    FieldType::Any,
    FieldType::Unsigned,
    FieldType::Integer,
    FieldType::Number,
    FieldType::Double,
    FieldType::String,
    FieldType::Boolean,
    FieldType::Varbinary,
    FieldType::Scalar,
    FieldType::Array,
    FieldType::Map,
    FieldType::Decimal,
    FieldType::Uuid,
    FieldType::Datetime,
    FieldType::Interval,
];

impl FieldType {
    /// The name that formats and messages use.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Unsigned => "unsigned",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Double => "double",
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Varbinary => "varbinary",
            Self::Scalar => "scalar",
            Self::Array => "array",
            Self::Map => "map",
            Self::Decimal => "decimal",
            Self::Uuid => "uuid",
            Self::Datetime => "datetime",
            Self::Interval => "interval",
        }
    }

    /// The type of this name, if there is one.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether a value has this type. nil is no value: only `any` takes it.
    ///
    /// A `double` takes integers and 32-bit floats, as since 3.0; extensions of type 0 and less
    /// are taken by nothing (IPROTO reference, sections 21 and 24).
    pub(super) const fn accepts(self, value: &Token<'_>) -> bool {
        use Token::{Array, Bin, Bool, Ext, F32, F64, Int, Map, Str, Uint};
        match self {
            Self::Any => !matches!(value, Ext(..=0, _)),
            Self::Unsigned => matches!(value, Uint(_)),
            Self::Integer => matches!(value, Uint(_) | Int(_)),
            Self::Double => matches!(value, Uint(_) | Int(_) | F32(_) | F64(_)),
            Self::Number => {
                matches!(value, Uint(_) | Int(_) | F32(_) | F64(_) | Ext(extension::DECIMAL, _))
            }
            Self::String => matches!(value, Str(_)),
            Self::Boolean => matches!(value, Bool(_)),
            Self::Varbinary => matches!(value, Bin(_)),
            Self::Scalar => match value {
                Uint(_) | Int(_) | F32(_) | F64(_) | Bool(_) | Str(_) | Bin(_) => true,
                Ext(kind, _) => {
                    matches!(*kind, extension::DECIMAL | extension::UUID | extension::DATETIME)
                }
                _ => false,
            },
            Self::Array => matches!(value, Array(_)),
            Self::Map => matches!(value, Map(_)),
            Self::Decimal => matches!(value, Ext(extension::DECIMAL, _)),
            Self::Uuid => matches!(value, Ext(extension::UUID, _)),
            Self::Datetime => matches!(value, Ext(extension::DATETIME, _)),
            Self::Interval => matches!(value, Ext(extension::INTERVAL, _)),
        }
    }

    /// Whether values of this type have an order, so that a TREE can hold them.
    pub(super) const fn is_ordered(self) -> bool {
        !matches!(self, Self::Any | Self::Array | Self::Map | Self::Interval)
    }

    /// Whether every value of `other` has this type, too.
    pub(super) const fn contains(self, other: Self) -> bool {
        match self {
            Self::Any => true,
            Self::Scalar => other.is_ordered(),
            Self::Number => matches!(
                other,
                Self::Number | Self::Integer | Self::Unsigned | Self::Double | Self::Decimal
            ),
            Self::Integer => matches!(other, Self::Integer | Self::Unsigned),
            _ => self as u8 == other as u8,
        }
    }
}

/// How messages name the type of a value.
pub(super) const fn type_name(value: &Token<'_>) -> &'static str {
    match value {
        Token::Nil => "nil",
        Token::Bool(_) => "boolean",
        Token::Uint(_) => "unsigned",
        Token::Int(_) => "integer",
        Token::F32(_) => "float",
        Token::F64(_) => "double",
        Token::Str(_) => "string",
        Token::Bin(_) => "blob",
        Token::Array(_) => "array",
        Token::Map(_) => "map",
        Token::Ext(..) => "extension",
    }
}
