//! Requests that need what not every server has.

use rmpv::Value;
use tarantool_proto::msgpack::{EncodeError, Raw};
use tarantool_proto::request::{
    Body, Execute, InsertArrow, Prepare, Request, Select, Unprepare, named,
};
use tarantool_proto::{
    Capability, Config, Event, IteratorType, Outcome, RequestId, RequestType, Unanswered, Version,
};

use crate::peer::*;
use crate::schema::{assert_reads_schema, fate, old_server, schema_at};

fn paged() -> Select<'static, u64> {
    Select::from(512).key(1).fetch_position()
}

/// Answered without a byte written, for the lack of this.
pub(crate) fn assert_refused(link: &mut Link, id: RequestId, capability: Capability) {
    let fate = fate(link, id);
    assert_eq!(fate.outcome(), Outcome::NotSent);
    match fate {
        Unanswered::Unsupported(what) => {
            assert_eq!((what.capability(), what.server()), (capability, Version::new(2, 6, 0)));
        }
        other => panic!("{other:?}"),
    }
}

/// On 2.6, which does not have it, and on 3.7, which does.
fn needs(capability: Capability, request: &impl Request) {
    let mut link = old_server();
    let id = link.send(request);
    assert_eq!(link.events(), [Event::Answered(id)], "{capability}");
    assert_eq!(link.writes().len(), 0, "{capability}");
    assert_refused(&mut link, id, capability);
    assert_eq!(link.conn.in_flight(), 0);

    let mut link = Link::ready();
    let id = link.send(request);
    assert_eq!(link.events(), []);
    assert_eq!(link.write()[0].sync, id.sync(), "{capability}");
}

#[test]
fn what_older_servers_ignore_is_not_sent_to_them() {
    needs(Capability::Pagination, &paged());
    needs(Capability::Pagination, &Select::from(512).after_position(b"kQM"));
    needs(Capability::Pagination, &Select::from(512).after_tuple((1, "a")));
    needs(Capability::PrefixIterators, &Select::from(512).key("a").iterator(IteratorType::Np));
    needs(Capability::PrefixIterators, &Select::from(512).key("a").iterator(IteratorType::Pp));
    needs(Capability::InsertArrow, &InsertArrow::into(512).data(&[1, 2, 3]));
}

#[test]
fn extensions_as_sql_parameters_are_not_sent_to_servers_that_die_of_them() {
    let decimal = Raw::new(&[0xc7, 0x03, 0x01, 0x02, 0x12, 0x5c]).unwrap();
    let text = Execute::new("SELECT ?");
    needs(Capability::SqlExtensions, &text.parameters(decimal));
    needs(Capability::SqlExtensions, &text.parameters((1, "a", decimal)));
    needs(Capability::SqlExtensions, &text.parameters([[[decimal]]]));
    needs(Capability::SqlExtensions, &Execute::prepared(7).parameters((decimal,)));
    needs(Capability::SqlExtensions, &text.parameters((named("a", decimal),)));

    // A string with the bytes of an extension is none.
    let mut link = old_server();
    link.send(&text.parameters("\u{c7}\u{d4}\u{d8}"));
    link.send(&Prepare::new("SELECT ?"));
    link.send(&Execute::prepared(7).parameters(1));
    link.send(&Unprepare::new(7));
    assert_eq!(link.write().len(), 4);
}

/// A request as another crate makes it, such as one in a stream.
struct Needy<'a>(&'a [Capability]);

impl Request for Needy<'_> {
    fn request_type(&self) -> RequestType {
        RequestType::PING
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        self.0.iter().for_each(|capability| body.require(*capability));
        Ok(())
    }
}

#[test]
fn any_request_can_say_what_it_needs() {
    for capability in [
        Capability::Streams,
        Capability::Transactions,
        Capability::Watchers,
        Capability::WatchOnce,
        Capability::SynchronousCommit,
    ] {
        needs(capability, &Needy(&[capability]));
    }
    let mut link = old_server();
    link.send(&Needy(&[Capability::Sql, Capability::PreparedStatements]));
    assert_eq!(link.write().len(), 1, "2.6 has both");
    let id = link.send(&Needy(&[Capability::Sql, Capability::Watchers]));
    assert_refused(&mut link, id, Capability::Watchers);
}

#[test]
fn a_frame_shows_what_it_needs() {
    let shown = format!("{:?}", frame(&Needy(&[Capability::Sql, Capability::Watchers])));
    assert!(shown.contains("needs: {Sql, Watchers}"), "{shown}");
}

#[test]
fn the_message_names_what_is_missing_and_both_versions() {
    let mut link = old_server();
    let id = link.send(&paged());
    let text = fate(&mut link, id).to_string();
    let expected = "the server, version 2.6.0, lacks positions in selects, which came with 2.11.0";
    assert_eq!(text, expected);
}

#[test]
fn requests_from_before_the_handshake_are_looked_at_when_the_server_is_known() {
    let mut link = Link::new(Config::default());
    let [first, refused, last] = [link.call(1), link.send(&paged()), link.call(2)];
    let cancelled = link.send(&paged());
    link.conn.cancel(cancelled);
    let late = link.send_until(&paged(), Some(link.at(5)));
    link.feed(GREETING_2_6);
    link.write();
    link.conn.handle_timeout(link.at(5));
    assert_eq!(link.events(), [Event::Answered(late)]);
    assert!(matches!(fate(&mut link, late), Unanswered::TimedOut(Outcome::NotSent)));

    let events = link.feed(&id_reply(GREETING_2_6));
    assert_eq!(events, [Event::Ready, Event::Answered(refused)]);
    assert_refused(&mut link, refused, Capability::Pagination);
    let syncs: Vec<u64> = link.write().iter().map(|sent| sent.sync).collect();
    assert_eq!(syncs, [first.sync(), last.sync()]);
    assert_eq!(link.feed(&[ok(first.sync()), ok(last.sync())].concat()).len(), 2);
}

#[test]
fn a_refusal_needs_no_place_and_no_schema() {
    let mut config = Config::default();
    config.in_flight_max = 1;
    let mut link = Link::ready_with(GREETING_2_6, config);
    let call = link.written_call(1);
    let waiting = link.call(2);
    let by_name = Select::from("users").index("age").fetch_position();
    let refused = link.send_until(&by_name, Some(link.at(50)));
    assert_eq!(link.events(), [Event::Answered(refused)]);
    assert_eq!(link.writes().len(), 0, "the schema is not read for it");
    link.conn.handle_timeout(link.at(50));
    assert_eq!(link.events(), []);
    assert_refused(&mut link, refused, Capability::Pagination);
    link.feed(&ok(call.sync()));
    assert_eq!(link.write()[0].sync, waiting.sync());
}

#[test]
fn the_frame_of_a_refused_request_can_be_used_again() {
    let mut link = old_server();
    let mut frame = frame(&paged());
    link.conn.send(&mut frame, None).unwrap();
    assert_eq!(frame.as_bytes(), b"");
    frame.encode(&Select::from(512)).unwrap();
    link.conn.send(&mut frame, None).unwrap();
    assert_eq!(link.write().len(), 1);
    // One that is refused beside others that wait for the schema leaves them alone.
    link.send(&Select::from("users").key(1));
    link.send(&paged());
    assert_reads_schema(&link.write());
    assert_eq!(link.feed(&schema_at(SCHEMA, false)).len(), 2, "both refusals");
    assert_eq!(link.write()[0].kind, SELECT);
}

/// A handshake with this greeting and this reply to ID.
pub(crate) fn link_with(version: &str, id_reply: &[u8]) -> Link {
    let mut link = Link::new(Config::default());
    let start = format!("Tarantool {version} (Binary) ");
    let mut greeting = *GREETING_3_7;
    greeting[..start.len()].copy_from_slice(start.as_bytes());
    greeting[start.len()..63].fill(b' ');
    link.feed(&greeting);
    link.write();
    assert_eq!(link.feed(id_reply), [Event::Ready]);
    link
}

pub(crate) fn features(numbers: &[u64]) -> Vec<u8> {
    let numbers = numbers.iter().copied().map(Value::from).collect();
    packet_of(0, ID_SYNC, SCHEMA, &map(&[(0x54, 10.into()), (0x55, Value::Array(numbers))]))
}

#[test]
fn features_count_before_versions_and_versions_where_there_are_no_features() {
    use Capability::{Pagination, PrefixIterators, Sql, SqlExtensions, Streams, Watchers};

    let no_id = error(ID_SYNC, 48, "Unknown request type 73");
    let supported = |version: &str, id_reply: &[u8]| {
        let link = link_with(version, id_reply);
        let server = link.conn.server().unwrap();
        [Sql, SqlExtensions, Streams, Watchers, Pagination, PrefixIterators]
            .map(|capability| server.supports(capability))
    };
    let (yes, no) = (true, false);
    assert_eq!(supported("1.10.0", &no_id), [no, no, no, no, no, no]);
    assert_eq!(supported("2.0.0", &no_id), [yes, no, no, no, no, no]);
    assert_eq!(supported("2.9.9", &no_id), [yes, no, no, no, no, no]);
    // As behind a proxy that refuses what it does not know.
    assert_eq!(supported("3.7.0", &no_id), [yes; 6]);
    assert_eq!(supported("2.10.0", &features(&[0, 1, 3])), [yes, yes, yes, yes, no, no]);
    assert_eq!(supported("3.1.9", &features(&[0, 1, 3, 4])), [yes, yes, yes, yes, yes, no]);
    assert_eq!(supported("3.2.0", &features(&[0, 1, 3, 4])), [yes, yes, yes, yes, yes, yes]);
    // What a server does not announce it has not, whatever its version.
    assert_eq!(supported("3.7.0", &features(&[0])), [yes, yes, yes, no, no, yes]);
    // And the other way round.
    assert_eq!(supported("2.10.0", &features(&[4])), [yes, yes, no, no, yes, no]);

    // From the first version on that has it.
    for version in ["2.11.0", "3.7.0"] {
        let mut link = link_with(version, &features(&[0]));
        let id = link.send(&paged());
        let text = fate(&mut link, id).to_string();
        let expected = "does not announce positions in selects";
        assert_eq!(text, format!("the server, version {version}, {expected}"));
    }
}
