//! Our operations of update and upsert for recorded ones.

use std::collections::BTreeSet;

use rmpv::Value;
use tarantool_proto::request::{Field, Operations, ops};

use crate::ours::{Reason, failed, not_offered, raw, wrong};
use crate::packet::{elements, whole};

/// All of a list.
pub(crate) fn operations(
    list: &[&[u8]],
    base: u32,
    forms: &mut BTreeSet<String>,
) -> Result<Operations, Reason> {
    let mut operations = ops().counting_from(base);
    if base != 0 {
        forms.insert(format!("INDEX_BASE {base}"));
    }
    for operation in list {
        let parts = elements(operation).ok_or_else(|| wrong("operation that is no array"))?;
        operations = append(operations, &parts, forms)?;
    }
    Ok(operations)
}

fn append(
    operations: Operations,
    parts: &[&[u8]],
    forms: &mut BTreeSet<String>,
) -> Result<Operations, Reason> {
    let unknown = || wrong("operation that does not exist or has other arguments");
    let [name, field, arguments @ ..] = parts else {
        return Err(unknown());
    };
    let name = value(name)?;
    let name = name.as_str().ok_or_else(unknown)?;
    let field_value = value(field)?;
    let (field, form) = match &field_value {
        Value::Integer(number) => {
            let number = number.as_i64().and_then(|number| number.try_into().ok());
            let number: i32 = number.ok_or_else(|| wrong("field number of over 32 bits"))?;
            (Field::Number(number), if number < 0 { "negative number" } else { "number" })
        }
        Value::String(text) => {
            let text = text.as_str().ok_or_else(|| not_offered("name that is not UTF-8"))?;
            let is_path = text.contains(['.', '[']);
            (Field::Name(text), if is_path { "path" } else { "name" })
        }
        _ => return Err(wrong("field that is neither a number nor a string")),
    };
    let operations = match (name, arguments) {
        ("=", [new]) => operations.assign(field, raw(new)?),
        ("!", [new]) => operations.insert(field, raw(new)?),
        ("#", [number]) => operations.delete(field, argument(number)?),
        ("+", [number]) => operations.add(field, raw(number)?),
        ("-", [number]) => operations.subtract(field, raw(number)?),
        ("&", [number]) => operations.bit_and(field, argument(number)?),
        ("|", [number]) => operations.bit_or(field, argument(number)?),
        ("^", [number]) => operations.bit_xor(field, argument(number)?),
        (":", [offset, cut, paste]) => {
            let (offset, cut) = (argument(offset)?, argument(cut)?);
            match value(paste)? {
                Value::String(text) => {
                    let paste = text.into_str();
                    let paste =
                        paste.ok_or_else(|| not_offered("splice of text that is not UTF-8"))?;
                    operations.splice(field, offset, cut, &paste)
                }
                Value::Binary(paste) => operations.splice_bytes(field, offset, cut, &paste),
                _ => return Err(wrong("operation with an argument of a wrong type")),
            }
        }
        _ => return Err(unknown()),
    };
    forms.insert(format!("operation {name}"));
    forms.insert(format!("field by {form}"));
    Ok(operations)
}

/// An integer of a width that the API takes.
fn argument<T: TryFrom<i128>>(bytes: &[u8]) -> Result<T, Reason> {
    let number = match value(bytes)? {
        Value::Integer(number) => {
            number.as_u64().map(i128::from).or_else(|| number.as_i64().map(i128::from))
        }
        _ => None,
    };
    let number = number.ok_or_else(|| wrong("operation with an argument of a wrong type"))?;
    T::try_from(number).map_err(|_| wrong("operation with a number out of range"))
}

fn value(bytes: &[u8]) -> Result<Value, Reason> {
    whole(bytes).map_err(|error| failed(&error))
}
