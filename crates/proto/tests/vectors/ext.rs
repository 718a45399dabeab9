//! What extension values mean, as the recorded views show it.

use rmpv::Value;
use serde_json::{Map, Value as Json, json};

use crate::packet::value;

/// Scale, then digits of four bits each, then four bits of sign.
pub(crate) fn decimal(mut data: &[u8]) -> Option<String> {
    let scale = value(&mut data).ok()?.0.as_i64()?;
    let mut nibbles: Vec<u8> = data.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]).collect();
    let sign = match nibbles.pop()? {
        0x0a | 0x0c | 0x0e | 0x0f => "",
        0x0b | 0x0d => "-",
        _ => return None,
    };
    if nibbles.is_empty() || nibbles.iter().any(|nibble| *nibble > 9) {
        return None;
    }
    let digits: String = nibbles.iter().map(|nibble| char::from(b'0' + nibble)).collect();
    let digits = digits.trim_start_matches('0');
    let point = usize::try_from(scale).unwrap_or_default();
    let digits = format!("{digits:0>width$}", width = point + 1);
    let (whole, fraction) = digits.split_at(digits.len() - point);
    Some(match scale {
        0 => format!("{sign}{whole}"),
        1.. => format!("{sign}{whole}.{fraction}"),
        _ => format!("{sign}{whole}e+{}", -scale),
    })
}

/// The 16 bytes in the order of the text.
pub(crate) fn uuid(data: &[u8]) -> Option<String> {
    let data: &[u8; 16] = data.try_into().ok()?;
    let groups = [&data[..4], &data[4..6], &data[6..8], &data[8..10], &data[10..]];
    Some(groups.map(crate::load::to_hex).join("-"))
}

/// Seconds, then maybe nanoseconds, offset and zone, little-endian.
pub(crate) fn datetime(data: &[u8]) -> Option<Json> {
    let (seconds, rest) = data.split_first_chunk()?;
    let mut fields = Map::new();
    fields.insert("sec".into(), i64::from_le_bytes(*seconds).into());
    if let [a, b, c, d, e, f, g, h] = *rest {
        fields.insert("nsec".into(), i32::from_le_bytes([a, b, c, d]).into());
        fields.insert("tzoffset".into(), i16::from_le_bytes([e, f]).into());
        fields.insert("tzindex".into(), i16::from_le_bytes([g, h]).into());
    } else if !rest.is_empty() {
        return None;
    }
    Some(Json::Object(fields))
}

/// How many pairs, then the pairs of field and value; the last of a field counts.
pub(crate) fn interval(data: &[u8]) -> Option<Json> {
    let (&count, mut rest) = data.split_first()?;
    let mut fields = Map::new();
    for _ in 0..count {
        let (&field, behind) = rest.split_first()?;
        rest = behind;
        let number = match value(&mut rest).ok()?.0 {
            Value::Integer(number) => json!(number.as_i64()?),
            Value::F64(number) => json!(number),
            _ => return None,
        };
        fields.insert((*INTERVAL.get(usize::from(field))?).into(), number);
    }
    rest.is_empty().then_some(Json::Object(fields))
}

const INTERVAL: [&str; 9] =
    ["year", "month", "week", "day", "hour", "min", "sec", "nsec", "adjust"];

/// The id of its format and the tuple. Server 2.6 does not know the type and stores any bytes.
pub(crate) fn tuple(mut data: &[u8]) -> Option<(u64, Value)> {
    let format = value(&mut data).ok()?.0.as_u64()?;
    Some((format, value(&mut data).ok()?.0))
}
