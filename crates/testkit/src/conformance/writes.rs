//! Writes whose executions can be counted, on both kinds of servers.

use tarantool_client::{Client, Config, Error, IteratorType, Mode, ops};

use super::backend::unique;
use super::{Adapter, Backend, connect, connect_as};
use crate::Told;

/// How a write shows that it was executed twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As two rows: the real server numbers them. On the embedded one, which has no sequences, the
    /// second execution is refused, and the client told of an error though the key is there.
    Insert,
    /// As the number 2: each execution after the first adds 1.
    Upsert,
}

/// A space for writes of one kind.
#[derive(Clone, Debug)]
pub struct Writes {
    space: String,
    kind: Kind,
    is_numbered: bool,
}

const PAGE: u32 = 1000;

impl Writes {
    /// Creates the space.
    ///
    /// # Panics
    /// It cannot be created.
    pub async fn create<A: Adapter>(server: &Backend, kind: Kind) -> Self {
        let space = unique("writes");
        let is_numbered = kind == Kind::Insert && server.tarantool().is_some();
        if let Some(server) = server.server() {
            let fields = server.space(&space).field("key", "unsigned").field("count", "unsigned");
            fields.primary_key("key").create().unwrap();
        } else {
            let code = "local name, is_numbered = ...
                box.schema.space.create(name)
                if is_numbered then
                    box.schema.sequence.create(name)
                end
                box.space[name]:create_index('pk', {sequence = is_numbered and name or nil})";
            let client = connect::<A>(server).await;
            let () = A::wait(client.eval(code, (&space, is_numbered))).await.unwrap();
        }
        Self { space, kind, is_numbered }
    }

    /// Its name.
    #[must_use]
    pub fn space(&self) -> &str {
        &self.space
    }

    /// Writes a key, which is another one each time.
    pub fn write<M: Mode>(&self, client: &Client<M>, key: u64) -> M::Reply<()> {
        match self.kind {
            Kind::Insert => {
                let first = (!self.is_numbered).then_some(key);
                client.space::<(Option<u64>, u64)>(&self.space).insert(&(first, key))
            }
            Kind::Upsert => {
                client.space::<(u64, u64)>(&self.space).upsert(&(key, 1), ops().add(1, 1))
            }
        }
    }

    /// Every key that is there and how often it was written, read page by page over a connection
    /// of its own.
    ///
    /// # Panics
    /// It cannot be read.
    pub async fn executions<A: Adapter>(&self, config: Config) -> Vec<(u64, u64)> {
        let client = connect_as::<A>(config).await;
        let space = client.space::<(u64, u64)>(&self.space);
        let mut rows: Vec<(u64, u64)> = Vec::new();
        loop {
            let page = match rows.last() {
                Some(last) => space.select(last.0).iterator(IteratorType::Gt).limit(PAGE).send(),
                None => space.select(()).limit(PAGE).send(),
            };
            let page = A::wait(page).await.unwrap();
            if page.is_empty() {
                break;
            }
            rows.extend(page);
        }
        match self.kind {
            Kind::Insert => rows.into_iter().map(|(_, key)| (key, 1)).collect(),
            Kind::Upsert => rows,
        }
    }
}

/// What the caller of a write was told.
pub fn told(result: &Result<(), Error>) -> Told {
    match result {
        Ok(()) => Told::Executed,
        Err(error) => Told::failed(error.outcome(), error.code()),
    }
}
