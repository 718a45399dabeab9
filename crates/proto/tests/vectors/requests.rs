//! Every recorded request that our API can make, made by it.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use rmpv::Value;
use serde_json::{Map, Value as Json, json};
use tarantool_proto::{Frame, RequestType};

use crate::load::Case;
use crate::ours::Source;
use crate::packet::{Entry, Packet, elements, shortest, whole};
use crate::replication;
use crate::report::{Report, Why};
use crate::view::{self, Compared, count};

/// Runs the requests of one step: the packets of what was written at once.
pub(crate) fn run(case: &Case, at: usize, frame: &mut Frame, report: &mut Report) {
    let step = &case.steps[at];
    let place = case.place(at);
    let bytes = match &step.request {
        Some(Ok(bytes)) => bytes,
        Some(Err(why)) => return report.skip(case, &place, Why::Unknown, why),
        None => return report.skip(case, &place, Why::NothingSent, "it only receives"),
    };
    let mut rest = bytes.as_slice();
    let mut nth = 0;
    while nth == 0 || !rest.is_empty() {
        let place = if nth == 0 { place.clone() } else { format!("{place}+{nth}") };
        report.requests += 1;
        let view = Some(&step.request_view).filter(|_| nth == 0);
        let is_broken = view.is_some_and(|view| !view["$malformed"].is_null());
        let packet = match Packet::take(&mut rest) {
            Ok(packet) if !is_broken => packet,
            _ => {
                let why = "bytes that are no packet: length, header or MessagePack broken";
                return report.skip(case, &place, Why::WrongOnPurpose, why);
            }
        };
        if let Some(view) = view {
            report.request_views += 1;
            if let Err(why) = view::packet(view, &packet) {
                report.fail(case, &format!("{place}, recorded request"), &why);
            }
        }
        nth += 1;
        if replication::is_acknowledgement(&packet) {
            if let Err(why) = replication::acknowledgement(&packet) {
                report.fail(case, &place, &why);
            }
            *report.encoded.entry(("acknowledgement", case.server.clone())).or_default() += 1;
            continue;
        }
        let forms = BTreeSet::new();
        let packet = &packet;
        let mut source = Source { case, packet, forms };
        match source.encode(frame) {
            Ok(request_type) => {
                if let Err(why) =
                    compare((request_type, source.stream()), view, packet, frame.as_bytes())
                {
                    report.fail(case, &format!("{place}, our request"), &why);
                }
                let name = request_type.name().unwrap_or_default();
                *report.encoded.entry((name, case.server.clone())).or_default() += 1;
                report.forms.append(&mut source.forms);
            }
            Err((Why::Failed, reason)) => {
                report.fail(case, &format!("{place}, our request"), &reason);
            }
            Err((why, reason)) => report.skip(case, &place, why, &reason),
        }
    }
}

/// What we encoded says the same as what was recorded, in the form in which we write.
fn compare(
    (request_type, stream): (RequestType, Option<NonZeroU64>),
    view: Option<&Json>,
    recorded: &Packet<'_>,
    ours: &[u8],
) -> Compared {
    let mut rest = ours;
    let packet = Packet::take(&mut rest)?;
    count("bytes behind our packet", 0, rest.len() + packet.trailing.len())?;
    prefix(request_type, stream, ours)?;
    let entries = packet.entries().ok_or("our body is no map")?;
    let ours = plain(request_type, entries);
    if let Some(view) = view {
        let body = match &view["body"] {
            Json::Null => Map::new(),
            body => {
                let mut body = view::object(body)?.clone();
                body.retain(|name, value| !is_default_view(request_type, name, value));
                body
            }
        };
        view::entries(&body, &ours)?;
    }
    // Views are cut, and there is none of the second request of one write. NaN equals its bytes.
    let recorded = recorded.entries().ok_or("the recorded body is no map")?;
    let recorded = plain(request_type, recorded);
    count("keys", recorded.len(), ours.len())?;
    for entry in &recorded {
        let same = ours.iter().find(|ours| ours.key == entry.key);
        if same.is_none_or(|ours| ours.value != entry.value && ours.bytes != entry.bytes) {
            return Err(format!("another value of {}", entry.key));
        }
    }
    for entry in entries {
        written_by_us(request_type, entry)?;
    }
    if request_type == RequestType::SELECT {
        let keys: Vec<u64> = entries.iter().filter_map(Entry::number).collect();
        if !matches!(keys[..], [0x10 | 0x5e, 0x11 | 0x5f, 0x12, 0x13, 0x14, 0x20, ..]) {
            return Err(format!("keys {keys:?} of a select"));
        }
    }
    Ok(())
}

/// Length, SYNC and type have fixed places; the stream follows, if there is one.
fn prefix(request_type: RequestType, stream: Option<NonZeroU64>, ours: &[u8]) -> Compared {
    let (start, rest) = ours.split_at_checked(5).ok_or("a short packet")?;
    let mut expected = vec![0xce];
    expected.extend_from_slice(&(rest.len() as u32).to_be_bytes());
    let kind = request_type.number() as u8;
    let mut header = vec![0x82, 0x01, 0xcf, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, kind];
    if let Some(stream) = stream {
        header[0] += 1;
        header.push(0x0a);
        header.extend(shortest(&stream.get().into()));
    }
    if start == expected && rest.starts_with(&header) {
        Ok(())
    } else {
        Err("another length prefix or header".into())
    }
}

/// Without entries that say what their absence says.
fn plain<'e, 'a>(request_type: RequestType, entries: &'e [Entry<'a>]) -> Vec<&'e Entry<'a>> {
    let is_default = |entry: &&Entry<'_>| match default(request_type, entry.number()) {
        Some(default) => entry.value == default,
        None => false,
    };
    entries.iter().filter(|entry| !is_default(entry)).collect()
}

fn is_default_view(request_type: RequestType, name: &str, view: &Json) -> bool {
    let digits = name.split(' ').next().unwrap_or_default();
    let digits = digits.trim_start_matches("0x");
    match default(request_type, u64::from_str_radix(digits, 16).ok()) {
        Some(Value::Array(_)) => *view == json!([]),
        Some(Value::F64(_)) => *view == json!({"$f64": 0.0}),
        Some(_) => *view == 0,
        None => false,
    }
}

/// What the absence of a key says.
fn default(request_type: RequestType, key: Option<u64>) -> Option<Value> {
    let number = Some(0_u64.into());
    let array = Some(Value::Array(Vec::new()));
    match (request_type, key?) {
        (RequestType::SELECT, 0x11 | 0x13 | 0x14) => number,
        (RequestType::UPDATE, 0x11 | 0x15) => number,
        (RequestType::UPSERT, 0x15) => number,
        (RequestType::DELETE, 0x11) => number,
        (RequestType::EXECUTE, 0x41) => array,
        (RequestType::CALL | RequestType::CALL_16 | RequestType::EVAL, 0x21) => array,
        (RequestType::BEGIN, 0x56) => Some(Value::F64(0.0)),
        (RequestType::BEGIN, 0x59) => number,
        (RequestType::ID, 0x54) => number,
        (RequestType::ID, 0x55) => array,
        _ => None,
    }
}

/// What we write ourselves is in shortest form; the values of the caller are as they were given.
fn written_by_us(request_type: RequestType, entry: &Entry<'_>) -> Compared {
    in_shortest_form(&entry.key, entry.key_bytes)?;
    match (request_type, entry.number()) {
        (RequestType::UPDATE, Some(0x21)) | (RequestType::UPSERT, Some(0x28)) => {
            let operations = elements(entry.bytes).ok_or("no list of operations")?;
            for operation in operations {
                written_operation(operation)?;
            }
            Ok(())
        }
        (RequestType::ID | RequestType::AUTH, _) => in_shortest_form(&entry.value, entry.bytes),
        (_, Some(0x20 | 0x21 | 0x2f | 0x41)) => Ok(()),
        _ => in_shortest_form(&entry.value, entry.bytes),
    }
}

fn written_operation(operation: &[u8]) -> Compared {
    let parts = elements(operation).ok_or("an operation that is no array")?;
    let is_value = |at| at == 2 && matches!(parts[0], b"\xa1=" | b"\xa1!" | b"\xa1+" | b"\xa1-");
    for (at, part) in parts.iter().enumerate() {
        if !is_value(at) {
            in_shortest_form(&whole(part)?, part)?;
        }
    }
    if operation.first() == Some(&(0x90 | parts.len() as u8)) {
        Ok(())
    } else {
        Err("the header of an operation is not in shortest form".into())
    }
}

fn in_shortest_form(value: &Value, bytes: &[u8]) -> Compared {
    if shortest(value) == bytes {
        Ok(())
    } else {
        Err(format!("{value:.40} is not in shortest form: {bytes:02x?}"))
    }
}
