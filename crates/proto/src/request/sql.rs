//! SQL statements: executed, prepared, forgotten.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Body, Request, Subject};
use crate::capability::Capability;
use crate::keys::{Key, RequestType};
use crate::msgpack::{EncodeError, Reader, Token};

/// Executes an SQL statement (2.0). The reply has rows and
/// [`columns`](crate::Response::columns), or a [`SqlInfo`](crate::SqlInfo) for statements without.
///
/// ```
/// use tarantool_proto::{Frame, request::{Execute, named}};
///
/// let mut frame = Frame::new();
/// frame.encode(&Execute::new(r#"SELECT * FROM "users" WHERE "age" >= ? AND "age" < ?"#).parameters((18, 30)))?;
/// frame.encode(&Execute::new(r#"DELETE FROM "users" WHERE "id" = :id"#).parameters((named("id", 7),)))?;
/// # Ok::<(), tarantool_proto::msgpack::EncodeError>(())
/// ```
///
/// Extension values (decimal, uuid and the like) as parameters need server 2.10; servers since 3.0
/// want the word `SEQSCAN` before a table that is read from end to end, unless set up otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Execute<'a, P = ()> {
    statement: Statement<'a>,
    parameters: P,
}

#[derive(Clone, Copy, Debug)]
enum Statement<'a> {
    Text(&'a str),
    Prepared(u32),
}

impl<'a> Execute<'a> {
    /// Executes this statement.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { statement: Statement::Text(text), parameters: () }
    }

    /// Executes the statement that [`Prepare`] gave this id, on the same connection (2.3.1).
    ///
    /// Error [`WRONG_QUERY_ID`](crate::ErrorCode::WRONG_QUERY_ID): it was not prepared there.
    /// [`SQL_EXECUTE`](crate::ErrorCode::SQL_EXECUTE) with "statement has expired": the schema has
    /// changed; prepare it again.
    #[must_use]
    pub const fn prepared(id: u32) -> Self {
        Self { statement: Statement::Prepared(id), parameters: () }
    }

    /// The parameters: a tuple or a sequence of values, each for the next `?`, and of [`named`]
    /// values; a scalar is one parameter, `()` none. Missing ones are null, extra ones an error.
    #[must_use]
    pub fn parameters<P: Serialize>(self, parameters: P) -> Execute<'a, P> {
        Execute { statement: self.statement, parameters }
    }
}

impl<P: Serialize> Request for Execute<'_, P> {
    fn request_type(&self) -> RequestType {
        RequestType::EXECUTE
    }

    fn subject(&self) -> Subject {
        match self.statement {
            Statement::Text(text) => Subject::with_name(RequestType::EXECUTE, text),
            Statement::Prepared(id) => Subject::with_number(RequestType::EXECUTE, id),
        }
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        match self.statement {
            Statement::Text(text) => {
                body.require(Capability::Sql);
                body.str(Key::SQL_TEXT, text);
            }
            Statement::Prepared(id) => {
                body.require(Capability::PreparedStatements);
                body.uint(Key::STMT_ID, id);
            }
        }
        let start = body.len();
        body.key(Key::SQL_BIND, &self.parameters)?;
        if has_extension(body.written_since(start))? {
            body.require(Capability::SqlExtensions);
        }
        Ok(())
    }
}

/// Whether one of these values is an extension, or one inside of them.
fn has_extension(bytes: &[u8]) -> Result<bool, EncodeError> {
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        match reader.token() {
            Ok(Token::Ext(..)) => return Ok(true),
            Ok(_) => {}
            Err(error) => return Err(EncodeError::new(format!("parameters: {error}"))),
        }
    }
    Ok(false)
}

/// Has an SQL statement prepared (2.3.1): parsed once, then executed by id on the same connection.
///
/// The reply has a [`PreparedStatement`](crate::PreparedStatement). The server keeps the statement
/// until it is [unprepared](Unprepare) or the connection ends.
#[derive(Clone, Copy, Debug)]
pub struct Prepare<'a>(&'a str);

impl<'a> Prepare<'a> {
    /// Prepares this statement.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }
}

impl Request for Prepare<'_> {
    fn request_type(&self) -> RequestType {
        RequestType::PREPARE
    }

    fn subject(&self) -> Subject {
        Subject::with_name(RequestType::PREPARE, self.0)
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.require(Capability::PreparedStatements);
        body.str(Key::SQL_TEXT, self.0);
        Ok(())
    }
}

/// Has the server forget a prepared statement (2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unprepare(u32);

impl Unprepare {
    /// Forgets the statement of this id; error
    /// [`WRONG_QUERY_ID`](crate::ErrorCode::WRONG_QUERY_ID) if it is not prepared on this connection.
    #[must_use]
    pub const fn new(id: u32) -> Self {
        Self(id)
    }
}

impl Request for Unprepare {
    fn request_type(&self) -> RequestType {
        RequestType::PREPARE
    }

    fn subject(&self) -> Subject {
        Subject::with_number(RequestType::PREPARE, self.0)
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.require(Capability::PreparedStatements);
        body.uint(Key::STMT_ID, self.0);
        Ok(())
    }
}

/// A parameter of an SQL statement by its name.
///
/// The name is as in the statement, `:id` or `@id`; without such a prefix `:` is meant.
///
/// ```
/// use tarantool_proto::request::{Execute, named};
///
/// let request = Execute::new(r#"UPDATE "users" SET "age" = :age WHERE "id" = @id"#)
///     .parameters((named("age", 31), named("@id", 1)));
/// ```
#[must_use]
pub const fn named<V: Serialize>(name: &str, value: V) -> Named<'_, V> {
    Named { name, value }
}

/// A parameter with its name; made by [`named`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<'a, V> {
    name: &'a str,
    value: V,
}

impl<V: Serialize> Serialize for Named<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        if self.name.starts_with([':', '@']) {
            map.serialize_entry(self.name, &self.value)?;
        } else {
            map.serialize_entry(&format!(":{}", self.name), &self.value)?;
        }
        map.end()
    }
}
