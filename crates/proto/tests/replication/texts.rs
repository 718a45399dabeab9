//! Why following ended, in words.

use tarantool_proto::replication::FollowError;
use tarantool_proto::types::Uuid;
use tarantool_proto::{ConnectionError, ErrorCode, ProtocolError, RequestType, ServerError, Stage};

use crate::peer::{Link, config, vclock_reply};

fn server(code: ErrorCode, text: &str) -> ServerError {
    ServerError::new(code, text)
}

fn malformed() -> FollowError {
    let mut link = Link::asked(config());
    link.feed_to_end(&vclock_reply(crate::peer::SNAPSHOT, &[(32, 1)]))
}

#[test]
fn each_end_says_what_happened() {
    let vclock = |text: &str| Box::new(text.parse().unwrap());
    let closed = |stage, reason| ConnectionError::Closed { stage, reason };
    let denied = || server(ErrorCode::ACCESS_DENIED, "Access denied");
    for (error, text) in [
        // While in use: of a follower that is the only state, and needs no words.
        (closed(Stage::Ready, None).into(), "the server closed the connection"),
        (closed(Stage::Login, None).into(), "the server closed the connection during login"),
        (
            closed(Stage::Ready, Some(denied())).into(),
            "the server closed the connection while in use, saying: Access denied (ACCESS_DENIED, \
             code 42)",
        ),
        (ProtocolError::EmptyPacket.into(), "the server broke the protocol: a packet of length 0"),
        (
            FollowError::Refused {
                request: RequestType::SUBSCRIBE,
                error: server(ErrorCode::LOADING, "Instance bootstrap hasn't finished yet"),
            },
            "the server refused SUBSCRIBE: Instance bootstrap hasn't finished yet (LOADING, code \
             116)",
        ),
        (
            FollowError::Refused { request: RequestType::VOTE, error: denied() },
            "the server refused VOTE: Access denied (ACCESS_DENIED, code 42); following takes the \
             role \"replication\"",
        ),
        (
            FollowError::Stopped(server(ErrorCode::READONLY, "It is over")),
            "the server ended the stream: It is over (READONLY, code 7)",
        ),
        (
            FollowError::Stopped(server(ErrorCode::XLOG_GAP, "Missing .xlog file")),
            "the server no longer has all changes since: Missing .xlog file (XLOG_GAP, code 219)",
        ),
        (
            FollowError::Stopped(server(ErrorCode::SYSTEM, "Missing").with_kind("XlogGapError")),
            "the server no longer has all changes since: Missing (SYSTEM, code 115)",
        ),
        (malformed(), "the server broke the protocol: a replica id is not below 32"),
        (FollowError::Silent { millis: 4000 }, "nothing came for 4000 ms, not even a heartbeat"),
        (
            FollowError::Gap { after: vclock("{1: 5}"), oldest: vclock("{1: 7, 2: 3}") },
            "the server has no longer all changes since {1: 5}, but since {1: 7, 2: 3}",
        ),
        (
            FollowError::OtherReplicaset {
                expected: Uuid::from_u128(1),
                found: Uuid::from_u128(2),
            },
            "the server is of the replica set 00000000-0000-0000-0000-000000000002, not \
             00000000-0000-0000-0000-000000000001",
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
}
