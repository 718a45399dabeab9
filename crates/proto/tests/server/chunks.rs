//! Where the transport cuts the bytes makes no difference.

use bytes::BytesMut;
use tarantool_proto::ProtocolError;
use tarantool_proto::server::{ServerConfig, ServerConnection, ServerEvent};

use crate::load;
use crate::peer::salt;

/// What a client and an engine see: events as text, output, and how it ended.
type Seen = (Vec<String>, Vec<u8>, Option<ProtocolError>);

fn life<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Seen {
    let mut conn = ServerConnection::new(ServerConfig::default(), salt());
    let mut input = BytesMut::new();
    let (mut events, mut output) = (Vec::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match conn.poll_event(&mut input) {
                Ok(Some(event)) => {
                    events.push(format!("{event:?}"));
                    match event {
                        ServerEvent::Login(login) => drop(conn.answer_login(login, Some(b"x"))),
                        ServerEvent::Request(request) => conn.reply_ok(request.sync),
                        _ => {}
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    conn.poll_transmit(&mut output);
                    return (events, output, Some(error));
                }
            }
        }
        conn.poll_transmit(&mut output);
    }
    (events, output, None)
}

#[test]
fn captured_requests() {
    let mut bytes = Vec::new();
    let mut count = 0;
    for case in load::cases() {
        for step in case.steps {
            let Some(Ok(request)) = step.request else { continue };
            // Those of a false length would swallow what follows.
            if request.len() < 300 && request.first() == Some(&0xce) && is_whole(&request) {
                bytes.extend(request);
                count += 1;
            }
        }
    }
    bytes.extend([0xa3, 0x61]);
    let whole = life([bytes.as_slice()].into_iter());
    assert!(whole.2.is_some());
    println!("{count} captured requests: {} events, {} bytes", whole.0.len(), whole.1.len());
    assert!(count > 1500 && whole.0.len() > 1300);
    for size in [1, 2, 3, 7, 100, 4096] {
        assert!(life(bytes.chunks(size)) == whole, "in pieces of {size} bytes");
    }
}

fn is_whole(mut bytes: &[u8]) -> bool {
    while let Some((prefix, rest)) = bytes.split_first_chunk::<5>() {
        let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
        if prefix[0] != 0xce || length == 0 || length > rest.len() {
            return false;
        }
        bytes = &rest[length..];
    }
    bytes.is_empty()
}
