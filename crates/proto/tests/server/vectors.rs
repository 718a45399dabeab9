//! Every captured request of server 3.7.0: what that server refused in this layer we refuse with
//! the same bytes, but for file and line of the error; everything else is handed out.

use std::collections::BTreeMap;

use bytes::BytesMut;
use rmpv::Value;
use tarantool_proto::server::{ServerConfig, ServerConnection, ServerEvent};
use tarantool_proto::{Feature, RequestType};

use crate::load::{self, Case};

/// Cases whose answers differ, with the reason.
const DIFFERENT: [(&str, &str); 4] = [
    ("auth.guest_subscribe", "replication is not done here: error 48, not 42"),
    ("auth.guest_vote", "replication is not done here: error 48, not a ballot"),
    ("auth.pipelined", "the salt was not recorded, so the login cannot be checked"),
    ("malformed.tls", "the server closed before it wrote its error 20 for the first packet"),
];

const GROUPS: [&str; 12] = [
    "dml",
    "select",
    "update_ops",
    "call",
    "frame",
    "malformed",
    "auth",
    "id",
    "streams",
    "watchers",
    "errors",
    "sizes",
];

/// Codes that this layer answers.
const OURS: [u32; 9] = [20, 47, 48, 69, 109, 229, 230, 249, 251];

#[derive(Debug, Default)]
struct Report {
    cases: usize,
    requests: usize,
    handed_out: BTreeMap<String, usize>,
    logins: usize,
    accepted: usize,
    refused: BTreeMap<u32, usize>,
    failures: Vec<String>,
}

#[test]
fn captured_requests() {
    let mut report = Report::default();
    for case in load::cases() {
        let group = case.name.split('.').next().unwrap_or_default();
        if case.server != "3.7.0" || !GROUPS.contains(&group) {
            continue;
        }
        if let Some((_, why)) = DIFFERENT.iter().find(|(name, _)| *name == case.name) {
            println!("{}: {why}", case.name);
            continue;
        }
        report.cases += 1;
        if let Err(why) = run(&case, &mut report) {
            report.failures.push(format!("{}: {why}", case.name));
        }
    }
    println!("{report:#?}");
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
    let refused: usize = report.refused.values().sum();
    let handed_out: usize = report.handed_out.values().sum();
    println!("{refused} refused, {handed_out} handed out, {} logins", report.logins);
    for (what, least, actual) in [
        ("cases", 581, report.cases),
        ("requests", 711, report.requests),
        ("refused", 132, refused),
        ("handed out", 569, handed_out),
        ("logins", 13, report.logins),
        ("accepted logins and identifications", 19, report.accepted),
    ] {
        assert!(actual >= least, "{what}: {actual}, not {least}");
    }
}

fn run(case: &Case, report: &mut Report) -> Result<(), String> {
    let mut config = ServerConfig::default();
    config.packet_bytes_max = 1 << 31;
    config.features = (0..=12).filter(|number| *number != 10).map(Feature::new).collect();
    let salt = case.salt.as_deref().and_then(|salt| salt.try_into().ok()).unwrap_or([0; 32]);
    let mut conn = ServerConnection::new(config, salt);
    conn.poll_transmit(&mut Vec::new());
    let mut input = BytesMut::new();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for step in &case.steps {
        for (bytes, _) in &step.responses {
            let Ok(bytes) = bytes else { continue };
            if let Some(version) = schema_version(bytes) {
                conn.set_schema_version(version);
            }
            theirs.push(bytes.clone());
        }
        let Some(request) = &step.request else { continue };
        report.requests += 1;
        input.extend_from_slice(request.as_ref().map_err(Clone::clone)?);
        drain(&mut conn, &mut input, report);
        let mut output = Vec::new();
        conn.poll_transmit(&mut output);
        ours.extend(cut(&output));
    }
    compare(&ours, theirs, report)
}

fn drain(conn: &mut ServerConnection, input: &mut BytesMut, report: &mut Report) {
    while let Ok(Some(event)) = conn.poll_event(input) {
        match event {
            ServerEvent::Login(login) => {
                report.logins += 1;
                let password = match &*login.user {
                    "tester" => Some("secret"),
                    "emptypass" | "guest" => Some(""),
                    "юзер" => Some("пароль"),
                    _ => None,
                };
                conn.answer_login(login, password.map(str::as_bytes));
            }
            ServerEvent::Request(request) => {
                *report.handed_out.entry(request.request_type.to_string()).or_default() += 1;
                conn.finish(request.sync);
            }
            _ => {}
        }
    }
}

/// Each of our replies must be among theirs, and all of theirs in this layer among ours.
fn compare(ours: &[Vec<u8>], theirs: Vec<Vec<u8>>, report: &mut Report) -> Result<(), String> {
    let mut theirs: Vec<_> = theirs.iter().map(|bytes| comparable(bytes)).collect();
    for reply in ours {
        let reply = comparable(reply);
        let Some(at) = theirs.iter().position(|their| *their == reply) else {
            return Err(format!("{reply:?}\n is not among\n{theirs:#?}"));
        };
        theirs.remove(at);
        match reply.code {
            Some(code) => *report.refused.entry(code).or_default() += 1,
            None => report.accepted += 1,
        }
    }
    match theirs.iter().find(|their| their.code.is_some_and(|code| OURS.contains(&code))) {
        Some(their) => Err(format!("not given: {their:?}")),
        None => Ok(()),
    }
}

#[derive(Debug, PartialEq)]
struct Comparable {
    code: Option<u32>,
    values: Vec<Value>,
}

/// Header and body with all that depends on the server's build taken out: file and line of errors,
/// and the causes, which we word differently.
fn comparable(mut packet: &[u8]) -> Comparable {
    let mut values = Vec::new();
    while let Ok(value) = rmpv::decode::read_value(&mut packet) {
        values.push(value);
    }
    // The length depends on the file's name.
    values[0] = Value::Nil;
    let number = get(&values[1], 0).and_then(|number| number.as_u64()).unwrap_or_default();
    let code = RequestType::new(number as u32).error_code().map(|code| code.number());
    if code.is_some() {
        let stack = get(values.get_mut(2).expect("a body"), 0x52).and_then(|map| get(map, 0));
        if let Some(Value::Array(entries)) = stack.cloned() {
            let mut first = entries[0].clone();
            if let Value::Map(pairs) = &mut first {
                for (key, value) in pairs {
                    if matches!(key.as_u64(), Some(1 | 2)) {
                        *value = Value::Nil;
                    }
                }
            }
            if let Value::Map(pairs) = &mut values[2] {
                pairs.last_mut().expect("the stack").1 = first;
            }
        }
    }
    Comparable { code, values }
}

fn get(map: &Value, key: u64) -> Option<&Value> {
    let pairs = map.as_map()?.iter();
    pairs.rev().find(|(other, _)| other.as_u64() == Some(key)).map(|(_, value)| value)
}

fn schema_version(mut packet: &[u8]) -> Option<u64> {
    rmpv::decode::read_value(&mut packet).ok()?;
    let header = rmpv::decode::read_value(&mut packet).ok()?;
    get(&header, 5)?.as_u64()
}

fn cut(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    while let Some((prefix, _)) = bytes.split_first_chunk::<5>() {
        let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
        let (packet, rest) = bytes.split_at(5 + length);
        packets.push(packet.to_vec());
        bytes = rest;
    }
    packets
}
