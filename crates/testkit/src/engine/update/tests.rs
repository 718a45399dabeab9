//! The recorded results of a 3.7 server, and what the recording leaves out.

use std::fs;
use std::path::Path;

use serde_json::Value as Json;
use tarantool_proto::msgpack::{Reader, Token, write};

use super::{Failure, Mode, update};

/// The fields of the recorded space, in `crates/proto/tests/data/schema.lua`.
const NAMES: [&str; 5] = ["id", "i", "s", "m", "l"];

fn field_number(name: &str) -> Option<usize> {
    NAMES.iter().position(|known| *known == name)
}

#[test]
fn results_are_those_recorded_from_3_7() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = file.join("../proto/tests/data/vectors/update_ops.json");
    let group: Json = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let (mut tuples, mut failures) = (0, 0);
    let mut different = Vec::new();
    for case in group["cases"].as_array().unwrap() {
        if case["server"] != "3.7.0" {
            continue;
        }
        let name = case["name"].as_str().unwrap();
        let step = &case["steps"][0];
        let request = hex(step["request"].as_str().unwrap());
        let response = hex(step["responses"][0].as_str().unwrap());
        let body = body(&request);
        let base = value(&body, 0x15).map_or(0, |base| Reader::new(base).uint().unwrap());
        let operations = value(&body, 0x21).unwrap();
        let given = encoded(&case["given"]);
        let ours = update(&given, operations, base as u32, Mode::Update, &field_number);
        let answer = self::body(&response);
        let theirs = match (value(&answer, 0x30), value(&answer, 0x31)) {
            (Some([0xdd, 0, 0, 0, 1, tuple @ ..]), None) => Ok(tuple.to_vec()),
            (None, Some(text)) => {
                let text = Reader::new(text).str_bytes().unwrap();
                let stack = &step["response_views"][0]["body"]["0x52 ERROR"]["STACK"];
                let code = stack[0]["CODE"].as_u64().unwrap();
                Err((code, String::from_utf8_lossy(text).into_owned()))
            }
            other => panic!("{name}: {other:?}"),
        };
        match &theirs {
            Ok(_) => tuples += 1,
            Err(_) => failures += 1,
        }
        let ours = ours.map_err(|failure| (u64::from(failure.code.number()), failure.message));
        if ours != theirs {
            different.push(format!("{name}: {ours:x?} instead of {theirs:x?}"));
        }
    }
    println!("{tuples} tuples and {failures} errors compared, {} different", different.len());
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert_eq!(tuples + failures, 66);
}

/// The body of a recorded frame: its keys, all below 128, and their values.
fn body(frame: &[u8]) -> Vec<(u64, &[u8])> {
    let mut reader = Reader::new(frame);
    reader.skip().unwrap();
    reader.skip().unwrap();
    let count = reader.map().unwrap();
    (0..count).map(|_| (reader.uint().unwrap(), reader.raw().unwrap())).collect()
}

fn value<'a>(body: &[(u64, &'a [u8])], key: u64) -> Option<&'a [u8]> {
    body.iter().find(|(found, _)| *found == key).map(|(_, value)| *value)
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// A view of a value as MessagePack in its shortest form.
fn encoded(view: &Json) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out, view);
    out
}

fn encode(out: &mut Vec<u8>, view: &Json) {
    match view {
        Json::Null => write::nil(out),
        Json::Bool(value) => write::boolean(out, *value),
        Json::Number(value) => match value.as_u64() {
            Some(value) => write::uint(out, value),
            None => write::int(out, value.as_i64().unwrap()),
        },
        Json::String(text) => write::str(out, text.as_bytes()),
        Json::Array(values) => {
            write::array(out, values.len());
            values.iter().for_each(|value| encode(out, value));
        }
        Json::Object(tagged) if tagged.contains_key("$map") => {
            let pairs = tagged["$map"].as_array().unwrap();
            write::map(out, pairs.len());
            for pair in pairs {
                encode(out, &pair[0]);
                encode(out, &pair[1]);
            }
        }
        Json::Object(tagged) if tagged.contains_key("$bin") => {
            write::bin(out, &hex(tagged["$bin"].as_str().unwrap()));
        }
        Json::Object(tagged) if tagged.contains_key("$decimal") => {
            decimal_payload(out, &hex(tagged["raw"].as_str().unwrap()));
        }
        Json::Object(tagged) => panic!("{tagged:?}"),
    }
}

fn decimal_payload(out: &mut Vec<u8>, payload: &[u8]) {
    match payload.len() {
        1 => out.push(0xd4),
        2 => out.push(0xd5),
        4 => out.push(0xd6),
        8 => out.push(0xd7),
        16 => out.push(0xd8),
        length => out.extend_from_slice(&[0xc7, length as u8]),
    }
    out.push(1);
    out.extend_from_slice(payload);
}

/// A decimal as text such as `-1.50`, for tests.
fn decimal(text: &str) -> String {
    let (mantissa, power) = text.split_once('e').unwrap_or((text, "0"));
    let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i64);
    let mut payload = Vec::new();
    write::int(&mut payload, fraction - power.parse::<i64>().unwrap());
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).map(|c| c - b'0');
    let mut digits: Vec<u8> = digits.skip_while(|digit| *digit == 0).collect();
    if digits.is_empty() {
        digits.push(0);
    }
    let mut nibbles = if digits.len() % 2 == 0 { vec![0] } else { vec![] };
    nibbles.extend(digits);
    nibbles.push(if text.starts_with('-') { 0xd } else { 0xc });
    payload.extend(nibbles.chunks(2).map(|pair| pair[0] << 4 | pair[1]));
    let payload: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(r#"{{"$decimal": "", "raw": "{payload}"}}"#)
}

/// Tuple and operations as views in JSON, the result as bytes or as (code, text).
fn run(tuple: &str, operations: &str, mode: Mode) -> Result<Vec<u8>, (u32, String)> {
    let tuple = encoded(&serde_json::from_str(tuple).unwrap());
    let operations = encoded(&serde_json::from_str(operations).unwrap());
    let result = update(&tuple, &operations, 1, mode, &field_number);
    result.map_err(|Failure { code, message }| (code.number(), message))
}

#[track_caller]
fn gives(tuple: &str, operations: &str, expected: &str) {
    let expected = encoded(&serde_json::from_str(expected).unwrap());
    assert_eq!(run(tuple, operations, Mode::Update), Ok(expected), "{operations} on {tuple}");
}

#[track_caller]
fn fails(tuple: &str, operations: &str, code: u32, text: &str) {
    let result = run(tuple, operations, Mode::Update);
    assert_eq!(result, Err((code, text.to_owned())), "{operations} on {tuple}");
}

#[test]
fn paths() {
    let map = r#"{"$map": [["a", 1]]}"#;
    let tuple = format!("[1, {map}]");
    gives("[1, [1, 2]]", r#"[["=", "i[3]", 7]]"#, "[1, [1, 2, 7]]");
    gives("[1, [1, 2]]", r##"[["#", "i[1]", 9]]"##, "[1, []]");
    gives("[1, [1, [5]]]", r#"[["+", "[2][2][1]", 7]]"#, "[1, [1, [12]]]");
    gives("[1, 5]", r#"[["+", "[2]", 7]]"#, "[1, 12]");
    gives(r#"[1, {"$map": [[3, "x"]]}]"#, r#"[["=", "i[3]", 7]]"#, r#"[1, {"$map": [[3, 7]]}]"#);
    let not_found = |path: &str| format!("Field ''{path}'' was not found in the tuple");
    fails("[1, [1]]", r#"[["=", "i[3]", 7]]"#, 201, &not_found("i[3]"));
    fails(&tuple, r##"[["#", "i.q", 1]]"##, 201, &not_found("i.q"));
    fails(&tuple, r#"[["+", "i.q", 1]]"#, 201, &not_found("i.q"));
    fails(&tuple, r#"[["=", "s.q", 1]]"#, 201, &not_found("s.q"));
    fails(&tuple, r#"[["+", "s", 1]]"#, 201, &not_found("s"));
    fails(&tuple, r#"[["=", "", 1]]"#, 201, "Field '' was not found in the tuple");
    fails(&tuple, r#"[["=", "[*]", 1]]"#, 201, "Field '[*]' was not found in the tuple");
    let unfit = |path: &str, reason: &str| format!("Field '{path}' UPDATE error: {reason}");
    for (path, position) in [
        ("i[*]", 3),
        ("i.", 3),
        ("i.1", 3),
        ("i[0]", 3),
        ("i[", 2),
        ("i[1", 4),
        (r"i['a", 5),
        ("i['']", 4),
        ("i$", 2),
    ] {
        let operations = format!(r#"[["=", "{path}", 1]]"#);
        let text = unfit(path, &format!("invalid JSON in position {position}"));
        fails(&tuple, &operations, 29, &text);
    }
    let text = unfit("i.b", "can not access by key a non-map field");
    fails("[1, [1]]", r#"[["=", "i.b", 1]]"#, 29, &text);
    let text = unfit("i[1]", "can not access by index a non-array field");
    fails(&tuple, r#"[["=", "i[1]", 1]]"#, 29, &text);
    let text = unfit("i.a", "can delete only 1 field from a map in a row");
    fails(&tuple, r##"[["#", "i.a", 2]]"##, 29, &text);
    let bad = update(&[0x91, 1], b"\x91\x93\xa1=\xa3i.\xff\x01", 1, Mode::Update, &field_number);
    assert!(bad.is_err());
}

#[test]
fn gaps_and_ends() {
    gives("[1]", r#"[["!", 4, "x"]]"#, r#"[1, null, null, "x"]"#);
    gives("[1, 2]", r#"[["=", "m", "x"]]"#, r#"[1, 2, null, "x"]"#);
    gives("[1, 2]", r##"[["#", 9, 1]]"##, "[1, 2]");
    gives("[1, 2]", r##"[["#", -2, 100]]"##, "[]");
    gives("[1, 2]", r#"[["!", -3, "x"]]"#, r#"["x", 1, 2]"#);
    let too_large = run("[1]", r#"[["=", 2000000000, 1]]"#, Mode::Upsert);
    assert_eq!(too_large.map_err(|(code, _)| code), Err(110));
    let wrong = "Argument type in operation '=' on field 1 does not match field type: expected an \
                 integer";
    fails("[1]", r#"[["=", 3000000000, 1]]"#, 26, wrong);
}

#[test]
fn malformed_operations_are_errors_of_an_upsert_too() {
    for (operations, code, text) in [
        ("[5]", 1, "update operation must be an array {op,..}"),
        ("[[]]", 1, "update operation must be an array {op,..}, got empty array"),
        ("[[1, 2, 3]]", 1, "update operation name must be a string"),
        (r#"[["=", true, 3]]"#, 1, "field id must be a number or a string"),
        (
            r#"[["=", 2, 3], ["+", 2]]"#,
            28,
            "Unknown UPDATE operation #2: wrong number of arguments, expected 3, got 2",
        ),
        (r#"[["", 2, 3]]"#, 28, r#"Unknown UPDATE operation #1: """#),
        (r#"[["=", 0, 3]]"#, 37, "Field 0 was not found in the tuple"),
        (r#"[["=", "q", 3]]"#, 201, "Field 'q' was not found in the tuple"),
        (r#"[[":", 2, 0, 1, ""]]"#, 25, "SPLICE error on field 2: offset is out of bound"),
    ] {
        for mode in [Mode::Update, Mode::Upsert] {
            let result = run("[1, 2]", operations, mode);
            assert_eq!(result, Err((code, text.to_owned())), "{operations}");
        }
    }
    let many = format!("[{}]", vec![r#"["+", 1, 0]"#; 4001].join(","));
    fails("[1]", &many, 1, "too many operations for update");
}

#[test]
fn an_upsert_skips_what_does_not_fit() {
    let operations = r#"[["+", 2, 1], ["=", 2, 5], ["&", -9, 1], ["=", "i.a.b", 1], ["+", 2, 1]]"#;
    let expected = encoded(&serde_json::from_str("[1, 6]").unwrap());
    assert_eq!(run(r#"[1, "x"]"#, operations, Mode::Upsert), Ok(expected));
}

#[test]
fn decimals() {
    let tuple = |text: &str| format!("[1, {}]", decimal(text));
    for (left, code, right, expected) in [
        ("1.5", "-", "1.50", "0.00"),
        ("-0", "-", "0", "-0"),
        ("0", "-", "0", "0"),
        ("1e10", "+", "1", "10000000001"),
        ("0.1", "-", "1000", "-999.9"),
        ("-5", "+", "3", "-2"),
        ("99999", "+", "1", "100000"),
        (
            "1e80",
            "+",
            "1",
            "1000000000000000000000000000000000000000000000000000000000000000000000000000e5",
        ),
        (
            "9999999999999999999999999999999999999999999999999999999999999999999999999999",
            "+",
            "0.5",
            "1000000000000000000000000000000000000000000000000000000000000000000000000000e1",
        ),
    ] {
        let operations = format!(r#"[["{code}", 2, {}]]"#, decimal(right));
        gives(&tuple(left), &operations, &tuple(expected));
    }
    gives(&tuple("1.5"), r#"[["+", 2, 10]]"#, &tuple("11.5"));
    gives("[1, -3]", &format!(r#"[["+", 2, {}]]"#, decimal("1.5")), &tuple("-1.5"));
    for (code, right) in [("+", "1e999999"), ("-", "-1e999999"), ("+", "0e-999999")] {
        let operations = format!(r#"[["{code}", 2, {}]]"#, decimal(right));
        let expected = match right {
            "0e-999999" => format!("1{}e-75", "0".repeat(75)),
            _ => format!("1{}e999924", "0".repeat(75)),
        };
        gives(&tuple("1"), &operations, &tuple(&expected));
    }
    // The borrow reaches behind the digits that are kept.
    let close = format!(r#"[["-", 2, {}]]"#, decimal("1e-200"));
    gives(&tuple("1"), &close, &tuple(&format!("1{}e-75", "0".repeat(75))));
    let most = "9".repeat(76);
    let overflow = format!(r#"[["+", 2, {}]]"#, decimal(&format!("{most}e999924")));
    let text = "Decimal overflow when performing operation '+' on field 2";
    fails(&tuple(&format!("{most}e999924")), &overflow, 160, text);
}

#[test]
fn floats_become_decimals_of_15_digits() {
    let sum = |float: f64| {
        let mut operations = vec![0x91, 0x93, 0xa1, b'+', 2];
        write::f64(&mut operations, float);
        let tuple = encoded(&serde_json::from_str(&format!("[1, {}]", decimal("0"))).unwrap());
        update(&tuple, &operations, 1, Mode::Update, &field_number)
    };
    for (float, expected) in
        [(0.1, "0.1"), (1.0 / 3.0, "0.333333333333333"), (100.0, "100"), (-2.5, "-2.5")]
    {
        let expected = format!("[1, {}]", decimal(expected));
        assert_eq!(sum(float).unwrap(), encoded(&serde_json::from_str(&expected).unwrap()));
    }
    assert_eq!(sum(f64::INFINITY).unwrap_err().code.number(), 26);
}

#[test]
fn untouched_fields_keep_their_bytes() {
    // 5 in nine bytes, and an array with a header of five.
    let tuple = [0x93, 0xcf, 0, 0, 0, 0, 0, 0, 0, 5, 0xdd, 0, 0, 0, 1, 7, 1];
    let operations = [0x91, 0x93, 0xa1, b'+', 3, 1];
    let new = update(&tuple, &operations, 1, Mode::Update, &field_number).unwrap();
    assert_eq!(new[..16], tuple[..16]);
    assert_eq!(new[16..], [2]);
}

proptest::proptest! {
    /// Any bytes at all give a tuple or an error.
    #[test]
    fn nothing_panics(
        tuple in proptest::collection::vec(proptest::num::u8::ANY, 0..40),
        operations in proptest::collection::vec(operation(), 0..5),
        base in 0..3_u32,
    ) {
        let mut bytes = Vec::new();
        write::array(&mut bytes, operations.len());
        operations.iter().for_each(|operation| bytes.extend_from_slice(operation));
        let tuple: Vec<u8> = [&[0x93, 1], &tuple[..]].concat();
        for mode in [Mode::Update, Mode::Upsert] {
            if let Ok(new) = update(&tuple, &bytes, base, mode, &field_number) {
                let mut reader = Reader::new(&new);
                reader.skip().unwrap();
                assert!(reader.is_empty());
            }
        }
        let _ = update(&tuple, &tuple, base, Mode::Update, &field_number);
    }
}

proptest::proptest! {
    /// Sums of any decimals, near and far, are decimals, or too large.
    #[test]
    fn sums_of_decimals(
        digits in proptest::collection::vec("[-]?[0-9]{1,76}", 2),
        powers in proptest::collection::vec(
            proptest::prop_oneof![-90..90_i64, -999_900..999_900_i64],
            2,
        ),
    ) {
        let number = |nth: usize| decimal(&format!("{}e{}", digits[nth], powers[nth]));
        let tuple = format!("[1, {}]", number(0));
        let plus = |code: &str| format!(r#"[["{code}", 2, {}]]"#, number(1));
        match run(&tuple, &plus("+"), Mode::Update) {
            Ok(sum) => {
                // A sum plus zero is the sum: so what was written is a decimal.
                let zero = format!(r#"[["+", 2, {}]]"#, decimal("0e999999"));
                let zero = encoded(&serde_json::from_str(&zero).unwrap());
                assert_eq!(update(&sum, &zero, 1, Mode::Update, &field_number), Ok(sum));
            }
            Err((code, _)) => assert_eq!(code, 160),
        }
        assert!(run(&tuple, &plus("-"), Mode::Update).is_ok_and(|new| new.len() < 60));
    }
}

/// An operation that is mostly well formed, on few fields, with all kinds of arguments.
fn operation() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    let field = prop_oneof![
        (-4..5_i64).prop_map(|number| {
            let mut out = Vec::new();
            write::int(&mut out, number);
            out
        }),
        "([ism]|\\[[0-9]\\]){0,2}(\\.a|\\[[0-9*]\\]|\\['k'\\]|[\\[.]){0,2}".prop_map(|path| {
            let mut out = Vec::new();
            write::str(&mut out, path.as_bytes());
            out
        }),
        proptest::collection::vec(any::<u8>(), 1..3),
    ];
    let argument = proptest::collection::vec(any::<u8>(), 1..6);
    (proptest::sample::select(b"=!#+-&|^:?".to_vec()), field, argument, any::<i16>(), any::<i16>())
        .prop_map(|(code, field, argument, offset, cut)| {
            let mut out = vec![if code == b':' { 0x95 } else { 0x93 }, 0xa1, code];
            out.extend_from_slice(&field);
            if code == b':' {
                write::int(&mut out, i64::from(offset));
                write::int(&mut out, i64::from(cut));
            }
            // What is no value by itself becomes a string.
            match Reader::new(&argument).raw() {
                Ok(raw) if Reader::new(raw).token() != Ok(Token::Nil) => out.extend_from_slice(raw),
                _ => write::str(&mut out, &argument),
            }
            out
        })
}
