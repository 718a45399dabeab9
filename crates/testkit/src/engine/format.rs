//! What tuples of a space must look like.

use tarantool_proto::ErrorCode;
use tarantool_proto::msgpack::{Reader, Token};

use super::extension;
use super::failure::Failure;
use super::field_type::{FieldType, type_name};
use super::{FieldDefinition, Part};

/// The option `memtx_max_tuple_size` as it is by default.
pub(super) const TUPLE_SIZE_MAX: usize = 1024 * 1024;
/// What a server adds to a tuple's bytes before it compares with that option.
const TUPLE_OVERHEAD: usize = 10;
/// Fields that indexes may be about: those before them are all kept in mind.
pub(super) const FIELDS_MAX: usize = 1 << 15;

pub(super) const NIL: &[u8] = &[0xc0];

/// The fields that a space's format and its indexes name.
#[derive(Clone, Debug)]
pub(super) struct Format {
    /// 0: any number.
    field_count: usize,
    fields: Vec<Field>,
    /// How many fields, from the first, indexes need.
    indexed: usize,
    tuple_size_max: usize,
}

#[derive(Clone, Debug)]
struct Field {
    name: Option<String>,
    /// `None`: a field between others, that nothing is said about.
    kind: Option<FieldType>,
    is_nullable: bool,
}

const UNKNOWN: Field = Field { name: None, kind: None, is_nullable: true };

impl Format {
    pub(super) fn new(
        field_count: u32,
        definitions: &[FieldDefinition],
        tuple_size_max: usize,
    ) -> Self {
        let fields = definitions.iter().map(|definition| Field {
            name: Some(definition.name.clone()),
            kind: Some(definition.kind),
            is_nullable: definition.is_nullable,
        });
        let field_count = usize::try_from(field_count).unwrap_or(usize::MAX);
        Self { field_count, fields: fields.collect(), indexed: 0, tuple_size_max }
    }

    /// Requires what a part of an index does: the narrower of two types, and nil only where all
    /// allow it. The number of the field is less than [`FIELDS_MAX`].
    ///
    /// # Errors
    /// 24, 27: there is no value of both types.
    pub(super) fn require(&mut self, part: &Part) -> Result<(), Failure> {
        let count = part.field.saturating_add(1);
        if self.fields.len() < count {
            self.fields.resize(count, UNKNOWN);
        }
        let label = self.label(part.field);
        let Some(field) = self.fields.get_mut(part.field) else {
            return Ok(());
        };
        match field.kind {
            None => (field.kind, field.is_nullable) = (Some(part.kind), part.is_nullable),
            Some(kind) if kind.contains(part.kind) => field.kind = Some(part.kind),
            Some(kind) if part.kind.contains(kind) => {}
            Some(kind) => {
                let (kind, other) = (kind.name(), part.kind.name());
                return Err(if field.name.is_some() {
                    let text = format!(
                        "Field {label} has type '{kind}' in space format, but type '{other}' in \
                         index definition"
                    );
                    Failure::new(ErrorCode::FORMAT_MISMATCH_INDEX_PART, text)
                } else {
                    let text = format!(
                        "Field {label} has type '{kind}' in one index, but type '{other}' in another"
                    );
                    Failure::new(ErrorCode::INDEX_PART_TYPE_MISMATCH, text)
                });
            }
        }
        field.is_nullable &= part.is_nullable;
        self.indexed = self.indexed.max(count);
        Ok(())
    }

    /// The number of the field of this name, from 0.
    pub(super) fn field_number(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name.as_deref() == Some(name))
    }

    /// Whether any field that an operation changes may have to be widened.
    pub(super) fn has_double(&self) -> bool {
        self.fields.iter().any(|field| field.kind == Some(FieldType::Double))
    }

    pub(super) fn is_double(&self, number: usize) -> bool {
        self.fields.get(number).is_some_and(|field| field.kind == Some(FieldType::Double))
    }

    /// Checks a tuple and returns those of its fields that indexes may need.
    ///
    /// # Errors
    /// 20: not MessagePack, 22: not an array, 23: a type, 38: the number of fields, 39: a field is
    /// missing, 110: larger than the limit.
    pub(super) fn check<'a>(&self, tuple: &'a [u8]) -> Result<Vec<&'a [u8]>, Failure> {
        let mut reader = Reader::new(tuple);
        let Token::Array(count) = token(&mut reader)? else {
            return Err(not_an_array());
        };
        // Nothing is kept for fields that are only announced: each takes a byte at least.
        let mut indexed = Vec::with_capacity(self.indexed.min(count));
        if self.field_count > 0 && count != self.field_count {
            let text = format!(
                "Tuple field count {count} does not match space field count {}",
                self.field_count
            );
            return Err(Failure::new(ErrorCode::EXACT_FIELD_COUNT, text));
        }
        let mut wrong = None;
        for number in 0..count {
            let start = reader.rest();
            let value = token(&mut reader)?;
            skip_contents(&mut reader, &value)?;
            if wrong.is_none() && !self.accepts(number, &value) {
                wrong = Some((number, value));
            }
            if number < self.indexed {
                let length = start.len() - reader.rest().len();
                indexed.push(start.get(..length).unwrap_or_default());
            }
        }
        if !reader.is_empty() {
            return Err(malformed());
        }
        if let Some((number, value)) = wrong {
            return Err(self.wrong_type(number, &value));
        }
        self.check_missing(count)?;
        let size = tuple.len().saturating_add(TUPLE_OVERHEAD);
        if size > self.tuple_size_max {
            let text = format!(
                "Failed to allocate {size} bytes for tuple: tuple is too large. Check \
                 'memtx_max_tuple_size' configuration option."
            );
            return Err(Failure::new(ErrorCode::MEMTX_MAX_TUPLE_SIZE, text));
        }
        Ok(indexed)
    }

    /// The fields that indexes may need, of a tuple that was checked when it was stored.
    pub(super) fn indexed<'a>(&self, tuple: &'a [u8]) -> Vec<&'a [u8]> {
        let mut reader = Reader::new(tuple);
        let count = reader.array().unwrap_or(0).min(self.indexed);
        (0..count).map_while(|_| reader.raw().ok()).collect()
    }

    fn accepts(&self, number: usize, value: &Token<'_>) -> bool {
        let Some(field) = self.fields.get(number) else {
            return FieldType::Any.accepts(value);
        };
        let kind = field.kind.unwrap_or(FieldType::Any);
        kind.accepts(value) || (field.is_nullable && *value == Token::Nil)
    }

    fn wrong_type(&self, number: usize, value: &Token<'_>) -> Failure {
        let kind = self.fields.get(number).and_then(|field| field.kind);
        let text = format!(
            "Tuple field {} type does not match one required by operation: expected {}, got {}",
            self.label(number),
            kind.unwrap_or(FieldType::Any).name(),
            type_name(value)
        );
        Failure::new(ErrorCode::FIELD_TYPE, text)
    }

    fn check_missing(&self, count: usize) -> Result<(), Failure> {
        let missing = self.fields.iter().enumerate().skip(count);
        match missing.into_iter().find(|(_, field)| !field.is_nullable) {
            None => Ok(()),
            Some((number, _)) => {
                let label = self.label(number);
                let text = format!("Tuple field {label} required by space format is missing");
                Err(Failure::new(ErrorCode::FIELD_MISSING, text))
            }
        }
    }

    /// How messages name a field: counted from 1, and with its name.
    fn label(&self, number: usize) -> String {
        let name = self.fields.get(number).and_then(|field| field.name.as_deref());
        let number = number.saturating_add(1);
        name.map_or_else(|| number.to_string(), |name| format!("{number} ({name})"))
    }
}

/// Reads the next token, and refuses extensions that a server would not take.
pub(super) fn token<'a>(reader: &mut Reader<'a>) -> Result<Token<'a>, Failure> {
    match reader.token() {
        Ok(Token::Ext(kind, payload)) if !extension::is_sound(kind, payload) => Err(malformed()),
        Ok(token) => Ok(token),
        Err(_) => Err(malformed()),
    }
}

/// Goes past what an array or a map holds, after its header was read.
fn skip_contents(reader: &mut Reader<'_>, header: &Token<'_>) -> Result<(), Failure> {
    let contents = |token: &Token<'_>| match *token {
        Token::Array(length) => length,
        Token::Map(length) => length.saturating_mul(2),
        _ => 0,
    };
    let mut pending = contents(header);
    while pending > 0 {
        let token = token(reader)?;
        pending = (pending - 1).saturating_add(contents(&token));
    }
    Ok(())
}

pub(super) fn malformed() -> Failure {
    Failure::new(ErrorCode::INVALID_MSGPACK, "Invalid MsgPack - packet body")
}

pub(super) fn not_an_array() -> Failure {
    Failure::new(ErrorCode::TUPLE_NOT_ARRAY, "Tuple/Key must be MsgPack array")
}
