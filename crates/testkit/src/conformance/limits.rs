//! Large packets, and the limits of both sides.

use std::time::Duration;

use super::{Adapter, Backend, Wanted, connect, connect_as, create_space, index};
use tarantool_client::{Batching, ErrorCode, ErrorKind, Outcome};

pub async fn eight_mebibytes_come_back<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    for length in [1 << 16, 1 << 20, 8 << 20] {
        let text: String = (b'a'..=b'z').cycle().map(char::from).take(length).collect();
        let back: String = A::wait(client.call("echo", &text)).await.unwrap();
        assert!(back == text, "{length} bytes came back changed");
    }
}

pub async fn a_tuple_of_sixty_four_mebibytes_comes_back<A: Adapter>(server: &Backend) {
    const LENGTH: usize = 64 << 20;

    let wanted = Wanted { tuple_bytes_max: Some(LENGTH + 1024), ..Wanted::default() };
    let server = &server.another(&wanted);
    let (name, _) = create_space::<A>(server, &[("id", "unsigned")], &[index("id", &["id"])]).await;
    let client = connect::<A>(server).await;
    let text: String = (b'a'..=b'z').cycle().map(char::from).take(LENGTH).collect();
    A::wait(client.space::<(u64, &str)>(&name).insert(&(1, &text))).await.unwrap();
    let back = A::wait(client.space::<(u64, String)>(&name).get(1)).await.unwrap();
    assert!(back.is_some_and(|row| row == (1, text)), "the tuple came back changed");
    A::wait(client.ping()).await.unwrap();
}

pub async fn a_row_over_the_servers_limit_is_its_error<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let (name, _) = create_space::<A>(server, &[("id", "unsigned")], &[index("id", &["id"])]).await;
    let space = client.space::<(u64, String)>(&name);
    let error = A::wait(space.insert(&(1, "x".repeat(2 << 20)))).await;
    let error = error.unwrap_err();
    println!("{error}");
    assert_eq!(error.code(), Some(ErrorCode::MEMTX_MAX_TUPLE_SIZE), "{error}");
    assert_eq!(error.code().unwrap().number(), 110);
    assert_eq!(error.outcome(), Outcome::Answered);
    A::wait(space.insert(&(1, "x".repeat(1 << 19)))).await.unwrap();
}

pub async fn a_request_over_the_packet_limit_is_not_sent<A: Adapter>(server: &Backend) {
    let client = connect_as::<A>(server.config().packet_bytes_max(1000).reconnect(false)).await;
    let error = A::wait(client.call::<String>("echo", "x".repeat(1000))).await;
    let error = error.unwrap_err();
    println!("{error}");
    assert!(matches!(error.kind(), ErrorKind::NotAccepted { .. }), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(!error.is_retry_safe(), "it will never fit");
    let text = error.to_string();
    for part in ["call echo: not sent", "limit of 1000 bytes", "packet_bytes_max"] {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    let back: String = A::wait(client.call("echo", "x".repeat(900))).await.unwrap();
    assert_eq!(back.len(), 900);
}

pub async fn a_reply_over_the_packet_limit_ends_the_connection<A: Adapter>(server: &Backend) {
    let client = connect_as::<A>(server.config().packet_bytes_max(1000).reconnect(false)).await;
    let error = A::wait(client.call::<String>("repeated", ("x", 5000))).await.unwrap_err();
    println!("{error}");
    let text = error.to_string();
    for part in ["broke the protocol", "limit of 1000 bytes", "packet_bytes_max"] {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    assert_eq!(error.outcome(), Outcome::MaybeExecuted);
    let later = A::wait(client.ping()).await.unwrap_err();
    assert_eq!(later.outcome(), Outcome::NotSent);
    assert!(later.to_string().contains("limit of 1000 bytes"), "{later}");
}

pub async fn limits_of_zero_count_as_one<A: Adapter>(server: &Backend) {
    for config in [
        server.config().in_flight_max(0),
        server.config().queued_bytes_max(0),
        server.config().in_flight_max(1).queued_bytes_max(1),
        server.config().batching(Batching::immediate().up_to(0)),
        server.config().batching(Batching::linger(Duration::ZERO)),
    ] {
        let client = connect_as::<A>(config).await;
        let echoed = A::all(&client, 20, |client, id| client.call::<usize>("echo", id)).await;
        for (id, answer) in echoed.into_iter().enumerate() {
            assert_eq!(id, answer.unwrap());
        }
        assert_eq!(client.in_flight(), 0);
    }
    let error = A::connect(server.config().packet_bytes_max(0)).await;
    let error = error.unwrap_err();
    println!("{error}");
    assert!(error.to_string().contains("limit of 0 bytes"), "{error}");
}

pub async fn every_batching_answers_everything<A: Adapter>(server: &Backend) {
    for batching in [
        Batching::adaptive(),
        Batching::immediate(),
        Batching::linger(Duration::from_millis(2)),
        Batching::adaptive().up_to(1),
        Batching::linger(Duration::from_micros(100)).up_to(500),
        Batching::immediate().up_to(1 << 20),
    ] {
        let client = connect_as::<A>(server.config().batching(batching)).await;
        A::wait(client.ping()).await.unwrap();
        for round in 0..3 {
            let echoed = A::all(&client, 100, |client, id| {
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
