//! The server's *no* to one request.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use crate::error_code::ErrorCode;
use crate::frame::Header;
use crate::keys::{ERROR_STACK, ErrorKey, Key};
use crate::msgpack::{self, DecodeError, Reader, Token};

/// An error that the server answered to a request. The connection goes on.
///
/// Match on [`code`](Self::code), never on the text: texts change between server versions.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerError(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    code: ErrorCode,
    message: Box<str>,
    stack: Vec<StackEntry>,
}

/// One error of a stack: the newest first, each followed by its cause (2.4.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackEntry {
    /// The class of the error, such as `ClientError` or `AccessDeniedError`.
    pub kind: Box<str>,
    /// The source file in the server, `eval` or `[C]`.
    pub file: Box<str>,
    /// The line in it; 4294967295 when unknown.
    pub line: u64,
    /// The text. Bytes that are not UTF-8 are replaced.
    pub message: Box<str>,
    /// The operating system's error number, or 0.
    pub errno: u64,
    /// The code, whole: the reply's header holds only 15 bits of it.
    pub code: ErrorCode,
    fields: Vec<Field>,
}

/// A field's name and its MessagePack value.
type Field = (Box<str>, Box<[u8]>);

impl StackEntry {
    /// An additional field of the error, such as `object_name` of an `AccessDeniedError`, decoded
    /// as `T`; `None` if the error has no such field.
    ///
    /// # Errors
    /// The field's value does not fit `T`.
    pub fn field<'a, T: Deserialize<'a>>(&'a self, name: &str) -> Result<Option<T>, DecodeError> {
        let found = self.fields.iter().find(|(key, _)| &**key == name);
        found.map(|(_, value)| msgpack::from_slice(value)).transpose()
    }

    /// The names of the additional fields.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| &**name)
    }
}

impl ServerError {
    /// The error's code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The error's text. Bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The stack of errors, the newest first; empty before server 2.4.1.
    #[must_use]
    pub fn stack(&self) -> &[StackEntry] {
        &self.0.stack
    }

    /// Decodes an error reply. A body that cannot be decoded still gives an error with the code of
    /// the header, and says in its text what is wrong with the body.
    #[must_use]
    pub fn decode(header: &Header, body: &[u8]) -> Self {
        let code = header.request_type.error_code().unwrap_or(ErrorCode::UNKNOWN);
        let mut inner = Inner { code, message: "".into(), stack: Vec::new() };
        if let Err(error) = inner.read(body) {
            inner.message = format!("{} (malformed error reply: {error})", inner.message).into();
        }
        if let Some(newest) = inner.stack.first() {
            inner.code = newest.code;
        }
        Self(Arc::new(inner))
    }
}

impl Inner {
    fn read(&mut self, body: &[u8]) -> Result<(), DecodeError> {
        if body.is_empty() {
            return Ok(());
        }
        let mut reader = Reader::new(body);
        each_entry(&mut reader, |key, reader| {
            if key == Some(u64::from(Key::ERROR_24.number())) {
                self.message = text(reader)?;
            } else if key == Some(u64::from(Key::ERROR.number())) {
                self.stack = read_stack(reader)?;
            } else {
                reader.skip()?;
            }
            Ok(())
        })
    }
}

/// Reads a map and hands each value to `visit`, with its key if that is an unsigned integer.
fn each_entry<'a>(
    reader: &mut Reader<'a>,
    mut visit: impl FnMut(Option<u64>, &mut Reader<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    for _ in 0..reader.map()? {
        let key = match reader.rest().first() {
            Some(0x00..=0x7f | 0xcc..=0xcf) => Some(reader.uint()?),
            _ => {
                reader.skip()?;
                None
            }
        };
        visit(key, reader)?;
    }
    Ok(())
}

fn read_stack(reader: &mut Reader<'_>) -> Result<Vec<StackEntry>, DecodeError> {
    let mut stack = Vec::new();
    each_entry(reader, |key, reader| {
        if key != Some(u64::from(ERROR_STACK)) {
            return reader.skip();
        }
        for _ in 0..reader.array()? {
            stack.push(read_entry(reader)?);
        }
        Ok(())
    })?;
    Ok(stack)
}

fn read_entry(reader: &mut Reader<'_>) -> Result<StackEntry, DecodeError> {
    let mut entry = StackEntry::default();
    each_entry(reader, |key, reader| {
        match key.and_then(|key| u32::try_from(key).ok()).map(ErrorKey::new) {
            Some(ErrorKey::TYPE) => entry.kind = text(reader)?,
            Some(ErrorKey::FILE) => entry.file = text(reader)?,
            Some(ErrorKey::LINE) => entry.line = reader.uint()?,
            Some(ErrorKey::MESSAGE) => entry.message = text(reader)?,
            Some(ErrorKey::ERRNO) => entry.errno = reader.uint()?,
            Some(ErrorKey::CODE) => {
                entry.code = ErrorCode::new(u32::try_from(reader.uint()?).unwrap_or(u32::MAX));
            }
            Some(ErrorKey::FIELDS) => entry.fields = read_fields(reader)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(entry)
}

fn read_fields(reader: &mut Reader<'_>) -> Result<Vec<Field>, DecodeError> {
    let mut fields = Vec::new();
    for _ in 0..reader.map()? {
        let name = match reader.clone().token()? {
            Token::Str(_) => text(reader)?,
            _ => {
                reader.skip()?;
                reader.skip()?;
                continue;
            }
        };
        fields.push((name, reader.raw()?.into()));
    }
    Ok(fields)
}

fn text(reader: &mut Reader<'_>) -> Result<Box<str>, DecodeError> {
    Ok(String::from_utf8_lossy(reader.str_bytes()?).into())
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, code {})", self.0.message, self.0.code, self.0.code.number())?;
        for cause in self.0.stack.iter().skip(1) {
            write!(f, "; caused by: {}", cause.message)?;
        }
        Ok(())
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerError")
            .field("code", &self.0.code)
            .field("message", &self.0.message)
            .field("stack", &self.0.stack)
            .finish()
    }
}

impl std::error::Error for ServerError {}
