//! SQL.

use std::fmt;
use std::sync::{Arc, Weak};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tarantool_proto::msgpack::DecodeError;
use tarantool_proto::request::{Execute, Prepare, Request, Unprepare};
use tarantool_proto::{Column, PreparedStatement, Response};

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::lane::Lane;
use crate::mode::Mode;
use crate::pending::Pending;
use crate::shared::{Sending, Shared};

impl<M: Mode> Client<M> {
    /// Executes an SQL statement, given as text or [prepared](Self::prepare). Server 2.0.
    ///
    /// `parameters` is a tuple or a sequence of values, each for the next `?`, and of
    /// [`named`](crate::named) values; a scalar is one parameter, `()` none. Missing ones are null,
    /// extra ones an error. `T` is the type of the rows; `()` for statements without.
    ///
    /// ```no_run
    /// # use tarantool_client::{Client, Error, Executed, named};
    /// # async fn example(client: Client) -> Result<(), Error> {
    /// let adults: Executed<(u64, String)> =
    ///     client.execute(r#"SELECT "id", "name" FROM "users" WHERE "age" >= ?"#, 18).await?;
    /// for (id, name) in adults.rows {
    ///     println!("{id}: {name}");
    /// }
    /// let parameters = (named("age", 31), named("id", 1));
    /// let update = r#"UPDATE "users" SET "age" = :age WHERE "id" = :id"#;
    /// let updated: Executed<()> = client.execute(update, parameters).await?;
    /// assert_eq!(updated.row_count, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// Names without quotes are taken in capitals by servers before 3.0.
    ///
    /// Extension values (decimal, uuid and the like) as parameters need server 2.10 and are not
    /// sent to older ones. Servers since 3.0 want the word `SEQSCAN` before a table that is read
    /// from end to end, unless set up otherwise.
    ///
    /// # Errors
    /// Besides those of every verb, for prepared statements:
    /// [`OtherClient`](ErrorKind::OtherClient), and
    /// [`SQL_EXECUTE`](crate::ErrorCode::SQL_EXECUTE) with "statement has expired" if the schema has
    /// changed since: prepare it again.
    pub fn execute<'s, T: DeserializeOwned>(
        &self,
        statement: impl Into<Statement<'s>>,
        parameters: impl Serialize,
    ) -> M::Reply<Executed<T>> {
        match statement.into() {
            Statement::Text(text) => {
                self.request(&Execute::new(text).parameters(parameters), executed)
            }
            Statement::Prepared(statement) => {
                let request = Execute::prepared(statement.id()).parameters(parameters);
                self.request_here(statement, &request, executed)
            }
        }
    }

    /// Has the server parse an SQL statement, to be executed any number of times on this connection.
    /// Server 2.3.1.
    ///
    /// ```no_run
    /// # use tarantool_client::{Client, Error, Executed};
    /// # async fn example(client: Client) -> Result<(), Error> {
    /// let replace = client.prepare(r#"REPLACE INTO "users" VALUES (?, ?, ?)"#).await?;
    /// for (id, name) in [(1, "Ann"), (2, "Bob")] {
    ///     let _: Executed<()> = client.execute(&replace, (id, name, 30)).await?;
    /// }
    /// client.unprepare(replace).await?;
    /// # Ok(()) }
    /// ```
    pub fn prepare(&self, text: &str) -> M::Reply<Prepared> {
        self.request(&Prepare::new(text), prepared)
    }

    /// Has the server forget a prepared statement. Server 2.3.1.
    ///
    /// # Errors
    /// Besides those of every verb: [`OtherClient`](ErrorKind::OtherClient), and
    /// [`WRONG_QUERY_ID`](crate::ErrorCode::WRONG_QUERY_ID) if it is forgotten already.
    pub fn unprepare(&self, statement: Prepared) -> M::Reply<()> {
        self.request_here(&statement, &Unprepare::new(statement.id()), |_, _| Ok(()))
    }

    /// Starts a request about a statement, if it was prepared on this connection.
    fn request_here<R: Request, T>(
        &self,
        statement: &Prepared,
        request: &R,
        decode: fn(Response, &Arc<Shared>) -> Result<T, DecodeError>,
    ) -> M::Reply<T> {
        let sending = Sending { bound_to: Some(statement.generation), ..self.sending() };
        let its = |lane: &&Arc<Lane<M>>| {
            std::ptr::eq(statement.client.as_ptr(), Arc::as_ptr(&lane.shared))
        };
        let (lane, (sent, subject)) = match self.all_lanes().find(its) {
            Some(lane) => (lane, lane.submit(request, sending, |_, _| {})),
            None => {
                let subject = request.subject();
                (&self.lane, (Err(Error::of(subject, ErrorKind::OtherClient)), subject))
            }
        };
        lane.mode.reply(Pending::new(&lane.shared, sent, subject, decode))
    }
}

/// What [`Client::execute`] executes: made of a text or of a [`Prepared`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Statement<'a> {
    /// By its text.
    Text(&'a str),
    /// Prepared before, on the same connection.
    Prepared(&'a Prepared),
}

impl<'a> From<&'a str> for Statement<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Statement<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a Prepared> for Statement<'a> {
    fn from(statement: &'a Prepared) -> Self {
        Self::Prepared(statement)
    }
}

/// What an SQL statement gave.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Executed<T> {
    /// The rows, if it has any.
    pub rows: Vec<T>,
    /// The columns of the rows; none for a statement without rows.
    pub columns: Vec<Column>,
    /// For a statement without rows: how many it inserted, updated or deleted. A `REPLACE` of an
    /// existing row counts 2, a change of the schema 1.
    pub row_count: u64,
    /// The values that the server made up for a column with `AUTOINCREMENT`, in the order of rows.
    ///
    /// For a prepared statement, server 2.6 tells those of its earlier executions before them.
    pub generated_ids: Vec<i64>,
}

/// The rows.
impl<T> IntoIterator for Executed<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}

/// An SQL statement that the server has prepared; made by [`Client::prepare`].
///
/// Cheap to clone. It belongs to the connection that it was prepared on, for all clones of that
/// client; on the next one it is [`ConnectionGone`](ErrorKind::ConnectionGone), and prepared anew.
/// [`Client::sql`] does that by itself.
/// Keeping it does not keep the connection open.
///
/// The server keeps the statement until it is [unprepared](Client::unprepare) or the connection
/// ends; dropping this sends nothing. Two that were prepared from one text are one to the server:
/// unprepared once, both are forgotten.
#[derive(Clone)]
pub struct Prepared {
    statement: Arc<PreparedStatement>,
    client: Weak<Shared>,
    /// The number of the connection.
    generation: u64,
}

impl Prepared {
    /// What the server calls it: a hash of its text.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.statement.id
    }

    /// Its parameters: `?`, or a name with its prefix.
    #[must_use]
    pub fn parameters(&self) -> &[Column] {
        &self.statement.parameters
    }

    /// The columns of its rows; none if it has no rows.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.statement.columns
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("statement", &self.statement).finish_non_exhaustive()
    }
}

fn executed<T: DeserializeOwned>(
    response: Response,
    _: &Arc<Shared>,
) -> Result<Executed<T>, DecodeError> {
    let info = response.sql_info()?.unwrap_or_default();
    Ok(Executed {
        rows: response.rows()?,
        columns: response.columns()?.unwrap_or_default(),
        row_count: info.row_count,
        generated_ids: info.generated_ids,
    })
}

fn prepared(response: Response, shared: &Arc<Shared>) -> Result<Prepared, DecodeError> {
    let statement = response.prepared()?;
    let statement = statement.ok_or_else(|| DecodeError::new("the reply has no statement"))?;
    // If that was lost since the reply came, the server will not know the statement.
    let generation = shared.lock().session.binding();
    Ok(Prepared { statement: Arc::new(statement), client: Arc::downgrade(shared), generation })
}
