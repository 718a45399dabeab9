//! Any bytes to a follower, whole and in pieces: it never panics, and where the pieces end makes no
//! difference.

use std::time::Instant;

use bytes::BytesMut;
use tarantool_proto::replication::{Event, FollowConfig, FollowError, Follower};
use tarantool_proto::types::{Uuid, Value};

use crate::peer::GREETING;

// The first byte chooses where it stands and how it is fed, the rest comes from the peer.
pub(crate) fn run(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else {
        return;
    };
    let stage = choice & 3;
    let piece = usize::from(choice >> 2) + 1;
    let now = Instant::now();
    let whole = life(stage, bytes.len().max(1), bytes, now);
    let pieces = life(stage, piece, bytes, now);
    assert_eq!(whole, pieces, "in pieces of {piece} bytes");
}

/// Feeds `bytes`, then the end of the stream, to a follower: a new one, one that is logged in, in the
/// snapshot, or subscribed.
fn life(stage: u8, piece: usize, bytes: &[u8], now: Instant) -> (Vec<Event>, FollowError) {
    let mut config = FollowConfig::new(Uuid::from_u128(7));
    config.packet_bytes_max = PACKET_BYTES_MAX;
    config.spaces = Some([512].into());
    config.after = (stage == 3).then(Default::default);
    let mut follower = Follower::new(config, now, None);
    let mut input = BytesMut::new();
    let before: &[&[u8]] = match stage {
        0 => &[],
        1 => &[GREETING, LOGIN],
        2 => &[GREETING, LOGIN, SNAPSHOT],
        _ => &[GREETING, LOGIN, SUBSCRIBED],
    };
    let mut events = Vec::new();
    for bytes in before {
        input.extend_from_slice(bytes);
        drain(&mut follower, &mut input, &mut events).expect("what a server says");
    }
    assert_eq!(follower.is_ready(), stage >= 2);
    for piece in bytes.chunks(piece) {
        input.extend_from_slice(piece);
        if let Err(end) = drain(&mut follower, &mut input, &mut events) {
            return (events, end);
        }
        assert!(input.len() < 9 + PACKET_BYTES_MAX);
    }
    follower.handle_eof();
    match drain(&mut follower, &mut input, &mut events) {
        Err(end) => (events, end),
        Ok(()) => panic!("the follower outlived its stream"),
    }
}

const PACKET_BYTES_MAX: usize = 1 << 10;

fn drain(
    follower: &mut Follower,
    input: &mut BytesMut,
    events: &mut Vec<Event>,
) -> Result<(), FollowError> {
    loop {
        let event = follower.poll_event(input);
        let mut output = Vec::new();
        while follower.poll_transmit(&mut output) {
            assert!(output.len() < 1 << 10, "more is queued than can be");
            output.clear();
        }
        match event {
            Ok(Some(event)) => {
                if let Event::Change(change) = &event {
                    let _ = (change.decode::<Value>(), change.decode_key::<Value>());
                    let _ = (change.operations(), format!("{change:?}"));
                }
                events.push(event);
            }
            Ok(None) => return Ok(()),
            Err(end) => {
                let _ = format!("{end} {end:?} {} {}", end.is_gap(), end.is_lasting());
                return Err(end);
            }
        }
    }
}

/// Replies to ID, to the vote with an empty ballot, and to the questions for the replica set.
const LOGIN: &[u8] = b"\x05\x82\x00\x00\x01\x05\
    \x08\x82\x00\x00\x01\x02\x81\x29\x80\
    \x37\x82\x00\x00\x01\x06\x81\x30\x91\x92\xa7cluster\xd9\x24\
    22222222-2222-4222-8222-222222222222\
    \x08\x82\x00\x00\x01\x07\x81\x30\x90";
/// The snapshot begins.
const SNAPSHOT: &[u8] = b"\x08\x82\x00\x00\x01\x03\x81\x26\x80";
/// The subscription is accepted.
const SUBSCRIBED: &[u8] = b"\x05\x82\x00\x00\x01\x04";
