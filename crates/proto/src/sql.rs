//! What replies to SQL statements have besides rows.

use crate::keys::Key;
use crate::msgpack::{DecodeError, Reader, Token};
use crate::response::Response;

/// A column of an SQL result, or a parameter of a prepared statement.
///
/// Servers tell what is optional here only to sessions with the setting `sql_full_metadata`; see
/// each field. What is not UTF-8 is replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Column {
    /// Its name; `COLUMN_1` and so on for expressions without one. Of a parameter: `?`, or the name
    /// with its prefix, such as `:id`.
    pub name: Box<str>,
    /// Its type as the server calls it, such as `integer`; `ANY` for parameters.
    pub type_name: Box<str>,
    /// The collation of a string; `None` where there is none, or not told.
    pub collation: Option<Box<str>>,
    /// Whether it may be null; `None` if that is not told.
    pub is_nullable: Option<bool>,
    /// Whether the server makes its values up; `false` also if that is not told.
    pub is_autoincrement: bool,
    /// The expression that it was made of, as in the statement; `None` if that is not told.
    pub span: Option<Box<str>>,
}

/// What a statement without rows did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqlInfo {
    /// How many rows it inserted, updated or deleted. A `REPLACE` of an existing row counts 2, a
    /// change of the schema 1.
    pub row_count: u64,
    /// The values that the server made up for a column with `AUTOINCREMENT`, in the order of rows.
    pub generated_ids: Vec<i64>,
}

/// A statement that the server has prepared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PreparedStatement {
    /// What [`Execute::prepared`](crate::request::Execute::prepared) names it by: a hash of its
    /// text, valid on the connection that prepared it.
    pub id: u32,
    /// Its parameters.
    pub parameters: Vec<Column>,
    /// The columns of its rows; none if it has no rows.
    pub columns: Vec<Column>,
}

impl Response {
    /// The columns of an SQL result; `None` if the statement has no rows.
    ///
    /// # Errors
    /// The body is not a map of the expected form.
    pub fn columns(&self) -> Result<Option<Vec<Column>>, DecodeError> {
        self.value_of(Key::METADATA)?.map(columns).transpose()
    }

    /// What an SQL statement without rows did; `None` if it has rows.
    ///
    /// # Errors
    /// The body is not a map of the expected form.
    pub fn sql_info(&self) -> Result<Option<SqlInfo>, DecodeError> {
        self.value_of(Key::SQL_INFO)?.map(sql_info).transpose()
    }

    /// The statement that the server has prepared; `None` if this is no reply to
    /// [`Prepare`](crate::request::Prepare).
    ///
    /// # Errors
    /// The body is not a map of the expected form.
    pub fn prepared(&self) -> Result<Option<PreparedStatement>, DecodeError> {
        let Some(id) = self.value_of(Key::STMT_ID)? else {
            return Ok(None);
        };
        let id = u32::try_from(Reader::new(id).uint()?)
            .map_err(|_| DecodeError::new("a statement's id of over 32 bits"))?;
        let parameters = self.value_of(Key::BIND_METADATA)?.map(columns).transpose()?;
        Ok(Some(PreparedStatement {
            id,
            parameters: parameters.unwrap_or_default(),
            columns: self.columns()?.unwrap_or_default(),
        }))
    }
}

fn columns(value: &[u8]) -> Result<Vec<Column>, DecodeError> {
    let mut reader = Reader::new(value);
    let count = reader.array()?;
    // A column takes at least a byte of input but many of memory: grow as they come.
    let mut columns = Vec::with_capacity(count.min(AT_ONCE));
    for _ in 0..count {
        columns.push(column(&mut reader)?);
    }
    Ok(columns)
}

fn column(reader: &mut Reader<'_>) -> Result<Column, DecodeError> {
    let mut column = Column::default();
    for _ in 0..reader.map()? {
        match reader.key()? {
            Some(NAME) => column.name = text(reader)?.unwrap_or_default(),
            Some(TYPE) => column.type_name = text(reader)?.unwrap_or_default(),
            Some(COLLATION) => column.collation = text(reader)?,
            Some(IS_NULLABLE) => column.is_nullable = boolean(reader)?,
            Some(IS_AUTOINCREMENT) => column.is_autoincrement = boolean(reader)? == Some(true),
            Some(SPAN) => column.span = text(reader)?,
            _ => reader.skip()?,
        }
    }
    Ok(column)
}

fn sql_info(value: &[u8]) -> Result<SqlInfo, DecodeError> {
    let mut reader = Reader::new(value);
    let mut info = SqlInfo::default();
    for _ in 0..reader.map()? {
        match reader.key()? {
            Some(ROW_COUNT) => info.row_count = reader.uint()?,
            Some(AUTOINCREMENT_IDS) => {
                let count = reader.array()?;
                info.generated_ids = Vec::with_capacity(count.min(AT_ONCE));
                for _ in 0..count {
                    info.generated_ids.push(integer(&mut reader)?);
                }
            }
            _ => reader.skip()?,
        }
    }
    Ok(info)
}

/// A string, or nil.
fn text(reader: &mut Reader<'_>) -> Result<Option<Box<str>>, DecodeError> {
    match reader.token()? {
        Token::Str(bytes) => Ok(Some(String::from_utf8_lossy(bytes).into())),
        Token::Nil => Ok(None),
        other => Err(unexpected("a string", other)),
    }
}

/// A boolean, or nil.
fn boolean(reader: &mut Reader<'_>) -> Result<Option<bool>, DecodeError> {
    match reader.token()? {
        Token::Bool(value) => Ok(Some(value)),
        Token::Nil => Ok(None),
        other => Err(unexpected("a boolean", other)),
    }
}

fn integer(reader: &mut Reader<'_>) -> Result<i64, DecodeError> {
    match reader.token()? {
        Token::Int(value) => Ok(value),
        Token::Uint(value) => i64::try_from(value)
            .map_err(|_| DecodeError::new(format!("the generated id {value} exceeds 63 bits"))),
        other => Err(unexpected("an integer", other)),
    }
}

#[cold]
fn unexpected(expected: &str, found: Token<'_>) -> DecodeError {
    DecodeError::new(format!("metadata of SQL: expected {expected}, found {found}"))
}

/// So many columns or ids are made room for before they have come.
const AT_ONCE: usize = 64;

/// The keys of a column.
const NAME: u32 = 0;
const TYPE: u32 = 1;
const COLLATION: u32 = 2;
const IS_NULLABLE: u32 = 3;
const IS_AUTOINCREMENT: u32 = 4;
const SPAN: u32 = 5;

/// The keys of what a statement did.
const ROW_COUNT: u32 = 0;
const AUTOINCREMENT_IDS: u32 = 1;
