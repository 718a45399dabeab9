//! The core alone, for counting instructions: requests are encoded, sent and handed out, replies
//! are made up in memory, received and taken, with many requests under way.
//!
//! `valgrind --tool=callgrind target/release/core-cycle [ROUNDS [IN_FLIGHT [BYTES]]]`, then divide
//! the instructions by the requests that it prints.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use tarantool_proto::request::Insert;
use tarantool_proto::{Config, Connection, Event, Frame, GREETING_SIZE};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut numbers = std::env::args().skip(1).map(|number| number.parse::<usize>());
    let mut number = |default: usize| numbers.next().unwrap_or(Ok(default));
    let (rounds, in_flight, bytes) = (number(1000)?, number(100)?, number(1536)?);

    let mut conn = Connection::new(Config::default(), None);
    let (mut input, mut output) = (BytesMut::new(), Vec::new());
    input.extend_from_slice(&greeting());
    conn.poll_event(&mut input)?;
    while conn.poll_transmit(&mut output) {
        answer(&output, &mut input);
        output.clear();
    }
    while conn.poll_event(&mut input)?.is_some() {}

    let mut frame = Frame::new();
    let text = "x".repeat(bytes);
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut taken = 0_u64;
    for round in 0..rounds {
        for request in 0..in_flight {
            let id = round * in_flight + request;
            frame.encode(&Insert::into(512).row((id, &text)))?;
            conn.send(&mut frame, Some(deadline + Duration::from_micros(id as u64)))?;
        }
        while conn.poll_transmit(&mut output) {
            answer(&output, &mut input);
            output.clear();
        }
        while let Some(event) = conn.poll_event(&mut input)? {
            if let Event::Answered(id) = event {
                taken += u64::from(conn.take(id).is_some_and(|answer| answer.is_ok()));
            }
        }
    }
    println!("{taken} requests");
    Ok(())
}

fn greeting() -> [u8; GREETING_SIZE] {
    let mut greeting = [b' '; GREETING_SIZE];
    let text = b"Tarantool 2.6.0 (Binary) 11111111-1111-4111-8111-111111111111";
    greeting[..text.len()].copy_from_slice(text);
    greeting[63] = b'\n';
    greeting[64..108].copy_from_slice(b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    greeting[127] = b'\n';
    greeting
}

/// Answers each request in `output` with OK and no data.
fn answer(mut output: &[u8], input: &mut BytesMut) {
    while let Some((frame, rest)) = output.split_first_chunk::<18>() {
        let length = u32::from_be_bytes([frame[1], frame[2], frame[3], frame[4]]) as usize;
        input.extend_from_slice(&[0xce, 0, 0, 0, 30, 0x83, 0x00, 0xce, 0, 0, 0, 0, 0x01, 0xcf]);
        input.extend_from_slice(&frame[8..16]);
        input.extend_from_slice(&[0x05, 0xce, 0, 0, 0, 1, 0x81, 0x30, 0xdd, 0, 0, 0, 0]);
        output = rest.get(length + 5 - frame.len()..).unwrap_or_default();
    }
}
