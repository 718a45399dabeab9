//! What can go wrong between values and bytes.

use std::fmt;

use super::reader::Token;

/// A value could not be encoded: nothing was sent.
///
/// Occurs when a `Serialize` implementation reports an error or produces what a request cannot
/// carry, such as a row that is not an array.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodeError(Box<str>);

impl EncodeError {
    /// An error with this message.
    #[must_use]
    pub fn new(message: impl Into<Box<str>>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodeError({:?})", &self.0)
    }
}

impl std::error::Error for EncodeError {}

impl serde::ser::Error for EncodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

/// Bytes are not the MessagePack that was asked for.
///
/// The message names where in a reply (row, column, field name), what was expected, what was found
/// and at which byte.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    what: Box<str>,
    offset: Option<usize>,
    row: Option<usize>,
    /// Innermost first, since it grows while the error travels outwards.
    path: Vec<Step>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Step {
    index: usize,
    name: Option<&'static str>,
}

impl DecodeError {
    /// An error with this message that belongs to no particular byte.
    #[must_use]
    #[cold]
    pub fn new(what: impl Into<Box<str>>) -> Self {
        Self(Box::new(Inner { what: what.into(), offset: None, row: None, path: Vec::new() }))
    }

    /// The 0-based row of a reply in which it happened, if it was decoding rows.
    #[must_use]
    pub fn row(&self) -> Option<usize> {
        self.0.row
    }

    /// The 0-based column in which it happened, if it was inside one.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.0.path.last().map(|step| step.index)
    }

    /// The byte at which it happened, counted from the start of what was decoded.
    #[must_use]
    pub fn offset(&self) -> Option<usize> {
        self.0.offset
    }

    #[cold]
    pub(super) fn unexpected(at: usize, expected: &str, found: Token<'_>) -> Self {
        Self::new(format!("expected {expected}, found {found}")).at(at)
    }

    #[cold]
    pub(super) fn truncated(at: usize, needed: usize, left: usize) -> Self {
        Self::new(format!("{needed} more bytes announced, {left} left")).at(at)
    }

    #[cold]
    pub(super) fn reserved(at: usize) -> Self {
        Self::new("the reserved byte 0xc1 is no value").at(at)
    }

    #[cold]
    pub(super) fn too_deep(at: usize) -> Self {
        Self::new(format!("nested deeper than {} levels", super::DEPTH_MAX)).at(at)
    }

    /// Fills in the byte unless an inner value did already.
    #[must_use]
    pub(crate) fn at(mut self, offset: usize) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    #[must_use]
    pub(super) fn inside(mut self, index: usize, name: Option<&'static str>) -> Self {
        self.0.path.push(Step { index, name });
        self
    }

    #[must_use]
    pub(super) fn missing(mut self) -> Self {
        self.0.what = format!("the row has no such column; {}", self.0.what).into();
        self
    }

    #[must_use]
    pub(crate) fn in_row(mut self, row: usize) -> Self {
        self.0.row = Some(row);
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(row) = inner.row {
            write!(f, "row {}", row + 1)?;
        }
        for (depth, step) in inner.path.iter().rev().enumerate() {
            match (inner.row, depth) {
                (Some(_), 0) => write!(f, ", column {}", step.index + 1)?,
                (None, 0) => write!(f, "value {}", step.index + 1)?,
                _ => write!(f, "[{}]", step.index + 1)?,
            }
            if let Some(name) = step.name {
                write!(f, " ({name})")?;
            }
        }
        if inner.row.is_some() || !inner.path.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&inner.what)?;
        if let Some(offset) = inner.offset {
            write!(f, " at byte {offset}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodeError({self})")
    }
}

impl std::error::Error for DecodeError {}

impl serde::de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::new(format!("expected {expected}, found {}", Found(found)))
    }

    fn invalid_value(found: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::invalid_type(found, expected)
    }
}

/// What was found, without quoting whole values: they may be long, and they are users' data.
struct Found<'a>(serde::de::Unexpected<'a>);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use serde::de::Unexpected;
        match self.0 {
            Unexpected::Unit => f.write_str("nil"),
            Unexpected::Str(_) => f.write_str("a string"),
            Unexpected::Bytes(_) => f.write_str("binary data or a string that is not UTF-8"),
            Unexpected::Seq => f.write_str("an array"),
            Unexpected::Map => f.write_str("a map"),
            other => other.fmt(f),
        }
    }
}
