//! Golden vectors: bytes captured from servers 2.6.0 and 3.7.0, see `tests/data/README.md`.

mod auth;
mod ext;
mod feeding;
mod load;
mod operations;
mod ours;
mod packet;
mod replication;
mod report;
mod requests;
mod responses;
mod sha256;
mod sql;
mod view;

use tarantool_proto::Frame;

use report::Report;
use responses::Responses;

/// Every response decodes to its view however it is fed, and every request that our API can make
/// decodes to its view when we make it. Prints what was run and what was not: `--nocapture`.
#[test]
fn golden_vectors() {
    let cases = load::cases();
    let mut responses = Responses::new(&cases);
    let mut report = Report::default();
    let mut frame = Frame::new();
    for case in &cases {
        report.vector(case, |report| {
            for step in 0..case.steps.len() {
                requests::run(case, step, &mut frame, report);
                responses.run(case, step, report);
            }
        });
    }
    println!("{report}");
    no_failures(&report);
    report.check_sums();
    enough(&report);
}

fn no_failures(report: &Report) {
    let failures = &report.failures;
    assert!(failures.is_empty(), "{} failures: {failures:#?}", failures.len());
}

/// Not less was run than when this was written.
fn enough(report: &Report) {
    for (what, least, actual) in [
        ("vectors of 2.6.0", 774, report.vectors["2.6.0"]),
        ("vectors of 3.7.0", 866, report.vectors["3.7.0"]),
        ("vectors in full", 1300, report.complete),
        ("recorded requests compared", 1833, report.request_views),
        ("responses", 2068, report.responses),
        ("greetings", 6, report.greetings),
        ("handshakes", 32, report.handshakes),
        ("feedings", 238_435, report.feedings),
        ("answers", 3836, report.answers),
    ] {
        assert!(actual >= least, "{what}: {actual}, not {least}");
    }
    for (request_type, old, new) in ENCODED {
        for (server, least) in [("2.6.0", old), ("3.7.0", new)] {
            let actual = report.encoded.get(&(request_type, server.to_owned()));
            let actual = actual.copied().unwrap_or_default();
            let what = format!("{request_type} requests of {server}");
            assert!(actual >= least, "{what}: {actual}, not {least}");
        }
    }
    for form in FORMS {
        assert!(report.forms.contains(form), "no request with {form}");
    }
}

/// Types of requests and how many of them we encode for 2.6.0 and for 3.7.0.
const ENCODED: [(&str, usize, usize); 25] = [
    ("AUTH", 12, 12),
    ("BEGIN", 1, 28),
    ("CALL", 198, 207),
    ("CALL_16", 16, 17),
    ("COMMIT", 1, 14),
    ("DELETE", 3, 4),
    ("EVAL", 55, 63),
    ("EXECUTE", 55, 55),
    ("ID", 9, 9),
    ("INSERT", 33, 48),
    ("INSERT_ARROW", 3, 3),
    ("PING", 94, 100),
    ("PREPARE", 7, 7),
    ("REPLACE", 25, 27),
    ("ROLLBACK", 1, 17),
    ("SELECT", 87, 108),
    ("UPDATE", 82, 84),
    ("UPSERT", 6, 7),
    ("VOTE", 3, 3),
    ("FETCH_SNAPSHOT", 4, 4),
    ("SUBSCRIBE", 11, 11),
    ("acknowledgement", 1, 1),
    ("UNWATCH", 1, 2),
    ("WATCH", 1, 36),
    ("WATCH_ONCE", 2, 4),
];

/// What must be among the encoded requests.
const FORMS: [&str; 47] = [
    "INDEX_BASE 1",
    "after position",
    "after tuple",
    "fetch position",
    "field by name",
    "field by negative number",
    "field by number",
    "field by path",
    "index by name",
    "index by number",
    "isolation BestEffort",
    "isolation Linearizable",
    "isolation ReadCommitted",
    "isolation ReadConfirmed",
    "iterator All",
    "iterator BitsAllNotSet",
    "iterator BitsAllSet",
    "iterator BitsAnySet",
    "iterator Eq",
    "iterator Ge",
    "iterator Gt",
    "iterator Le",
    "iterator Lt",
    "iterator Neighbor",
    "iterator Np",
    "iterator Overlaps",
    "iterator Pp",
    "iterator Req",
    "limit",
    "offset",
    "operation !",
    "operation #",
    "operation &",
    "operation +",
    "operation -",
    "operation :",
    "operation =",
    "operation ^",
    "operation |",
    "parameter by name",
    "parameter by position",
    "space by name",
    "space by number",
    "statement by id",
    "statement by text",
    "synchronous",
    "timeout",
];
