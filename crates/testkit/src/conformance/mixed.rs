//! Writes of both kinds at the same time, with a ledger of each.

use std::sync::atomic::{AtomicUsize, Ordering};

use tarantool_client::{Client, Config, Error};

use super::writes::{Kind, Writes, told};
use super::{Adapter, Backend};
use crate::Ledger;
use crate::ledger::Summary;

/// Writes, and what was told of them. Keys of the two kinds do not meet.
#[derive(Debug)]
pub struct Mixed {
    parts: [(Writes, Ledger); 2],
    executed: AtomicUsize,
}

impl Mixed {
    /// Creates the spaces.
    pub async fn create<A: Adapter>(server: &Backend) -> Self {
        let inserts = Writes::create::<A>(server, Kind::Insert).await;
        let upserts = Writes::create::<A>(server, Kind::Upsert).await;
        let parts = [(inserts, Ledger::new()), (upserts, Ledger::new())];
        Self { parts, executed: AtomicUsize::new(0) }
    }

    /// Writes once, in an even turn by an insert, in an odd one by an upsert, and records what is
    /// told of it.
    ///
    /// # Errors
    /// What the client was told, if the write failed.
    pub async fn write<A: Adapter>(
        &self,
        client: &Client<A::Mode>,
        turn: usize,
    ) -> Result<(), Error> {
        let (writes, ledger) = &self.parts[turn % 2];
        let key = ledger.key();
        let result = A::wait(writes.write(client, key)).await;
        ledger.record(key, told(&result));
        self.executed.fetch_add(usize::from(result.is_ok()), Ordering::Relaxed);
        result
    }

    /// How many writes were executed, as far as was told.
    #[must_use]
    pub fn executed(&self) -> usize {
        self.executed.load(Ordering::Relaxed)
    }

    /// Compares what was told with what is in the database, and returns the sum of both kinds.
    pub async fn compare<A: Adapter>(&self, config: &Config) -> Summary {
        let mut sum = Summary::default();
        for (writes, ledger) in &self.parts {
            let database = writes.executions::<A>(config.clone()).await;
            let summary = ledger.compare(database);
            let summary = summary.unwrap_or_else(|wrong| panic!("{writes:?}: {wrong}"));
            println!("{writes:?}: {summary}");
            assert!(summary.executed > 0, "{summary}");
            sum.executed += summary.executed;
            sum.refused += summary.refused;
            sum.not_sent += summary.not_sent;
            sum.maybe_executed += summary.maybe_executed;
            sum.of_these_executed += summary.of_these_executed;
        }
        sum
    }
}
