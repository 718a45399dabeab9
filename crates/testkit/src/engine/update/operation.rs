//! One operation as it is written in a request, and the ones that compute a value from another.

use tarantool_proto::ErrorCode;
use tarantool_proto::msgpack::{Reader, Token};

use super::arithmetic::Number;
use super::path::{Path, Step};
use super::splice::Splice;
use super::{Failure, malformed};

/// How many operations a request may have (IPROTO reference, section 12).
const COUNT_MAX: usize = 4000;

/// What an operation does; its character names it in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Set,
    Insert,
    Delete,
    Add,
    Subtract,
    And,
    Or,
    Xor,
    Splice,
}

/// One operation, read and checked as far as that is possible without the tuple.
#[derive(Debug)]
pub(super) struct Operation<'a> {
    pub(super) code: Code,
    pub(super) target: Target<'a>,
    pub(super) argument: Argument<'a>,
}

/// What an operation has besides its target.
#[derive(Debug)]
pub(super) enum Argument<'a> {
    /// Of set and insert: any MessagePack value.
    Value(&'a [u8]),
    /// Of delete: above 0.
    Count(u64),
    Number(Number),
    Bits(u64),
    Splice(Splice<'a>),
}

/// What an operation is about.
#[derive(Debug)]
pub(super) struct Target<'a> {
    /// A field of the tuple, from 0; negative: counted from the end, -1 being the last.
    pub(super) field: i64,
    /// The name or path that the client wrote instead of a number.
    text: Option<&'a [u8]>,
    /// Where in the field; `None`: the field itself.
    pub(super) inside: Option<Path<'a>>,
}

impl Code {
    fn read(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"=" => Self::Set,
            b"!" => Self::Insert,
            b"#" => Self::Delete,
            b"+" => Self::Add,
            b"-" => Self::Subtract,
            b"&" => Self::And,
            b"|" => Self::Or,
            b"^" => Self::Xor,
            b":" => Self::Splice,
            _ => return None,
        })
    }

    fn character(self) -> char {
        match self {
            Self::Set => '=',
            Self::Insert => '!',
            Self::Delete => '#',
            Self::Add => '+',
            Self::Subtract => '-',
            Self::And => '&',
            Self::Or => '|',
            Self::Xor => '^',
            Self::Splice => ':',
        }
    }

    /// The refusal of a field or an argument that is not `expected`.
    pub(super) fn wrong_type(self, label: &str, expected: &str) -> Failure {
        let code = self.character();
        let text = format!(
            "Argument type in operation '{code}' on field {label} does not match field type: \
             expected {expected}"
        );
        Failure::new(ErrorCode::UPDATE_ARG_TYPE, text)
    }

    pub(super) fn integer_overflow(self, label: &str) -> Failure {
        let code = self.character();
        let text = format!("Integer overflow when performing '{code}' operation on field {label}");
        Failure::new(ErrorCode::UPDATE_INTEGER_OVERFLOW, text)
    }

    pub(super) fn decimal_overflow(self, label: &str) -> Failure {
        let code = self.character();
        let text = format!("Decimal overflow when performing operation '{code}' on field {label}");
        Failure::new(ErrorCode::UPDATE_DECIMAL_OVERFLOW, text)
    }
}

impl Target<'_> {
    /// How messages name the target.
    pub(super) fn label(&self) -> String {
        self.label_of(self.field)
    }

    /// As [`label`](Self::label), of a field whose number has been resolved.
    pub(super) fn label_of(&self, number: i64) -> String {
        match self.text {
            Some(text) => format!("'{}'", String::from_utf8_lossy(text)),
            None if number < 0 => number.to_string(),
            None => number.saturating_add(1).to_string(),
        }
    }

    pub(super) fn not_found(&self) -> Failure {
        let label = self.label();
        match self.text {
            // The quotes are there twice in a server's text as well.
            Some(_) => no_such_name(&label),
            None => no_such_number(&label),
        }
    }

    /// The refusal of an operation that does not suit what it is about.
    pub(super) fn unfit(&self, reason: &str) -> Failure {
        let text = format!("Field {} UPDATE error: {reason}", self.label());
        Failure::new(ErrorCode::UPDATE_FIELD, text)
    }

    pub(super) fn bad_path(&self, position: usize) -> Failure {
        self.unfit(&format!("invalid JSON in position {position}"))
    }
}

impl Operation<'_> {
    /// The value that takes the place of `old`, of the operations that compute one.
    pub(super) fn compute(&self, old: &[u8], label: &str) -> Result<Vec<u8>, Failure> {
        match &self.argument {
            Argument::Number(number) => number.combine(self.code, old, label),
            Argument::Bits(bits) => super::arithmetic::bits(self.code, old, *bits, label),
            Argument::Splice(splice) => splice.apply(old, label),
            Argument::Value(value) => Ok(value.to_vec()),
            Argument::Count(_) => Ok(old.to_vec()),
        }
    }
}

/// Reads a MessagePack array of operations.
pub(super) fn read_all<'a>(
    bytes: &'a [u8],
    index_base: u32,
    field_number: &dyn Fn(&str) -> Option<usize>,
) -> Result<Vec<Operation<'a>>, Failure> {
    let mut reader = Reader::new(bytes);
    let count = reader.array().map_err(|_| malformed())?;
    if count > COUNT_MAX {
        return Err(illegal("too many operations for update"));
    }
    (1..=count).map(|nth| read(&mut reader, nth, index_base, field_number)).collect()
}

fn read<'a>(
    reader: &mut Reader<'a>,
    nth: usize,
    index_base: u32,
    field_number: &dyn Fn(&str) -> Option<usize>,
) -> Result<Operation<'a>, Failure> {
    let Token::Array(length) = token(reader)? else {
        return Err(illegal("update operation must be an array {op,..}"));
    };
    if length == 0 {
        return Err(illegal("update operation must be an array {op,..}, got empty array"));
    }
    let Token::Str(name) = token(reader)? else {
        return Err(illegal("update operation name must be a string"));
    };
    let Some(code) = Code::read(name) else {
        return Err(unknown(nth, &format!("\"{}\"", String::from_utf8_lossy(name))));
    };
    let expected = if code == Code::Splice { 5 } else { 3 };
    if length != expected {
        let text = format!("wrong number of arguments, expected {expected}, got {length}");
        return Err(unknown(nth, &text));
    }
    let target = read_target(reader, code, index_base, field_number)?;
    let argument = read_argument(reader, code, &target, index_base)?;
    Ok(Operation { code, target, argument })
}

fn read_target<'a>(
    reader: &mut Reader<'a>,
    code: Code,
    index_base: u32,
    field_number: &dyn Fn(&str) -> Option<usize>,
) -> Result<Target<'a>, Failure> {
    let text = match token(reader)? {
        Token::Str(text) => text,
        Token::Uint(number) => {
            // A server names field 1 here, or what its memory holds.
            let number = i32::try_from(number).map_err(|_| code.wrong_type("1", "an integer"))?;
            let from_0 = i64::from(number) - i64::from(index_base);
            if from_0 < 0 {
                return Err(no_such_number(&number.to_string()));
            }
            return Ok(Target { field: from_0, text: None, inside: None });
        }
        Token::Int(number) => {
            let number = i32::try_from(number).map_err(|_| code.wrong_type("1", "an integer"))?;
            return Ok(Target { field: i64::from(number), text: None, inside: None });
        }
        _ => return Err(illegal("field id must be a number or a string")),
    };
    let by_name = |name: &[u8]| {
        let number = std::str::from_utf8(name).ok().and_then(field_number)?;
        i64::try_from(number).ok()
    };
    let mut target = Target { field: 0, text: Some(text), inside: None };
    if let Some(number) = by_name(text) {
        target.field = number;
        return Ok(target);
    }
    let mut path = Path::new(text);
    let field = match path.next().map_err(|position| target.bad_path(position))? {
        Step::Index(number) => i64::try_from(number).ok(),
        Step::Key(name) => by_name(name.as_bytes()),
        Step::Any | Step::End => None,
    };
    target.field = field.ok_or_else(|| no_such_name(&String::from_utf8_lossy(text)))?;
    target.inside = (!path.is_at_end()).then_some(path);
    Ok(target)
}

fn read_argument<'a>(
    reader: &mut Reader<'a>,
    code: Code,
    target: &Target<'_>,
    index_base: u32,
) -> Result<Argument<'a>, Failure> {
    let wrong = |expected| code.wrong_type(&target.label(), expected);
    let raw = reader.raw().map_err(|_| malformed())?;
    Ok(match code {
        Code::Set | Code::Insert => Argument::Value(raw),
        // Servers look at 32 bits of it.
        Code::Delete => match unsigned(raw).map(|count| count & u64::from(u32::MAX)) {
            Some(0) => return Err(target.unfit("cannot delete 0 fields")),
            Some(count) => Argument::Count(count),
            None => return Err(wrong("a positive integer")),
        },
        Code::Add | Code::Subtract => {
            Argument::Number(Number::read(raw).ok_or_else(|| wrong("a number"))?)
        }
        Code::And | Code::Or | Code::Xor => {
            Argument::Bits(unsigned(raw).ok_or_else(|| wrong("a positive integer"))?)
        }
        Code::Splice => {
            let offset = int32(raw).ok_or_else(|| wrong("an integer"))?;
            let offset = i64::from(offset);
            let base = i64::from(index_base);
            if (0..base).contains(&offset) {
                return Err(super::splice::out_of_bound(&target.label()));
            }
            let cut = reader.raw().map_err(|_| malformed())?;
            let cut = int32(cut).ok_or_else(|| wrong("an integer"))?;
            let (Token::Str(paste) | Token::Bin(paste)) = token(reader)? else {
                return Err(wrong("a string or varbinary"));
            };
            let offset = if offset < 0 { offset } else { offset - base };
            Argument::Splice(Splice { offset, cut: i64::from(cut), paste })
        }
    })
}

/// An integer in one of the unsigned forms, which is what a server asks for here.
fn unsigned(raw: &[u8]) -> Option<u64> {
    match raw.first()? {
        0x00..=0x7f | 0xcc..=0xcf => Reader::new(raw).uint().ok(),
        _ => None,
    }
}

fn int32(raw: &[u8]) -> Option<i32> {
    match Reader::new(raw).token().ok()? {
        Token::Uint(value) => i32::try_from(value).ok(),
        Token::Int(value) => i32::try_from(value).ok(),
        _ => None,
    }
}

fn token<'a>(reader: &mut Reader<'a>) -> Result<Token<'a>, Failure> {
    reader.token().map_err(|_| malformed())
}

fn illegal(text: &str) -> Failure {
    Failure::new(ErrorCode::ILLEGAL_PARAMS, text)
}

fn unknown(nth: usize, what: &str) -> Failure {
    Failure::new(ErrorCode::UNKNOWN_UPDATE_OP, format!("Unknown UPDATE operation #{nth}: {what}"))
}

fn no_such_number(number: &str) -> Failure {
    let text = format!("Field {number} was not found in the tuple");
    Failure::new(ErrorCode::NO_SUCH_FIELD_NO, text)
}

fn no_such_name(name: &str) -> Failure {
    let text = format!("Field '{name}' was not found in the tuple");
    Failure::new(ErrorCode::NO_SUCH_FIELD_NAME, text)
}
