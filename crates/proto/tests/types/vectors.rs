//! Every extension value in the recorded packets, against its recorded view.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value as Json, json};
use tarantool_proto::ServerError;
use tarantool_proto::msgpack::{self, Reader, Token};
use tarantool_proto::types::{Datetime, Decimal, Ext, Interval, InvalidValue, Uuid, Value};

use crate::support::{bytes_of, extension, hex};

/// What was compared.
#[derive(Default)]
struct Seen {
    /// By tag.
    values: BTreeMap<String, usize>,
    /// Those of them that we would encode in other bytes.
    not_canonical: usize,
    /// By tag: those that are not to be taken.
    refused: BTreeMap<String, usize>,
    /// Those that a server encoded itself, and we in the same bytes.
    as_encoded: usize,
    bodies: usize,
}

#[test]
fn every_recorded_extension() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors");
    let mut seen = Seen::default();
    let mut agreed = 0;
    for file in fs::read_dir(directory).unwrap() {
        let group: Json = serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap();
        for case in group["cases"].as_array().unwrap() {
            for step in case["steps"].as_array().unwrap() {
                let is_refused =
                    packet(case, &step["request"], &step["request_view"], false, &mut seen);
                // What a function returns is encoded anew.
                let by_server = case["server"] == "3.7.0"
                    && matches!(
                        step["request_view"]["header"]["$type"].as_str(),
                        Some("CALL" | "EVAL")
                    );
                let (replies, views) = (&step["responses"], &step["response_views"]);
                for (reply, view) in
                    replies.as_array().unwrap().iter().zip(views.as_array().unwrap())
                {
                    // 2.6 takes anything, and returns it.
                    let is_wrong = packet(case, reply, view, by_server, &mut seen);
                    assert!(!is_wrong || case["server"] == "2.6.0", "{}", case["name"]);
                }
                // Server 3.7 refuses what we do. Of tuples it knows more.
                let name = case["name"].as_str().unwrap();
                let is_checked = group["group"] == "ext" && case["server"] == "3.7.0";
                if is_checked && !name.ends_with("_7") {
                    let text = views.to_string();
                    let by_server = text.contains("Invalid MsgPack - packet body");
                    assert_eq!(is_refused, by_server, "{name}: {text}");
                    agreed += 1;
                }
            }
        }
    }
    println!(
        "{:?}\nrefused {:?}\n{} as the server encoded them, {} not canonical, {} bodies, {agreed} requests as 3.7 has them",
        seen.values, seen.refused, seen.as_encoded, seen.not_canonical, seen.bodies
    );
    for (tag, least) in [
        ("$decimal", 200),
        ("$uuid", 20),
        ("$datetime", 40),
        ("$interval", 33),
        ("$error", 3),
        ("$ext", 40),
        ("$tuple", 4),
    ] {
        let count = seen.values.get(tag).copied().unwrap_or_default();
        assert!(count >= least, "{tag}: {count}");
    }
    for tag in ["$ext", "$datetime", "$interval"] {
        assert!(seen.refused.contains_key(tag), "{tag}");
    }
    assert!(agreed >= 129, "{agreed}");
    assert!(seen.as_encoded >= 92, "{}", seen.as_encoded);
}

/// Compares what has values of users in a packet. Whether something in it is not to be taken.
fn packet(case: &Json, bytes: &Json, view: &Json, by_server: bool, seen: &mut Seen) -> bool {
    let (Some(bytes), Some(body)) = (bytes.as_str(), view["body"].as_object()) else {
        return false;
    };
    let bytes = hex(bytes);
    let mut reader = Reader::new(&bytes);
    let mut body_at = || -> Result<usize, msgpack::DecodeError> {
        reader.uint()?;
        reader.skip()?;
        reader.map()
    };
    let Ok(count) = body_at() else {
        return false;
    };
    let mut is_refused = false;
    for _ in 0..count {
        let Ok(key) = reader.uint() else {
            return is_refused;
        };
        let Ok(bytes) = reader.raw() else {
            return is_refused;
        };
        let view = body.iter().find(|(name, _)| name.starts_with(&format!("0x{key:02x} ")));
        let (Some((_, view)), 0x20 | 0x21 | 0x28 | 0x30) = (view, key) else {
            continue;
        };
        let mut place = Place { case, seen, by_server, is_refused: false };
        place.compare(view, &mut Reader::new(bytes));
        let whole = msgpack::from_slice::<Value>(bytes);
        assert_eq!(whole.is_err(), place.is_refused, "{}: {whole:?}", case["name"]);
        is_refused |= place.is_refused;
        if let Ok(value) = whole {
            seen.bodies += 1;
            let again = bytes_of(&value);
            // Floats that are no number equal nothing.
            let same = msgpack::from_slice::<Value>(&again).unwrap();
            assert_eq!(format!("{same:?}"), format!("{value:?}"), "{}", case["name"]);
            assert_eq!(bytes_of(&same), again);
        }
    }
    is_refused
}

struct Place<'a> {
    case: &'a Json,
    seen: &'a mut Seen,
    by_server: bool,
    is_refused: bool,
}

impl Place<'_> {
    fn compare(&mut self, view: &Json, reader: &mut Reader<'_>) {
        match reader.token().unwrap() {
            Token::Array(count) => {
                // Long arrays are shown in part.
                for at in 0..count {
                    match view.get(at) {
                        Some(view) if view["$more_elements"].is_null() => {
                            self.compare(view, reader)
                        }
                        _ => reader.skip().unwrap(),
                    }
                }
            }
            Token::Map(count) => {
                for at in 0..count {
                    self.compare(&view["$map"][at][0], reader);
                    self.compare(&view["$map"][at][1], reader);
                }
            }
            Token::Ext(kind, payload) => self.extension(view, kind, payload),
            _ => {}
        }
    }

    fn extension(&mut self, view: &Json, kind: i8, payload: &[u8]) {
        let name = &self.case["name"];
        let (tag, inner) =
            view.as_object().unwrap().iter().find(|(tag, _)| tag.starts_with('$')).unwrap();
        let encoded = match tag.as_str() {
            "$decimal" => {
                let shown: Decimal = inner.as_str().unwrap().parse().unwrap();
                let decimal = Decimal::decode(payload).unwrap();
                assert_eq!(bytes_of(&decimal), bytes_of(&shown), "{name}: {decimal}");
                Ok(bytes_of(&decimal))
            }
            "$uuid" => {
                let uuid = Uuid::decode(payload).unwrap();
                assert_eq!(json!(uuid.to_string()), *inner, "{name}");
                Ok(bytes_of(&uuid))
            }
            "$datetime" => datetime(name, inner, payload),
            "$interval" => interval(name, inner, payload),
            "$error" => {
                let mut bytes = Vec::new();
                Ext::new(kind, payload).encode(&mut bytes);
                let error: ServerError = msgpack::from_slice(&bytes).unwrap();
                let shown = inner["STACK"].as_array().unwrap();
                assert_eq!(error.stack().len(), shown.len(), "{name}");
                for (entry, shown) in error.stack().iter().zip(shown) {
                    assert_eq!(json!(&*entry.message), shown["MESSAGE"], "{name}");
                    assert_eq!(json!(entry.code.number()), shown["CODE"], "{name}");
                    assert_eq!(json!(&*entry.kind), shown["TYPE"], "{name}");
                }
                Ok(bytes_of(&error))
            }
            _ => any(kind, payload),
        };
        let counts = match &encoded {
            Ok(bytes) => {
                let (actual, again) = extension(bytes);
                assert_eq!(actual, kind, "{name}");
                if self.by_server {
                    assert_eq!(again, payload, "{name}: not as the server encodes it");
                    self.seen.as_encoded += 1;
                }
                self.seen.not_canonical += usize::from(again != payload);
                &mut self.seen.values
            }
            Err(_) => {
                self.is_refused = true;
                &mut self.seen.refused
            }
        };
        *counts.entry(tag.clone()).or_default() += 1;
    }
}

/// Types that the view does not know: so do we, or the bytes are wrong on purpose.
fn any(kind: i8, payload: &[u8]) -> Result<Vec<u8>, InvalidValue> {
    match kind {
        Ext::DECIMAL => return Err(Decimal::decode(payload).unwrap_err()),
        Ext::UUID => return Err(Uuid::decode(payload).unwrap_err()),
        Ext::DATETIME => return Err(Datetime::decode(payload).unwrap_err()),
        Ext::INTERVAL => return Err(Interval::decode(payload).unwrap_err()),
        _ => {}
    }
    let bytes = bytes_of(&Ext::new(kind, payload));
    assert_eq!(msgpack::from_slice::<Ext>(&bytes).unwrap(), Ext::new(kind, payload));
    Ok(bytes)
}

fn datetime(name: &Json, view: &Json, payload: &[u8]) -> Result<Vec<u8>, InvalidValue> {
    let time = Datetime::decode(payload)?;
    let part = |name: &str| view[name].as_i64().unwrap_or_default();
    assert_eq!(time.seconds(), part("sec"), "{name}");
    assert_eq!(i64::from(time.nanoseconds()), part("nsec"), "{name}");
    assert_eq!(i64::from(time.offset()), part("tzoffset"), "{name}");
    assert_eq!(i64::from(time.zone()), part("tzindex"), "{name}");
    Ok(bytes_of(&time))
}

fn interval(name: &Json, view: &Json, payload: &[u8]) -> Result<Vec<u8>, InvalidValue> {
    let interval = Interval::decode(payload)?;
    let Interval { years, months, weeks, days, hours, minutes, seconds, nanoseconds, adjust } =
        interval;
    let parts = [
        ("year", years.into()),
        ("month", months.into()),
        ("week", weeks.into()),
        ("day", days),
        ("hour", hours),
        ("min", minutes),
        ("sec", seconds),
        ("nsec", nanoseconds.into()),
        ("adjust", adjust as i64),
    ];
    for (part, number) in parts {
        assert_eq!(number, view[part].as_i64().unwrap_or_default(), "{name} {part}");
    }
    Ok(bytes_of(&interval))
}
