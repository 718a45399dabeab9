//! Requests into frames: what a caller does before any lock is taken.

use tarantool_proto::request::{
    Begin, Call, Delete, Eval, Execute, Insert, Ping, Replace, Select, Update, Upsert, ops,
};
use tarantool_proto::{Frame, Request};

use super::{Make, Operation, TEXT, keep};

pub(super) const ALL: &[(&str, Make)] = &[
    ("encode/ping", || encode(|| Ping)),
    ("encode/select", || encode(|| Select::from(512).key(70_000).limit(1))),
    ("encode/select by name", || encode(|| Select::from("users").index("age").key(30))),
    ("encode/insert", insert),
    ("encode/replace", replace),
    ("encode/update", || encode(|| Update::of(512).key(70_000).operations(ops().add(2, 1)))),
    ("encode/upsert", || {
        encode(|| Upsert::into(512).row((70_000, "Ann", 1)).operations(ops().add(2, 1)))
    }),
    ("encode/delete", || encode(|| Delete::from(512).key(70_000))),
    ("encode/call", || encode(|| Call::new("total_age").arguments((70_000, "Ann")))),
    ("encode/eval", || encode(|| Eval::new("return ...").arguments((70_000, "Ann")))),
    ("encode/execute", || encode(|| Execute::new("SELECT * FROM t WHERE a = ?").parameters((7,)))),
    ("encode/begin", || encode(Begin::new)),
];

/// Makes the request and encodes it, in a frame that was used before.
fn encode<R: Request>(make: impl Fn() -> R + 'static) -> Operation {
    let mut frame = Frame::new();
    Box::new(move || keep(frame.encode(&make())))
}

fn insert() -> Operation {
    let text = "x".repeat(TEXT);
    let mut frame = Frame::new();
    Box::new(move || keep(frame.encode(&Insert::into(512).row((70_000, &text)))))
}

fn replace() -> Operation {
    let text = "x".repeat(TEXT);
    let mut frame = Frame::new();
    Box::new(move || keep(frame.encode(&Replace::into(512).row((70_000, &text)))))
}
