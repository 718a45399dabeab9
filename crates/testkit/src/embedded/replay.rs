//! What clients sent to a real server 3.7.0, replayed: the recorded outcome must come back.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use serde_json::Value as Json;
use tarantool_proto::msgpack::{write, write_value};
use tarantool_proto::{ErrorCode, RequestType, ServerError, split};

use super::{RawLink, Server, ServerBuilder};

const GROUPS: [&str; 13] = [
    "auth",
    "call",
    "dml",
    "errors",
    "frame",
    "id",
    "malformed",
    "push",
    "select",
    "sizes",
    "streams",
    "tuple_ext",
    "update_ops",
];

/// Spaces and functions that the embedded server cannot have.
const ABSENT: [(&str, &str); 9] = [
    ("516", "a HASH index"),
    ("517", "a BITSET index"),
    ("518", "an RTREE index"),
    ("522", "a sequence"),
    ("523", "constraints"),
    ("531", "an index by path"),
    ("532", "a multikey index"),
    ("277", "collations"),
    ("580", "a space made by Lua"),
];

/// Functions that do what only Lua can, or return arguments of any type.
const LUA: [&str; 10] = [
    "f_args",
    "f_sleep",
    "f_wait",
    "f_lua_error",
    "f_lua_error_table",
    "f_tx_leak",
    "f_return_error",
    "f_box_error",
    "f_stack",
    "f_fields",
];

/// Cases whose outcome is another one, and why that is meant.
const DIFFERENT: [(&str, &str); 4] = [
    ("auth.guest_vote", "does not replicate"),
    ("auth.guest_subscribe", "does not replicate"),
    ("streams.call_in_txn", "has no Lua, which changed a tuple"),
    ("frame.header_thread_id", "has no application threads"),
];

fn server(group: &str) -> Server {
    let builder = Server::builder().guest_is_admin(group != "auth").in_memory();
    let users =
        [("tester", "secret"), ("emptypass", ""), ("limited", "limited"), ("юзер", "пароль")];
    let add = |builder: ServerBuilder, (name, password): (&str, &str)| builder.user(name, password);
    let server = users.into_iter().fold(builder, add).start().unwrap();
    make_spaces(&server);
    make_functions(&server);
    server
}

fn make_spaces(server: &Server) {
    let any = ["i", "s", "m", "l"];
    let basic = server.space("basic").id(512).field("id", "unsigned").field("name", "string");
    let basic = basic.nullable_field("num", "number").nullable_field("data", "any");
    basic.primary_key("id").index("by_name", "name").create().unwrap();
    let types = server.space("types").id(513).field("id", "unsigned");
    let kinds = ["integer", "number", "double", "string", "boolean", "varbinary", "decimal"];
    let types = kinds
        .iter()
        .chain(&["uuid", "scalar", "array", "map", "any"])
        .fold(types, |space, kind| space.nullable_field(&format!("f_{kind}"), kind));
    types.primary_key("id").create().unwrap();
    let dates = server.space("dt").id(514).field("id", "unsigned");
    let dates = dates.nullable_field("f_datetime", "datetime");
    dates.nullable_field("f_interval", "interval").primary_key("id").create().unwrap();
    let tree = server.space("it_tree").id(515).field("a", "string").field("b", "unsigned");
    tree.field("v", "string").primary_key(["a", "b"]).create().unwrap();
    server.space("vy").id(519).primary_key("id").create().unwrap();
    let upd = server.space("upd").id(520).field("id", "unsigned");
    let upd = any.iter().fold(upd, |space, name| space.nullable_field(name, "any"));
    upd.primary_key("id").create().unwrap();
    let uniq = server.space("uniq").id(521).field_count(3).field("id", "unsigned");
    let uniq = uniq.field("s", "string").primary_key("id");
    uniq.unique_index("sk", "s").create().unwrap();
    server.space("noindex").id(524).create().unwrap();
    server.space("big").id(525).primary_key("id").create().unwrap();
    server.space("hidden").id(526).primary_key("id").create().unwrap();
    let page = server.space("page").id(527).field("id", "unsigned").field("s", "string");
    page.primary_key("id").index("sk", "s").create().unwrap();
    let tx = server.space("tx").id(529).field("id", "unsigned").field("v", "unsigned");
    tx.primary_key("id").create().unwrap();

    let mut database = server.core.database();
    let mut insert = |space: u32, tuple: Json| {
        let mut bytes = Vec::new();
        write_value(&mut bytes, &tuple).unwrap();
        database.insert(space, &bytes).unwrap();
    };
    for a in ["aa", "ab", "b", "ba", "c"] {
        (1..=2).for_each(|b| insert(515, serde_json::json!([a, b, format!("{a}{b}")])));
    }
    (1..=5).for_each(|id| insert(519, serde_json::json!([id, format!("v{id}")])));
    insert(521, serde_json::json!([1, "one", 1]));
    insert(526, serde_json::json!([1, "x"]));
    for id in 1..=10 {
        insert(527, serde_json::json!([id, if id % 2 == 0 { "even" } else { "odd" }]));
    }
}

fn make_functions(server: &Server) {
    server.function_returning_many("f_nothing", |_, (): ()| Ok([0; 0]));
    server.function_returning_many("f_nils", |_, (): ()| Ok([(), (), ()]));
    server.function_returning_many("f_tuples", |_, (): ()| Ok((vec![1], (2, "b"))));
    server.function_returning_many("f_scalars", |_, (): ()| Ok((1, -1, 1.5, "str", true, ())));
    server.function_returning_many("f_multi", |_, (): ()| {
        Ok((1, "two", [3, 3], BTreeMap::from([("four", 4)]), (), false))
    });
    server.function("f_true", |(): ()| Ok(true));
    server.function("f_num", |(): ()| Ok(42));
    server.function("f_nil", |(): ()| Ok(()));
    server.function("f_map", |(): ()| Ok(BTreeMap::from([("k", "v")])));
    server.function("f_table", |(): ()| Ok((1, 2, (3, [4]))));
    server.function("f_empty", |(): ()| Ok([0; 0]));
    server.function("f_tuple", |(): ()| Ok((1, "tuple", [2])));
    server.function("f_arr_of_tuples", |(): ()| Ok([[1], [2]]));
    server.function("f_select", |(): ()| Ok((("aa", 1, "aa1"), ("aa", 2, "aa2"))));
    server.function("f_space_tuple", |(): ()| Ok(("aa", 1, "aa1")));
    server.function("f_big", |(): ()| Ok("x".repeat(65536)));
    server.function("f_count", |arguments: Vec<Json>| Ok(arguments.len()));
    server.function("f_custom", |(): ()| -> Result<(), _> {
        Err(ServerError::new(ErrorCode::new(5000), "custom reason").with_kind("MyAppError"))
    });
    server.function_with("f_push", |context, (to,): (u64,)| {
        (1..=to).try_for_each(|number| context.push(&("chunk", number)))?;
        Ok("done")
    });
    server.function_with("f_push_scalar", |context, (): ()| {
        context.push(&1)?;
        context.push("two")?;
        context.push(&BTreeMap::from([("k", 3)]))?;
        Ok(true)
    });
    server.function_with("f_push_err", |context, (): ()| -> Result<(), _> {
        context.push(&1)?;
        Err(ServerError::new(ErrorCode::new(5001), "after push"))
    });
}

#[derive(Default)]
struct Report {
    steps: usize,
    same_bytes: usize,
    codes: BTreeMap<u32, usize>,
    skipped: BTreeMap<String, usize>,
    failures: Vec<String>,
}

#[test]
fn recorded_requests_have_the_recorded_outcome() {
    let mut report = Report::default();
    for group in GROUPS {
        replay(group, &mut report);
    }
    let Report { steps, same_bytes, codes, skipped, failures } = &report;
    println!("{steps} requests replayed, {same_bytes} with the same data; errors: {codes:?}");
    println!("not replayed: {skipped:#?}");
    assert!(failures.is_empty(), "{} differ: {failures:#?}", failures.len());
    assert!(*steps >= LEAST, "only {steps} replayed");
}

/// Not less is replayed than when this was written.
const LEAST: usize = 520;

/// The cases of a group that were recorded with 3.7.0.
pub(super) fn vectors(group: &str) -> Vec<Json> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../proto/tests/data/vectors")
        .join(format!("{group}.json"));
    let mut group: Json = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let cases = std::mem::take(group["cases"].as_array_mut().unwrap());
    cases.into_iter().filter(|case| case["server"] == "3.7.0").collect()
}

fn replay(group: &str, report: &mut Report) {
    let links = BTreeMap::new();
    let mut replay = Replay { server: server(group), links, now: Instant::now() };
    for case in vectors(group) {
        replay.case(&case, report);
    }
}

struct Replay {
    server: Server,
    links: BTreeMap<String, RawLink>,
    now: Instant,
}

impl Replay {
    fn case(&mut self, case: &Json, report: &mut Report) {
        let name = case["name"].as_str().unwrap();
        self.prepare(name, case);
        for (number, step) in case["steps"].as_array().unwrap().iter().enumerate() {
            // About what passed between the steps that wait for a timeout.
            self.now += Duration::from_millis(60);
            let Some(request) = step["request"].as_str().map(hex) else {
                continue;
            };
            if let Some(why) = unsupported(case, step) {
                *report.skipped.entry(why).or_default() += 1;
                continue;
            }
            let conn = step["conn"].as_str().unwrap_or("A").to_owned();
            let (server, now) = (&self.server, self.now);
            let link = self.links.entry(conn).or_insert_with(|| open(server, case, now));
            let output = link.feed(&request, now);
            let mut output = BytesMut::from(output.as_slice());
            compare(&format!("{name}/{number}"), step, &mut output, report);
        }
    }

    /// What was done by Lua before the case was recorded.
    fn prepare(&mut self, name: &str, case: &Json) {
        let features = &case["session"]["features"];
        if case["salt"].is_string() || features.is_array() || name.starts_with("malformed") {
            self.links.clear();
        }
        let replace = |space: u32, tuple: &Json| {
            let mut bytes = Vec::new();
            encode(&mut bytes, tuple);
            self.server.core.database().replace(space, &bytes).unwrap();
        };
        if name == "streams.conflict" {
            replace(529, &serde_json::json!([20, 0]));
        }
        if case["given"].is_array() {
            replace(520, &case["given"]);
        }
    }
}

/// A recorded view as MessagePack: what JSON does not have is marked in it.
fn encode(out: &mut Vec<u8>, view: &Json) {
    match view {
        Json::Array(values) => {
            write::array(out, values.len());
            values.iter().for_each(|value| encode(out, value));
        }
        Json::Object(marked) => {
            let (mark, value) = marked.iter().next().unwrap();
            match (mark.as_str(), value) {
                ("$map", pairs) => {
                    let pairs = pairs.as_array().unwrap();
                    write::map(out, pairs.len());
                    pairs.iter().flat_map(|pair| pair.as_array().unwrap()).for_each(|one| {
                        encode(out, one);
                    });
                }
                ("$f64", value) => write::f64(out, value.as_f64().unwrap()),
                ("$f32", value) => write::f32(out, value.as_f64().unwrap() as f32),
                ("$bin", value) => write::bin(out, &hex(value.as_str().unwrap())),
                ("$decimal", _) => {
                    let payload = hex(marked["raw"].as_str().unwrap());
                    out.extend_from_slice(&[0xc7, payload.len() as u8, 1]);
                    out.extend_from_slice(&payload);
                }
                (mark, _) => panic!("a value marked {mark}"),
            }
        }
        plain => write_value(out, plain).unwrap(),
    }
}

/// The type, with the code of an error whole.
fn number(kind: RequestType) -> u32 {
    match kind.error_code() {
        Some(code) => 0x8000 | code.number(),
        None => kind.number(),
    }
}

fn compare(place: &str, step: &Json, output: &mut BytesMut, report: &mut Report) {
    for recorded in step["responses"].as_array().unwrap() {
        let Ok(Some(found)) = split(output, usize::MAX) else {
            return report.fail(place, "no reply".into());
        };
        // Long ones are not recorded whole.
        let Some(recorded) = recorded.as_str().map(hex) else {
            continue;
        };
        let wanted = split(&mut BytesMut::from(&recorded[..]), usize::MAX).unwrap().unwrap();
        let (wanted_kind, found_kind) =
            (number(wanted.header.request_type), number(found.header.request_type));
        report.steps += 1;
        report.same_bytes += usize::from(wanted.body == found.body);
        if wanted_kind & 0x8000 != 0 {
            *report.codes.entry(wanted_kind & 0x7fff).or_default() += 1;
        }
        if (wanted_kind, wanted.header.sync) != (found_kind, found.header.sync) {
            let error = ServerError::decode(&found.header, &found.body);
            let text = format!("{wanted_kind:#x} recorded, {found_kind:#x} found: {error}");
            report.fail(place, text);
        } else if wanted_kind == 0 && wanted.body != found.body && is_data(step) {
            let (wanted, found) = (&wanted.body[..], &found.body[..]);
            report.fail(place, format!("recorded {wanted:02x?}, found {found:02x?}"));
        }
    }
}

impl Report {
    fn fail(&mut self, place: &str, what: String) {
        if !DIFFERENT.iter().any(|(name, _)| place.starts_with(name)) {
            self.failures.push(format!("{place}: {what}"));
        }
    }
}

/// Whether the data must be the same, too.
fn is_data(step: &Json) -> bool {
    let kind = step["request_view"]["header"]["$type"].as_str().unwrap_or_default();
    let space = step["request_view"]["body"]["0x10 SPACE_ID"].as_u64().unwrap_or(512);
    // With tuple formats there are ids in it, and each server has its own.
    let formats = &step["response_views"][0]["body"]["0x60 TUPLE_FORMATS"]["$map"];
    if formats.as_array().is_some_and(|formats| !formats.is_empty()) {
        return false;
    }
    matches!(kind, "SELECT" | "INSERT" | "REPLACE" | "UPDATE" | "DELETE" | "UPSERT") && space >= 512
}

/// Why a step cannot be replayed here.
fn unsupported(case: &Json, step: &Json) -> Option<String> {
    let session = &case["session"];
    if !session["session_setting"].is_null() {
        return Some("a session with settings".into());
    }
    if session["user"] == "limited" {
        return Some("rights".into());
    }
    let view = &step["request_view"];
    let kind = view["header"]["$type"].as_str().unwrap_or_default();
    if matches!(kind, "EVAL" | "EXECUTE" | "PREPARE" | "INSERT_ARROW") {
        return Some(format!("{kind}: no Lua, no SQL, no Arrow"));
    }
    let body = &view["body"];
    let space = body["0x10 SPACE_ID"].to_string();
    for (id, what) in ABSENT {
        if space == id {
            return Some(what.into());
        }
    }
    if let Some(function) = body["0x22 FUNCTION_NAME"].as_str() {
        if function.starts_with("box.") || LUA.contains(&function) {
            return Some(format!("the function {function}"));
        }
    }
    None
}

fn open(server: &Server, case: &Json, now: Instant) -> RawLink {
    let mut salt = [0; 32];
    if let Some(recorded) = case["salt"].as_str().map(hex) {
        salt.iter_mut().zip(recorded).for_each(|(byte, recorded)| *byte = recorded);
    }
    let mut link = RawLink::new(server, salt);
    assert_eq!(link.feed(&[], now).len(), 128);
    if let Some(features) = case["session"]["features"].as_array() {
        let mut frame = vec![0xce, 0, 0, 0, 0, 0x81, 0x00, 73, 0x82, 0x54, 10, 0x55];
        write_value(&mut frame, features).unwrap();
        frame[4] = frame.len() as u8 - 5;
        assert!(!link.feed(&frame, now).is_empty());
    }
    link
}

pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().map(|digit| digit.to_digit(16).expect("a hex digit") as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
