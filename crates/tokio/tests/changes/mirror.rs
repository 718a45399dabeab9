//! A space as one makes it from changes alone.

use std::collections::BTreeMap;

use tarantool_tokio::{Change, Operation};

pub(crate) type Row = (u64, u64);

/// Rows by their keys. What cannot be is a panic: an insert of what is there, a change of what is
/// not, a change that is missing or comes twice.
#[derive(Debug, Default)]
pub(crate) struct Mirror {
    pub(crate) rows: BTreeMap<u64, u64>,
    /// The LSN of the last change.
    lsn: Option<u64>,
    pub(crate) changes: usize,
    is_snapshot_over: bool,
}

impl Mirror {
    pub(crate) fn apply(&mut self, change: &Change) {
        if change.operation() == Operation::SnapshotEnd {
            assert!(!self.is_snapshot_over);
            self.is_snapshot_over = true;
            self.lsn = change.vclock().map(|vclock| vclock.get(1));
            return;
        }
        assert_eq!(change.is_snapshot(), !self.is_snapshot_over);
        assert_eq!(change.space_id(), Some(512));
        if self.is_snapshot_over {
            self.changes += 1;
            assert_eq!(change.vclock().unwrap().get(1), change.lsn());
            assert_eq!(self.lsn.map(|lsn| lsn + 1), Some(change.lsn()), "lost or twice");
            self.lsn = Some(change.lsn());
        }
        match change.operation() {
            Operation::Insert => {
                let (key, value): Row = change.decode().unwrap();
                assert_eq!(self.rows.insert(key, value), None, "{key} was there");
            }
            Operation::Replace => {
                let (key, value): Row = change.decode().unwrap();
                self.rows.insert(key, value);
            }
            Operation::Update => {
                let (key,): (u64,) = change.decode_key().unwrap();
                let value = self.rows.get_mut(&key).expect("a row to update");
                *value += added(change);
            }
            Operation::Upsert => {
                let (key, value): Row = change.decode().unwrap();
                self.rows.entry(key).and_modify(|old| *old += added(change)).or_insert(value);
            }
            Operation::Delete => {
                let (key,): (u64,) = change.decode_key().unwrap();
                assert!(self.rows.remove(&key).is_some(), "{key} was not there");
            }
            other => panic!("{other:?}"),
        }
    }
}

/// What the operations `{{'+', 2, n}}` add; fields count from the change's base.
fn added(change: &Change) -> u64 {
    let operations = change.operations().unwrap();
    let operations: Vec<(String, u64, u64)> =
        tarantool_tokio::msgpack::from_slice(operations).unwrap();
    let [(name, field, value)] = &operations[..] else {
        panic!("{operations:?}");
    };
    assert_eq!((name.as_str(), *field), ("+", 1 + u64::from(change.index_base())));
    *value
}
