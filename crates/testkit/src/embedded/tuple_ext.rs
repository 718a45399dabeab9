//! Tuples with the formats of their spaces (IPROTO reference, section 18).

use tarantool_proto::msgpack::{Reader, Token, write};
use tarantool_proto::{ErrorCode, Key};

use crate::engine::{Failure, Tuple};

const TUPLE: i8 = 7;

/// The body of a reply with rows of one space to a client that announced
/// `dml_tuple_extension`. `format`: an id for it, and the array of its fields.
pub(super) fn rows(rows: &[Tuple], format: (u32, &[u8]), position: Option<&[u8]>) -> Vec<u8> {
    let (id, fields) = format;
    let mut body = Vec::new();
    write::map(&mut body, 2 + usize::from(position.is_some()));
    begin_data(&mut body, rows.len());
    for row in rows {
        let mut payload = Vec::new();
        write::uint(&mut payload, id.into());
        payload.extend_from_slice(row);
        write::ext(&mut body, TUPLE, &payload);
    }
    write::uint(&mut body, Key::TUPLE_FORMATS.number().into());
    write::map(&mut body, usize::from(!rows.is_empty()));
    if !rows.is_empty() {
        write::uint(&mut body, id.into());
        body.extend_from_slice(fields);
    }
    if let Some(position) = position {
        write::uint(&mut body, Key::POSITION.number().into());
        write::str(&mut body, position);
    }
    body
}

/// The body of a reply with return values, none of which is a tuple, to a client that announced
/// `call_ret_tuple_extension`.
pub(super) fn values(values: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    write::map(&mut body, 2);
    begin_data(&mut body, values.len());
    values.iter().for_each(|value| body.extend_from_slice(value));
    write::uint(&mut body, Key::TUPLE_FORMATS.number().into());
    write::map(&mut body, 0);
    body
}

/// Arguments whose tuples, if there are any, have become plain arrays.
pub(super) fn arguments(arguments: &[u8], formats: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
    let refused = || Failure::new(ErrorCode::ILLEGAL_PARAMS, "Can not parse a tuple from MsgPack");
    let mut reader = Reader::new(arguments);
    let count = reader.array().map_err(|_| refused())?;
    let mut plain = Vec::with_capacity(arguments.len());
    write::array(&mut plain, count);
    for _ in 0..count {
        let argument = reader.raw().map_err(|_| refused())?;
        match Reader::new(argument).token() {
            Ok(Token::Ext(TUPLE, payload)) => {
                let mut payload = Reader::new(payload);
                let id = payload.uint().map_err(|_| refused())?;
                let tuple = payload.rest();
                let is_array = payload.array().is_ok();
                if !is_array || !formats.is_some_and(|formats| has_key(formats, id)) {
                    return Err(refused());
                }
                plain.extend_from_slice(tuple);
            }
            _ => plain.extend_from_slice(argument),
        }
    }
    Ok(plain)
}

fn has_key(map: &[u8], wanted: u64) -> bool {
    let mut reader = Reader::new(map);
    let count = reader.map().unwrap_or(0);
    (0..count).any(|_| reader.uint().is_ok_and(|key| key == wanted) | reader.skip().is_err())
}

/// The key of the data and an array header of five bytes, as servers write it.
fn begin_data(body: &mut Vec<u8>, count: usize) {
    write::uint(body, Key::DATA.number().into());
    body.push(0xdd);
    // Rows of one reply fit into a packet, whose length has 32 bits.
    body.extend_from_slice(&(count as u32).to_be_bytes());
}
