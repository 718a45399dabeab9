//! Compares packets with the recorded views of them.

use std::fmt::Display;

use rmpv::Value;
use serde_json::{Map, Value as Json, json};
use tarantool_proto::{Key, RequestType};

use crate::ext;
use crate::load::{hex, to_hex};
use crate::packet::{Body, Entry, Packet, whole};
use crate::sha256::sha256;

/// What differs and where.
pub(crate) type Compared = Result<(), String>;

/// A whole packet.
pub(crate) fn packet(view: &Json, packet: &Packet<'_>) -> Compared {
    if view["len"] != packet.length {
        return Err(format!("length {} for {}", packet.length, view["len"]));
    }
    header(object(&view["header"])?, packet)?;
    body(&view["body"], &packet.body)
}

fn header(view: &Map<String, Json>, packet: &Packet<'_>) -> Compared {
    let mut keys: Vec<&Value> = Vec::new();
    for entry in &packet.header {
        if !keys.contains(&&entry.key) {
            keys.push(&entry.key);
        }
    }
    let mut expected = 0;
    for (key, view) in view {
        if key == "$type" {
            let number = packet.in_header(0).and_then(Value::as_u64);
            request_type(view, number)?;
            continue;
        }
        expected += 1;
        let number = self::key(key)?;
        let mut entries = packet.header.iter().rev();
        let entry = entries.find(|entry| entry.key == number);
        let entry = entry.ok_or_else(|| format!("no {key} in the header"))?;
        value(&[], view, &entry.value).map_err(|why| format!("header {key}: {why}"))?;
    }
    count("keys in the header", expected, keys.len())
}

/// The name of the type, where this crate has one.
fn request_type(view: &Json, number: Option<u64>) -> Compared {
    let Some(number) = number.and_then(|number| u32::try_from(number).ok()) else {
        return Ok(());
    };
    let number = RequestType::new(number);
    let name = match (number.error_code(), number.name()) {
        (Some(code), _) => format!("ERROR|{}", code.number()),
        (None, Some(name)) => name.to_owned(),
        (None, None) => return Ok(()),
    };
    same("type", view, &json!(name))
}

fn body(view: &Json, body: &Body<'_>) -> Compared {
    match body {
        Body::Absent => same("body", view, &Json::Null),
        Body::Map(entries) => self::entries(object(view)?, &entries.iter().collect::<Vec<_>>()),
        Body::NotMap(value) => {
            let kind = match value {
                Value::Nil => "nil",
                Value::Integer(_) => "int",
                _ => "array",
            };
            same("body", view, &json!({"$not_a_map": kind}))
        }
    }
}

/// The entries of a body. Of a key that is there twice, the view marks the second one.
pub(crate) fn entries(view: &Map<String, Json>, entries: &[&Entry<'_>]) -> Compared {
    for (name, view) in view {
        let (key, nth) = match name.strip_suffix(" (again)") {
            Some(key) => (key, 1),
            None => (name.as_str(), 0),
        };
        let number = self::key(key)?;
        let mut found = entries.iter().filter(|entry| entry.key == number);
        let entry = found.nth(nth);
        let entry = entry.ok_or_else(|| format!("no {name} in the body"))?;
        let names = sub_keys(entry.number());
        value(names, view, &entry.value).map_err(|why| format!("{name}: {why}"))?;
    }
    count("keys in the body", view.len(), entries.len())
}

/// The key that `0x10 SPACE_ID`, `0x-1 ?` or `$key:b'abc'` names.
fn key(name: &str) -> Result<Value, String> {
    let text = name.strip_prefix("$key:").unwrap_or(name);
    if let Some(text) = text.strip_prefix("b'") {
        return Ok(text.trim_end_matches('\'').into());
    }
    let (digits, name) = text.split_once(' ').ok_or("a key without a name")?;
    let digits = digits.strip_prefix("0x").ok_or("a key without a number")?;
    let number = i64::from_str_radix(digits, 16).map_err(|error| error.to_string())?;
    // Below are the keys of the header, whose numbers mean something else in some bodies.
    if name != "?" && number >= 0x10 {
        same("name", &json!(Key::new(number as u32).name()), &json!(name))?;
    }
    Ok(number.into())
}

/// What the keys of the map under a key of the body are called.
fn sub_keys(key: Option<u64>) -> Names {
    match key {
        Some(0x29) => &BALLOT,
        Some(0x32 | 0x33) => &METADATA,
        Some(0x42) => &SQL_INFO,
        Some(0x52) => &ERROR,
        _ => &[],
    }
}

type Names = &'static [(&'static str, u64)];

const ERROR: [(&str, u64); 8] = [
    ("STACK", 0),
    ("TYPE", 0),
    ("FILE", 1),
    ("LINE", 2),
    ("MESSAGE", 3),
    ("ERRNO", 4),
    ("CODE", 5),
    ("FIELDS", 6),
];
const METADATA: [(&str, u64); 6] = [
    ("NAME", 0),
    ("TYPE", 1),
    ("COLL", 2),
    ("IS_NULLABLE", 3),
    ("IS_AUTOINCREMENT", 4),
    ("SPAN", 5),
];
const SQL_INFO: [(&str, u64); 2] = [("ROW_COUNT", 0), ("AUTOINCREMENT_IDS", 1)];
const BALLOT: [(&str, u64); 10] = [
    ("IS_RO_CFG", 1),
    ("VCLOCK", 2),
    ("GC_VCLOCK", 3),
    ("IS_RO", 4),
    ("IS_ANON", 5),
    ("IS_BOOTED", 6),
    ("CAN_LEAD", 7),
    ("BOOTSTRAP_LEADER_UUID", 8),
    ("REGISTERED_REPLICA_UUIDS", 9),
    ("INSTANCE_NAME", 10),
];

/// The one value that `bytes` are.
pub(crate) fn raw(view: &Json, bytes: &[u8]) -> Compared {
    value(&[], view, &whole(bytes)?)
}

/// One value; `names` are those of the keys of maps in it.
fn value(names: Names, view: &Json, actual: &Value) -> Compared {
    let equal = match (view, actual) {
        (Json::Null, Value::Nil) => true,
        (Json::Bool(expected), Value::Boolean(actual)) => expected == actual,
        (Json::Number(expected), Value::Integer(actual)) => {
            expected.as_u64() == actual.as_u64() && expected.as_i64() == actual.as_i64()
        }
        (Json::String(expected), Value::String(actual)) => expected.as_bytes() == actual.as_bytes(),
        (Json::Array(expected), Value::Array(actual)) => return array(names, expected, actual),
        (Json::Object(fields), _) => match fields.keys().find(|key| key.starts_with('$')) {
            Some(tag) => return tagged(tag, view, actual).map_err(|why| format!("{tag} {why}")),
            None => return named(names, fields, actual),
        },
        _ => false,
    };
    if equal { Ok(()) } else { Err(differs(view, actual)) }
}

fn array(names: Names, expected: &[Json], actual: &[Value]) -> Compared {
    let shown = match expected.split_last() {
        Some((last, shown)) if last["$more_elements"].is_u64() => {
            let more = last["$more_elements"].as_u64().unwrap_or_default();
            count("elements", shown.len() + more as usize, actual.len())?;
            shown
        }
        _ => {
            count("elements", expected.len(), actual.len())?;
            expected
        }
    };
    for (at, (view, actual)) in shown.iter().zip(actual).enumerate() {
        value(names, view, actual).map_err(|why| format!("[{at}] {why}"))?;
    }
    Ok(())
}

/// A map whose numbered keys the view shows by name.
fn named(names: Names, fields: &Map<String, Json>, actual: &Value) -> Compared {
    let pairs = actual.as_map().ok_or("not a map")?;
    for (name, view) in fields {
        let number = names.iter().find(|(known, _)| known == name);
        let (_, number) = number.ok_or_else(|| format!("no number for {name}"))?;
        let found = pairs.iter().find(|(key, _)| key.as_u64() == Some(*number));
        let (_, actual) = found.ok_or_else(|| format!("no {name}"))?;
        value(names, view, actual).map_err(|why| format!("{name} {why}"))?;
    }
    count("pairs", fields.len(), pairs.len())
}

fn tagged(tag: &str, view: &Json, actual: &Value) -> Compared {
    let inner = &view[tag];
    let shown = match (tag, actual) {
        ("$map", Value::Map(pairs)) => {
            let pairs = pairs.iter().map(|(key, value)| vec![key.clone(), value.clone()]);
            let pairs: Vec<Value> = pairs.map(Value::Array).collect();
            return value(&[], inner, &Value::Array(pairs));
        }
        ("$bin", Value::Binary(bytes)) => json!(to_hex(bytes)),
        ("$str_hex", Value::String(text)) => json!(to_hex(text.as_bytes())),
        ("$long_str", Value::String(text)) => return long_string(inner, text.as_bytes()),
        ("$f64", Value::F64(number)) => float(*number),
        ("$f32", Value::F32(number)) => float(f64::from(*number)),
        ("$ext", Value::Ext(kind, data)) => json!({"type": kind, "data": to_hex(data)}),
        ("$decimal", Value::Ext(1, data)) => {
            same("bytes", &view["raw"], &json!(to_hex(data)))?;
            json!(ext::decimal(data))
        }
        ("$uuid", Value::Ext(2, data)) => json!(ext::uuid(data)),
        ("$error", Value::Ext(3, data)) => return value(&ERROR, inner, &whole(data)?),
        ("$datetime", Value::Ext(4, data)) => json!(ext::datetime(data)),
        ("$interval", Value::Ext(6, data)) => {
            same("bytes", &view["raw"], &json!(to_hex(data)))?;
            json!(ext::interval(data))
        }
        ("$tuple", Value::Ext(7, data)) => {
            let (format, tuple) = ext::tuple(data).ok_or("not a tuple")?;
            same("format", &inner["format_id"], &json!(format))?;
            return value(&[], &inner["data"], &tuple);
        }
        _ => return Err(differs(view, actual)),
    };
    same("", inner, &shown)
}

/// JSON has no numbers for some floats; of equal ones, zeros may differ in their sign.
fn float(number: f64) -> Json {
    if number.is_finite() { json!(number) } else { json!(number.to_string().to_lowercase()) }
}

/// A string that the view shows by length, beginning and hash.
fn long_string(view: &Json, bytes: &[u8]) -> Compared {
    let head = view["head"].as_str().ok_or("no beginning")?;
    if view["len"] != bytes.len() || !bytes.starts_with(head.as_bytes()) {
        return Err(format!("another string, of {} bytes", bytes.len()));
    }
    same("hash", &view["sha256"], &json!(sha256(bytes)))
}

/// The bytes of the string that a view shows, if it shows them all.
pub(crate) fn string(view: &Json) -> Option<Vec<u8>> {
    match view.as_str() {
        Some(text) => Some(text.as_bytes().to_vec()),
        None => view["$str_hex"].as_str().map(hex),
    }
}

/// Compares a text that replaces what is not UTF-8.
pub(crate) fn text(view: &Json, actual: &str) -> Compared {
    match string(view) {
        Some(bytes) => same("text", &json!(String::from_utf8_lossy(&bytes)), &json!(actual)),
        None => value(&[], view, &actual.into()),
    }
}

pub(crate) fn same(what: &str, expected: &Json, actual: &Json) -> Compared {
    if expected == actual { Ok(()) } else { Err(format!("{what}: {actual} for {expected}")) }
}

/// As [`same`], for numbers.
pub(crate) fn count<T: PartialEq + Display>(what: &str, expected: T, actual: T) -> Compared {
    if expected == actual { Ok(()) } else { Err(format!("{what}: {actual} for {expected}")) }
}

pub(crate) fn object(view: &Json) -> Result<&Map<String, Json>, String> {
    view.as_object().ok_or_else(|| format!("no map: {view}"))
}

fn differs(view: &Json, actual: &Value) -> String {
    let (view, actual) = (view.to_string(), actual.to_string());
    format!("{actual:.120} for {view:.120}")
}
