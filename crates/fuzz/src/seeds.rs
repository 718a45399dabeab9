//! What fuzzing begins with: the bytes that were recorded between real clients and servers.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use serde_json::Value as Json;
use tarantool_proto::{RequestType, split};

use crate::chunking;

/// A longer input would make each run slow.
const BYTES_MAX: usize = 4096;

/// Recorded bytes, by who sent them.
#[derive(Default)]
struct Recorded {
    /// A client's requests: one by one, and as they went over a connection.
    requests: Vec<Vec<u8>>,
    /// A server's replies: as well.
    replies: Vec<Vec<u8>>,
    /// What a master sent to a replica.
    changes: Vec<Vec<u8>>,
}

/// The seeds of a target; none if there is no such target.
///
/// # Panics
/// The recorded bytes are not where they should be.
#[must_use]
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let recorded = recorded();
    let mut seeds = match target {
        "greeting_and_frames" => with_choices(&recorded.replies, &[0, 1, 15]),
        "chunking" => recorded.replies.iter().filter_map(|replies| script(replies)).collect(),
        "response_body" => bodies(&recorded.replies),
        "session_ops" => lives(),
        "server_requests" => with_choices(&recorded.requests, &[0, 15]),
        "msgpack_roundtrip" => values(&recorded),
        "uri" => URIS.iter().map(|uri| uri.as_bytes().to_vec()).collect(),
        "embedded_server" => recorded.requests,
        "follower" => with_choices(&recorded.changes, &[0, 1, 2, 3, 31]),
        _ => Vec::new(),
    };
    seeds.retain(|seed| !seed.is_empty() && seed.len() <= BYTES_MAX);
    seeds.sort_unstable();
    seeds.dedup();
    seeds
}

fn with_choices(inputs: &[Vec<u8>], choices: &[u8]) -> Vec<Vec<u8>> {
    let with = |input: &Vec<u8>| {
        let input = input.clone();
        choices.iter().map(move |choice| [&[*choice], &*input].concat())
    };
    inputs.iter().flat_map(with).collect()
}

fn recorded() -> Recorded {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/tests/data");
    let mut recorded = Recorded::default();
    for file in files(&data.join("vectors")) {
        let group = json(&file);
        let is_replication =
            group["group"].as_str().is_some_and(|name| name.contains("replication"));
        for step in list(&group["cases"]).iter().flat_map(|case| list(&case["steps"])) {
            recorded.requests.extend(hex(&step["request"]));
            let replies = list(&step["responses"]).iter().filter_map(hex);
            let replies: Vec<Vec<u8>> = replies.collect();
            if is_replication {
                recorded.changes.push(replies.concat());
            }
            recorded.replies.extend(replies);
        }
    }
    for file in files(&data.join("transcripts")) {
        let session = json(&file);
        let mut said: [Vec<u8>; 2] = Default::default();
        for event in list(&session["events"]) {
            let Some(bytes) = hex(&event["hex"]) else { continue };
            said[usize::from(event["dir"] == "s2c")].extend(bytes);
        }
        let [client, server] = said;
        if session["name"].as_str().is_some_and(|name| name.contains("anon_replica")) {
            recorded.changes.push(server.clone());
        }
        recorded.requests.push(first(client));
        recorded.replies.push(first(server));
    }
    recorded
}

fn first(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(BYTES_MAX - 1);
    bytes
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the recorded bytes");
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("a directory entry").path()).collect();
    files.sort();
    files
}

fn json(file: &Path) -> Json {
    serde_json::from_slice(&fs::read(file).expect("a readable file")).expect("valid JSON")
}

fn list(value: &Json) -> &[Json] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Long byte strings are only described, and are no seeds.
fn hex(digits: &Json) -> Option<Vec<u8>> {
    let digits = digits.as_str()?;
    let byte = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Packets as the target `chunking` is told of them.
fn script(replies: &[u8]) -> Option<Vec<u8>> {
    let mut input = BytesMut::from(replies);
    let mut script = vec![2, 6, 40];
    while let Ok(Some(packet)) = split(&mut input, BYTES_MAX) {
        let about = (script.len() as u8 & 7) << 3;
        let kind = packet.header.request_type;
        if packet.body.len() > 255 {
            continue;
        }
        let body = [&[packet.body.len() as u8], &*packet.body].concat();
        match kind.error_code() {
            Some(code) => {
                script.extend([chunking::REFUSAL | about, code.number() as u8]);
                script.extend(body);
            }
            None if kind == RequestType::EVENT => {
                script.extend([chunking::CHANGE | about, 2, 0xa1, b'v']);
            }
            None => {
                let kind = match kind {
                    RequestType::CHUNK => chunking::MESSAGE,
                    _ => chunking::REPLY,
                };
                script.push(kind | about);
                script.extend(body.clone());
                // As the schema too.
                script.push(chunking::VIEW | about);
                script.extend(body);
            }
        }
    }
    (script.len() > 3).then_some(script)
}

fn bodies(replies: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    for reply in replies {
        let mut input = BytesMut::from(&**reply);
        while let Ok(Some(packet)) = split(&mut input, BYTES_MAX) {
            let choice = match packet.header.request_type {
                RequestType::CHUNK => 2,
                RequestType::EVENT => 3,
                kind if kind.is_error() => 1,
                _ => 0,
            };
            bodies.push([&[choice], &*packet.body].concat());
        }
    }
    bodies
}

/// Whole bodies, and all that follows each of their first bytes: rows, columns, payloads.
fn values(recorded: &Recorded) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    for body in bodies(&recorded.replies) {
        for at in 1..body.len().min(12) {
            values.push(body[at..].to_vec());
        }
    }
    values.extend(
        recorded.requests.iter().filter_map(|request| request.get(5..)).map(<[u8]>::to_vec),
    );
    values
}

/// A life without trouble, and lives of steps at random.
fn lives() -> Vec<Vec<u8>> {
    // Time, the transport, the greeting, the identification and its reply.
    let ready = [0, 0, 0, 0x08, 0x09, 0x08, 0x07, 0x04, 0x07];
    let round = [0x00, 0, 0xa0, 0, 0xc0, 0, 0x04, 0x05, 0x05, 0x05, 0x07, 0x03, 0, 0x03, 1];
    let mut lives = vec![[&ready[..], &round, &round].concat()];
    for settings in 0..32 {
        let mut state = 0x9e37_79b9_u32.wrapping_mul(settings + 1);
        let mut steps = ready.to_vec();
        steps[0] = settings as u8;
        steps.extend((0..300).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        }));
        lives.push(steps);
    }
    lives
}

const URIS: [&str; 14] = [
    "localhost:3301",
    "user:password@localhost:3301",
    "tarantool://user:p%40ss@db.example:3302/?connect_timeout=1.5&request_timeout=250ms",
    "unix/:/run/tarantool.sock",
    "user:password@unix/:./x@y.sock",
    "[::1]:3301",
    "[::1]",
    "3301",
    "host?in_flight_max=7&queued_bytes_max=8&packet_bytes_max=9",
    "host:1?auth_method=pap-sha256&tuple_formats=true",
    "us%65r:p%40ss%3aword@host:1",
    "u:%ff@host:1",
    "\u{9}abc@host:99999",
    "",
];
