//! A server whose schema must be read, and names that are not in it.

use rmpv::Value;
use tarantool_proto::request::{Begin, Insert, Select};
use tarantool_proto::{Config, Event, IteratorType, Outcome, RequestId, Unanswered};

use crate::peer::*;

pub(crate) fn old_server() -> Link {
    Link::ready_with(GREETING_2_6, Config::default())
}

pub(crate) fn row(values: &[Value]) -> Value {
    Value::Array(values.to_vec())
}

/// `users` is 512, with the indexes `primary` 0 and `age` 2; `orders` is 513; `new` may be 514.
pub(crate) fn spaces(with_new: bool) -> Vec<Value> {
    let space = |id: u64, name: &str| {
        let rest = [1.into(), name.into(), "memtx".into(), Value::Map(vec![])];
        row(&[&[id.into()], &rest[..]].concat())
    };
    let mut rows = vec![space(281, "_vspace"), space(512, "users"), space(513, "orders")];
    rows.extend(with_new.then(|| space(514, "new")));
    rows
}

pub(crate) fn indexes() -> Vec<Value> {
    let index = |space: u64, id: u64, name: &str| {
        row(&[space.into(), id.into(), name.into(), "tree".into(), Value::Map(vec![])])
    };
    vec![index(512, 0, "primary"), index(512, 2, "age"), index(513, 0, "primary")]
}

/// The replies to both views, read at this schema version.
pub(crate) fn schema_at(version: u64, with_new: bool) -> Vec<u8> {
    let spaces = ok_at(SPACES_SYNC, version, spaces(with_new));
    [spaces, ok_at(INDEXES_SYNC, version, indexes())].concat()
}

pub(crate) fn assert_reads_schema(sent: &[Sent]) {
    let syncs: Vec<u64> = sent.iter().map(|sent| sent.sync).collect();
    assert_eq!(syncs, [SPACES_SYNC, INDEXES_SYNC]);
    for (sent, view) in sent.iter().zip([281, 289]) {
        assert_eq!(sent.kind, SELECT);
        assert_eq!(sent.field(0x10), Some(&Value::from(view)));
        assert_eq!(sent.field(0x12), Some(&Value::from(u32::MAX)));
        assert_eq!(sent.field(0x14), Some(&Value::from(IteratorType::All.number())));
        assert_eq!(sent.field(0x20), Some(&Value::Array(vec![])));
    }
}

/// A 2.6 link that knows the schema.
pub(crate) fn with_schema() -> Link {
    let mut link = old_server();
    let id = link.send(&Insert::into("users").row((1,)));
    assert_reads_schema(&link.write());
    assert_eq!(link.feed(&schema_at(SCHEMA, false)), []);
    assert_eq!(link.write().len(), 1);
    link.feed(&ok(id.sync()));
    link.conn.take(id).unwrap().unwrap();
    link
}

pub(crate) fn fate(link: &mut Link, id: RequestId) -> Unanswered {
    link.conn.take(id).unwrap().unwrap_err()
}

#[test]
fn an_unknown_space_is_looked_for_in_a_fresh_schema() {
    let mut link = with_schema();
    let id = link.send(&Insert::into("new").row((1,)));
    assert_reads_schema(&link.write());
    assert_eq!(link.feed(&schema_at(SCHEMA, false)), [Event::Answered(id)]);
    let fate = fate(&mut link, id);
    assert_eq!(fate.outcome(), Outcome::NotSent);
    assert_eq!(
        fate.to_string(),
        "the server has no space named \"new\", or none that this user may see"
    );
    assert_eq!(link.writes().len(), 0);
    assert_eq!(link.conn.in_flight(), 0);

    // And again each time: another connection may have created it by now.
    link.send(&Insert::into("new").row((1,)));
    assert_reads_schema(&link.write());
    assert_eq!(link.feed(&schema_at(SCHEMA, true)), []);
    assert_eq!(link.write()[0].field(0x10), Some(&Value::from(514)));
}

#[test]
fn an_unknown_index_is_named() {
    let mut link = with_schema();
    let ids = [
        link.send(&Select::from("users").index("height").key(1)),
        link.send(&Select::from(513).index("age").key(1)),
    ];
    assert_reads_schema(&link.write());
    assert_eq!(link.feed(&schema_at(SCHEMA, false)), ids.map(Event::Answered));
    let texts = ids.map(|id| fate(&mut link, id).to_string());
    assert_eq!(
        texts[0],
        "the server has no index named \"height\" in space \"users\", or none that this user may see"
    );
    assert_eq!(
        texts[1],
        "the server has no index named \"age\" in space 513, or none that this user may see"
    );
}

#[test]
fn an_unknown_name_no_longer_times_out() {
    let mut link = old_server();
    let id = link.send_until(&Insert::into("new").row((1,)), Some(link.at(100)));
    link.write();
    link.feed(&schema_at(SCHEMA, false));
    link.conn.handle_timeout(link.at(100));
    assert_eq!(link.events(), []);
    assert!(matches!(fate(&mut link, id), Unanswered::UnknownName(_)));
    assert_eq!(link.conn.stats().timed_out, 0);
}

#[test]
fn a_name_is_unknown_only_by_a_schema_read_after_the_request() {
    let mut link = old_server();
    link.send(&Insert::into("users").row((1,)));
    assert_reads_schema(&link.write());
    // The space is created now, after the views were asked for: their replies do not show it.
    let id = link.send(&Insert::into("new").row((1,)));
    assert_eq!(link.feed(&schema_at(SCHEMA, false)), []);
    let sent = link.write();
    assert_eq!(sent[0].field(0x10), Some(&Value::from(512)));
    assert_reads_schema(&sent[1..]);
    assert_eq!(link.feed(&schema_at(SCHEMA + 1, true)), []);
    let sent = link.write();
    assert_eq!((sent[0].sync, sent[0].field(0x10)), (id.sync(), Some(&Value::from(514))));
}

#[test]
fn a_schema_that_cannot_be_read_fails_those_who_need_it() {
    let mut link = old_server();
    let ids = [
        link.send_until(&Insert::into("users").row((1,)), Some(link.at(100))),
        link.send(&Insert::into("orders").row((1,))),
    ];
    let call = link.call(3);
    link.write();
    let refused = error(SPACES_SYNC, 42, "Read access to space '_vspace' is denied");
    let replies = [refused, ok_at(INDEXES_SYNC, SCHEMA, indexes())].concat();
    assert_eq!(link.feed(&replies), ids.map(Event::Answered));
    for id in ids {
        let fate = fate(&mut link, id);
        assert_eq!(fate.outcome(), Outcome::NotSent);
        let text = fate.to_string();
        let expected = "the server's schema could not be read: Read access to space '_vspace'";
        assert!(text.starts_with(expected), "{text}");
    }
    link.conn.handle_timeout(link.at(100));
    assert_eq!(link.feed(&ok(call.sync())), [Event::Answered(call)]);

    // The next name tries again.
    link.send(&Insert::into("users").row((1,)));
    assert_reads_schema(&link.write());
    link.feed(&schema_at(SCHEMA, false));
    assert_eq!(link.write()[0].kind, INSERT);
}

#[test]
fn the_rest_of_a_failed_reading_is_not_part_of_the_next() {
    let young = || Select::from("users").index("young").key(1);
    let mut link = old_server();
    let failed = [link.send(&young()), link.send(&young())];
    link.write();
    assert_eq!(link.feed(&error(SPACES_SYNC, 42, "no")), []);
    // The other view's reply is under way: nobody begins again before it is there.
    let joined = link.send(&young());
    assert_eq!(link.write(), []);
    let [first, second] = failed;
    let stale = ok_at(INDEXES_SYNC, SCHEMA, indexes());
    assert_eq!(link.feed(&stale), [first, second, joined].map(Event::Answered));

    let again = link.send(&young());
    assert_reads_schema(&link.write());
    let mut changed = indexes();
    changed.push(row(&[512.into(), 3.into(), "young".into(), "tree".into()]));
    assert_eq!(link.feed(&ok_at(SPACES_SYNC, SCHEMA + 1, spaces(false))), []);
    assert_eq!(link.feed(&ok_at(INDEXES_SYNC, SCHEMA + 1, changed)), []);
    let sent = link.write();
    assert_eq!((sent[0].sync, sent[0].field(0x11)), (again.sync(), Some(&Value::from(3))));
}

#[test]
fn a_malformed_schema_fails_those_who_need_it() {
    for rows in [vec![1.into()], vec![row(&["x".into()])], vec![row(&[512.into()])]] {
        let mut link = old_server();
        let id = link.send(&Insert::into("users").row((1,)));
        link.write();
        link.feed(&ok_at(INDEXES_SYNC, SCHEMA, indexes()));
        assert_eq!(link.feed(&ok_at(SPACES_SYNC, SCHEMA, rows)), [Event::Answered(id)]);
        assert!(matches!(fate(&mut link, id), Unanswered::SchemaUnavailable(_)));
    }
}

#[test]
fn a_schema_that_changed_between_its_views_is_read_again() {
    let mut link = old_server();
    link.send(&Insert::into("users").row((1,)));
    link.write();
    link.feed(&ok_at(SPACES_SYNC, SCHEMA, spaces(false)));
    link.feed(&ok_at(INDEXES_SYNC, SCHEMA + 1, indexes()));
    assert_eq!(link.write()[0].kind, INSERT);
    link.send(&Insert::into("users").row((2,)));
    assert_reads_schema(&link.write());
}

#[test]
fn requests_that_were_refused_and_taken_leave_nothing() {
    let mut link = old_server();
    let shown = format!("{:?}", link.conn).len();
    for _ in 0..1000 {
        let id = link.send_in(1, &Begin::new());
        link.conn.take(id).unwrap().unwrap_err();
    }
    // Nobody asked for events meanwhile.
    assert!(format!("{:?}", link.conn).len() < shown + 500);
}
