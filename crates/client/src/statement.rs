//! SQL statements that are prepared when they are first executed, and again when that is needed.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tarantool_proto::ErrorCode;

use crate::blocking::Blocking;
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::mode::{Async, Mode};
use crate::sql::{Executed, Prepared};

impl<M: Mode> Client<M> {
    /// An SQL statement to be executed many times. Nothing is sent: it is prepared when it is first
    /// executed, and again when the schema has changed since or somebody has made the server forget
    /// it. Server 2.3.1.
    ///
    /// ```no_run
    /// # use tarantool_client::{Client, Error};
    /// # async fn example(client: Client) -> Result<(), Error> {
    /// let replace = client.sql(r#"REPLACE INTO "users" VALUES (?, ?, ?)"#);
    /// for (id, name) in [(1, "Ann"), (2, "Bob")] {
    ///     replace.execute::<()>((id, name, 30)).await?;
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn sql(&self, text: &str) -> Sql<M> {
        Sql { client: self.clone(), text: text.into(), prepared: Arc::default() }
    }
}

/// An SQL statement that is prepared when needed; made by [`Client::sql`].
///
/// Cheap to clone; clones share what was prepared. As with [`Prepared`], dropping it sends nothing.
#[derive(Clone)]
pub struct Sql<M: Mode = Async> {
    client: Client<M>,
    text: Arc<str>,
    prepared: Arc<Mutex<Option<Prepared>>>,
}

impl<M: Mode> Sql<M> {
    /// The statement's text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    fn prepared(&self) -> Option<Prepared> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, prepared: Prepared) -> Prepared {
        *self.prepared.lock().unwrap_or_else(PoisonError::into_inner) = Some(prepared.clone());
        prepared
    }
}

impl Sql<Async> {
    /// Executes the statement; parameters and result are those of [`Client::execute`].
    ///
    /// Each time that it was prepared before this is one request. Dropping the future stops the
    /// wait only.
    ///
    /// # Errors
    /// As [`Client::execute`] and [`Client::prepare`].
    pub async fn execute<T: DeserializeOwned>(
        &self,
        parameters: impl Serialize,
    ) -> Result<Executed<T>, Error> {
        if let Some(prepared) = self.prepared() {
            match self.client.execute(&prepared, &parameters).await {
                Err(error) if is_to_prepare(&error) => {}
                done => return done,
            }
        }
        let prepared = self.keep(self.client.prepare(&self.text).await?);
        self.client.execute(&prepared, &parameters).await
    }
}

impl Sql<Blocking> {
    /// Executes the statement; parameters and result are those of [`Client::execute`].
    ///
    /// # Errors
    /// As [`Client::execute`] and [`Client::prepare`].
    pub fn execute<T: DeserializeOwned>(
        &self,
        parameters: impl Serialize,
    ) -> Result<Executed<T>, Error> {
        if let Some(prepared) = self.prepared() {
            match self.client.execute(&prepared, &parameters) {
                Err(error) if is_to_prepare(&error) => {}
                done => return done,
            }
        }
        let prepared = self.keep(self.client.prepare(&self.text)?);
        self.client.execute(&prepared, &parameters)
    }
}

/// Whether a statement was refused, unexecuted, for not being prepared as it has to be. An expired
/// one has no code of its own.
fn is_to_prepare(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::OtherClient | ErrorKind::ConnectionGone { .. } => true,
        ErrorKind::Server(refused) if refused.code() == ErrorCode::WRONG_QUERY_ID => true,
        ErrorKind::Server(refused) if refused.code() == ErrorCode::SQL_EXECUTE => {
            refused.message().contains("statement has expired")
        }
        _ => false,
    }
}

impl<M: Mode> fmt::Debug for Sql<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sql").field("text", &self.text).finish_non_exhaustive()
    }
}
