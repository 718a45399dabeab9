//! Where the engine, which answers as 3.7 does, and the 2.6 server differ on purpose.

use super::Answer;
use super::step::Step;
use super::value::{self, Value};

/// Says what the difference is, if it is one of those between the versions.
pub(super) fn is_known_difference(
    step: &Step,
    theirs: &Answer,
    ours: &Answer,
) -> Option<&'static str> {
    let operations = step.operations();
    let is_one = operations.len() == 1;
    let reaches_behind = operations.iter().any(may_reach_behind);
    match (theirs, ours) {
        (Err((29, text)), _) if is_twice(text) => Some("a field may be updated twice since 3.0"),
        (Err((26, text)), _) if text.ends_with("expected a string") => {
            Some("binary data may be spliced since 3.2")
        }
        (Err((26, text)), _) if text.ends_with("convertible to decimal") => {
            Some("decimals may be above 10^38 since 3.5")
        }
        (Err((23, text)), _) if text.ends_with("expected double") => {
            Some("a double may be an integer or of 32 bits since 3.0")
        }
        (Err((37 | 201, _)), _) if reaches_behind => {
            Some("fields behind the last may be set and deleted since 2.8")
        }
        (Ok(theirs), Ok(ours)) if !is_one && in_order(theirs) == in_order(ours) => {
            Some("several operations in one map change the order of its keys")
        }
        // What one of them skips the other may do: they tell nothing but the result.
        _ if matches!(step, Step::Upsert { .. }) => {
            if reaches_behind && (!is_one || fills_a_gap(theirs, ours)) {
                Some("an upsert may set and delete fields behind the last since 2.8")
            } else if !is_one {
                Some("an upsert may update a field twice since 3.0")
            } else if operations.iter().any(|operation| code(operation) == ":") {
                Some("an upsert may splice binary data since 3.2")
            } else {
                None
            }
        }
        _ => None,
    }
}

fn is_twice(text: &str) -> bool {
    text.contains("double update of the same field")
        || text.contains("can not update map by non-string key")
        || text.contains("can not update array by non-integer index")
}

fn code(operation: &Value) -> &str {
    match operation {
        Value::Array(parts) => match parts.first() {
            Some(Value::Str(code)) => code,
            _ => "",
        },
        _ => "",
    }
}

/// Whether it makes or deletes whole fields.
fn may_reach_behind(operation: &Value) -> bool {
    let Value::Array(parts) = operation else {
        return false;
    };
    let is_field = match parts.get(1) {
        Some(Value::Uint(_) | Value::Int(_)) => true,
        Some(Value::Str(path)) => !path.contains('.') && path.rfind('[').unwrap_or(0) == 0,
        _ => false,
    };
    is_field && matches!(code(operation), "=" | "!" | "#")
}

/// Whether our row is longer, or does not fit the format as it would be then.
fn fills_a_gap(theirs: &Answer, ours: &Answer) -> bool {
    let length = |rows: &[Vec<u8>]| match rows.first().map(|row| value::row(row)) {
        Some(Value::Array(fields)) => fields.len(),
        _ => 0,
    };
    match (theirs, ours) {
        (Ok(theirs), Ok(ours)) => length(ours) > length(theirs),
        (Ok(_), Err((code, _))) => *code == 23,
        _ => false,
    }
}

/// The rows with the pairs of their maps in order.
fn in_order(rows: &[Vec<u8>]) -> Vec<Value> {
    rows.iter().map(|row| sorted(value::row(row))).collect()
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Array(values) => Value::Array(values.into_iter().map(sorted).collect()),
        Value::Map(pairs) => {
            let pairs = pairs.into_iter().map(|(key, value)| (key, sorted(value)));
            let mut pairs: Vec<_> = pairs.collect();
            pairs.sort_by_key(|(key, _)| key.bytes());
            Value::Map(pairs)
        }
        other => other,
    }
}
