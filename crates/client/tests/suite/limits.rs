//! Large packets, and the limits of both sides.

use std::time::Duration;

use tarantool_client::{Batching, Config, ErrorCode, ErrorKind, Outcome};
use tarantool_testkit::Tarantool;

use super::support::connect_as;
use super::{Adapter, connect, create_space};

fn config(server: &Tarantool) -> Config {
    Config::parse(&server.uri()).unwrap()
}

pub(crate) async fn eight_mebibytes_come_back<M: Adapter>(server: &Tarantool) {
    let client = connect::<M>(server).await;
    for length in [1 << 16, 1 << 20, 8 << 20] {
        let text: String = (b'a'..=b'z').cycle().map(char::from).take(length).collect();
        let back: String = M::wait(client.call("echo", &text)).await.unwrap();
        assert!(back == text, "{length} bytes came back changed");
    }
}

pub(crate) async fn a_row_over_the_servers_limit_is_its_error<M: Adapter>(server: &Tarantool) {
    let client = connect::<M>(server).await;
    let (name, _) = create_space(&client, "{{'id', 'unsigned'}}", "{{name = 'id'}}").await;
    let space = client.space::<(u64, String)>(&name);
    let error = M::wait(space.insert(&(1, "x".repeat(2 << 20)))).await;
    let error = error.unwrap_err();
    println!("{error}");
    assert_eq!(error.code(), Some(ErrorCode::MEMTX_MAX_TUPLE_SIZE), "{error}");
    assert_eq!(error.code().unwrap().number(), 110);
    assert_eq!(error.outcome(), Outcome::Answered);
    M::wait(space.insert(&(1, "x".repeat(1 << 19)))).await.unwrap();
}

pub(crate) async fn a_request_over_the_packet_limit_is_not_sent<M: Adapter>(server: &Tarantool) {
    let client = connect_as::<M>(config(server).packet_bytes_max(1000)).await;
    let error = M::wait(client.call::<_, String>("echo", "x".repeat(1000))).await;
    let error = error.unwrap_err();
    println!("{error}");
    assert!(matches!(error.kind(), ErrorKind::NotAccepted { .. }), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(!error.is_retry_safe(), "it will never fit");
    let text = error.to_string();
    for part in ["call echo: not sent", "limit of 1000 bytes", "packet_bytes_max"] {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    let back: String = M::wait(client.call("echo", "x".repeat(900))).await.unwrap();
    assert_eq!(back.len(), 900);
}

pub(crate) async fn a_reply_over_the_packet_limit_ends_the_connection<M: Adapter>(
    server: &Tarantool,
) {
    let client = connect_as::<M>(config(server).packet_bytes_max(1000)).await;
    let code = "return string.rep('x', ...)";
    let error = M::wait(client.eval::<_, String>(code, 5000)).await.unwrap_err();
    println!("{error}");
    let text = error.to_string();
    for part in ["broke the protocol", "limit of 1000 bytes", "packet_bytes_max"] {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    assert_eq!(error.outcome(), Outcome::MaybeExecuted);
    let later = M::wait(client.ping()).await.unwrap_err();
    assert_eq!(later.outcome(), Outcome::NotSent);
    assert!(later.to_string().contains("limit of 1000 bytes"), "{later}");
}

pub(crate) async fn limits_of_zero_count_as_one<M: Adapter>(server: &Tarantool) {
    for config in [
        config(server).in_flight_max(0),
        config(server).queued_bytes_max(0),
        config(server).in_flight_max(1).queued_bytes_max(1),
        config(server).batching(Batching::immediate().up_to(0)),
        config(server).batching(Batching::linger(Duration::ZERO)),
    ] {
        let client = connect_as::<M>(config).await;
        let echoed = M::all(&client, 20, |client, id| client.call("echo", id)).await;
        for (id, answer) in echoed.into_iter().enumerate() {
            assert_eq!(id, answer.unwrap());
        }
        assert_eq!(client.in_flight(), 0);
    }
    let error = M::connect(config(server).packet_bytes_max(0)).await;
    let error = error.unwrap_err();
    println!("{error}");
    assert!(error.to_string().contains("limit of 0 bytes"), "{error}");
}

pub(crate) async fn every_batching_answers_everything<M: Adapter>(server: &Tarantool) {
    for batching in [
        Batching::adaptive(),
        Batching::immediate(),
        Batching::linger(Duration::from_millis(2)),
        Batching::adaptive().up_to(1),
        Batching::linger(Duration::from_micros(100)).up_to(500),
        Batching::immediate().up_to(1 << 20),
    ] {
        let client = connect_as::<M>(config(server).batching(batching)).await;
        M::wait(client.ping()).await.unwrap();
        for round in 0..3 {
            let echoed = M::all(&client, 100, |client, id| {
                client.call("echo", (id, "x".repeat(round * 100)))
            })
            .await;
            for (id, answer) in echoed.into_iter().enumerate() {
                let (back, text): (usize, String) = answer.unwrap();
                assert_eq!((id, round * 100), (back, text.len()), "{batching:?}");
            }
        }
        let stats = client.stats();
        assert_eq!((stats.requests, stats.answered), (301, 301), "{batching:?}");
        assert_eq!((stats.timed_out, stats.late_replies), (0, 0), "{batching:?}");
    }
}
