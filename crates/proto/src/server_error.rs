//! The server's *no* to one request.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error_code::ErrorCode;
use crate::keys::{ERROR_STACK, ErrorKey, Key};
use crate::msgpack::{self, DecodeError, Reader, Token, write, write_value};
use crate::packet::Header;

/// An error that the server answered to a request. The connection goes on.
///
/// Match on [`code`](Self::code), never on the text: texts change between server versions.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerError(Arc<Inner>);

#[derive(Clone, PartialEq, Eq)]
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

const CLIENT_ERROR: &str = "ClientError";
/// What stands for the source file of errors made here.
const FILE: &str = "embedded";
/// The field with the code's name.
const NAME: &str = "name";

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

    fn set_field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        let mut bytes = Vec::new();
        if write_value(&mut bytes, value).is_err() {
            return;
        }
        match self.fields.iter_mut().find(|(key, _)| &**key == name) {
            Some((_, value)) => *value = bytes.into(),
            None => self.fields.push((name.into(), bytes.into())),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let key = |out: &mut Vec<u8>, key: ErrorKey| write::uint(out, u64::from(key.number()));
        write::map(out, if self.fields.is_empty() { 6 } else { 7 });
        key(out, ErrorKey::TYPE);
        write::str(out, self.kind.as_bytes());
        key(out, ErrorKey::LINE);
        write::uint(out, self.line);
        key(out, ErrorKey::FILE);
        write::str(out, self.file.as_bytes());
        key(out, ErrorKey::MESSAGE);
        write::str(out, self.message.as_bytes());
        key(out, ErrorKey::ERRNO);
        write::uint(out, self.errno);
        key(out, ErrorKey::CODE);
        write::uint(out, u64::from(self.code.number()));
        if self.fields.is_empty() {
            return;
        }
        key(out, ErrorKey::FIELDS);
        write::map(out, self.fields.len());
        for (name, value) in &self.fields {
            write::str(out, name.as_bytes());
            out.extend_from_slice(value);
        }
    }
}

impl ServerError {
    /// An error for a server's side to answer with: a stack of one entry, of the class
    /// `ClientError`.
    ///
    /// As errors of that class do since server 3.1, it has the field `name`, the code's name
    /// (IPROTO reference, section 7). Source file and line are no real ones, `errno` is 0.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<Box<str>>) -> Self {
        let message = message.into();
        let mut entry = StackEntry {
            kind: CLIENT_ERROR.into(),
            file: FILE.into(),
            message: message.clone(),
            code,
            ..StackEntry::default()
        };
        entry.set_field(NAME, code.name().unwrap_or("UNKNOWN"));
        Self(Arc::new(Inner { code, message, stack: vec![entry] }))
    }

    /// The same error as one of another class than `ClientError`, such as `AccessDeniedError`.
    ///
    /// The field `name` goes, which no other class has.
    #[must_use]
    pub fn with_kind(mut self, kind: impl Into<Box<str>>) -> Self {
        if let Some(entry) = Arc::make_mut(&mut self.0).stack.first_mut() {
            entry.kind = kind.into();
            if &*entry.kind != CLIENT_ERROR {
                entry.fields.retain(|(name, _)| &**name != NAME);
            }
        }
        self
    }

    /// The same error with an additional field, in place of one of the same name.
    ///
    /// Clients of servers before 3.1 know such fields of `AccessDeniedError` and `CustomError`
    /// only. A value that cannot be serialized is left out.
    #[must_use]
    pub fn with_field<T: Serialize + ?Sized>(mut self, name: &str, value: &T) -> Self {
        if let Some(entry) = Arc::make_mut(&mut self.0).stack.first_mut() {
            entry.set_field(name, value);
        }
        self
    }

    /// The same error with a cause: the cause's stack is put below its own.
    #[must_use]
    pub fn caused_by(mut self, cause: Self) -> Self {
        let stack = &mut Arc::make_mut(&mut self.0).stack;
        if cause.stack().is_empty() {
            stack.extend_from_slice(Self::new(cause.code(), cause.message()).stack());
        } else {
            stack.extend_from_slice(cause.stack());
        }
        self
    }

    /// Appends the body of the error reply to `out`, with the keys in the order in which servers
    /// write them (IPROTO reference, section 7). Without a stack it is a reply as before 2.4.1.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let stack = self.stack();
        write::map(out, if stack.is_empty() { 1 } else { 2 });
        write::uint(out, u64::from(Key::ERROR_24.number()));
        write::str(out, self.message().as_bytes());
        if stack.is_empty() {
            return;
        }
        write::uint(out, u64::from(Key::ERROR.number()));
        write_stack(out, stack);
    }

    /// Appends what an error has as a value: its stack. Of an error without one, a stack of one
    /// entry.
    pub(crate) fn encode_value(&self, out: &mut Vec<u8>) {
        if self.stack().is_empty() {
            let Inner { code, message, .. } = &*self.0;
            let kind = CLIENT_ERROR.into();
            let (code, message) = (*code, message.clone());
            return write_stack(
                out,
                &[StackEntry { kind, code, message, ..StackEntry::default() }],
            );
        }
        write_stack(out, self.stack());
    }

    /// The opposite of [`encode_value`](Self::encode_value). `None`: the stack is empty.
    pub(crate) fn decode_value(bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
        let mut reader = Reader::new(bytes);
        let stack = read_stack(&mut reader)?;
        if !reader.is_empty() {
            return Err(DecodeError::new("bytes follow after the stack"));
        }
        Ok(stack
            .first()
            .map(|newest| (newest.code, newest.message.clone()))
            .map(|(code, message)| Self(Arc::new(Inner { code, message, stack }))))
    }

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

fn write_stack(out: &mut Vec<u8>, stack: &[StackEntry]) {
    write::map(out, 1);
    write::uint(out, u64::from(ERROR_STACK));
    write::array(out, stack.len());
    for entry in stack {
        entry.encode(out);
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
        let code = self.0.code;
        f.write_str(&self.0.message)?;
        match code.name() {
            Some(name) => write!(f, " ({name}, code {})", code.number())?,
            None => write!(f, " (code {})", code.number())?,
        }
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
