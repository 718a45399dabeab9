//! What listens there is no server, or breaks the protocol: each case has its own clear error, in
//! bounded time, and nobody is left waiting.

use std::time::{Duration, Instant};

use tarantool_client::{Address, Client, Config, ErrorKind, Outcome};

use super::Adapter;
use super::packets::{GREETING, Request, error, ok, packet, reply};
use super::peer::{Link, serve};

const AUTH: u64 = 7;

/// Connects in vain; the error must say all of `parts`.
async fn refused<A: Adapter>(config: Config, parts: &[&str]) {
    let address = config.addresses()[0].to_string();
    let started = Instant::now();
    let error = A::connect(config).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(10), "{error}");
    println!("{error}");
    assert!(matches!(error.kind(), ErrorKind::Connect(_)), "{error:?}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    let text = error.to_string();
    let start = format!("connecting to {address} failed: ");
    assert!(text.starts_with(&start), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}

/// As [`refused`], by a peer that runs `script`.
async fn refused_by<A: Adapter>(
    script: impl FnOnce(&mut Link) + Send + 'static,
    configure: impl FnOnce(Config) -> Config,
    parts: &[&str],
) {
    let (config, peer) = serve(script);
    refused::<A>(configure(config), parts).await;
    peer.join().await;
}

fn as_it_is(config: Config) -> Config {
    config
}

fn hurried(config: Config) -> Config {
    config.connect_timeout(Duration::from_millis(200))
}

pub async fn a_closed_port_refuses<A: Adapter>() {
    // Bound, and free again: nobody listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let host = "127.0.0.1".to_owned();
    let config = Config::new(Address::Tcp { host, port });
    refused::<A>(config, &["refused"]).await;
}

pub async fn a_host_that_does_not_exist_is_named<A: Adapter>() {
    let config = Config::parse("no-such-host.invalid:3301").unwrap();
    refused::<A>(config, &["connecting to no-such-host.invalid:3301 failed: "]).await;
}

pub async fn a_web_server_is_no_tarantool<A: Adapter>() {
    let http = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n\
        a text that is long enough to fill the place of a greeting, whatever it may say there";
    let parts = ["not a Tarantool server", "HTTP/1.1 400 Bad Request"];
    let script = |link: &mut Link| {
        link.write(http);
        link.linger();
    };
    refused_by::<A>(script, as_it_is, &parts).await;
}

pub async fn a_console_port_is_recognised<A: Adapter>() {
    let mut greeting = [b' '; 128];
    for (line, text) in greeting
        .chunks_mut(64)
        .zip(["Tarantool 2.6.0 (Lua console)", "type 'help' for interactive help"])
    {
        line[..text.len()].copy_from_slice(text.as_bytes());
        line[63] = b'\n';
    }
    let script = move |link: &mut Link| {
        link.write(&greeting);
        link.linger();
    };
    refused_by::<A>(script, as_it_is, &["this is the console port", "box.cfg.listen"]).await;
}

pub async fn a_server_that_never_greets_is_given_up<A: Adapter>() {
    let started = Instant::now();
    let parts = ["timed out before the server's greeting"];
    refused_by::<A>(Link::linger, hurried, &parts).await;
    let script = |link: &mut Link| {
        link.write(&GREETING[..100]);
        link.linger();
    };
    let parts = ["timed out in the server's greeting, 100 of 128 bytes"];
    refused_by::<A>(script, hurried, &parts).await;
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(400), "after {took:?}");
    assert!(took < Duration::from_secs(2), "after {took:?}");
}

pub async fn a_server_that_never_answers_the_login_is_given_up<A: Adapter>() {
    let started = Instant::now();
    let script = |link: &mut Link| {
        link.write(GREETING);
        link.linger();
    };
    refused_by::<A>(script, hurried, &["timed out during login"]).await;
    let took = started.elapsed();
    assert!(took < Duration::from_secs(1), "after {took:?}");
}

pub async fn a_close_before_the_greeting_is_told<A: Adapter>() {
    let parts = ["the server closed the connection before the server's greeting"];
    refused_by::<A>(|_| {}, as_it_is, &parts).await;
}

pub async fn a_close_inside_the_greeting_is_told<A: Adapter>() {
    let parts = ["the server closed the connection in the server's greeting, 64 of 128"];
    refused_by::<A>(|link| link.write(&GREETING[..64]), as_it_is, &parts).await;
}

pub async fn a_close_before_the_login_reply_is_told<A: Adapter>() {
    let script = |link: &mut Link| {
        link.log_in();
        assert_eq!(link.request().unwrap().kind, AUTH);
    };
    let configure = |config: Config| config.user("app").password("t0ps3cr3t");
    let parts = ["the server closed the connection during login"];
    refused_by::<A>(script, configure, &parts).await;
}

pub async fn a_refusal_instead_of_a_login_is_told<A: Adapter>() {
    let script = |link: &mut Link| {
        link.write(GREETING);
        link.write(&error(0, 42, "no more guests"));
        link.linger();
    };
    let parts = ["the server refused the connection: no more guests", "42"];
    refused_by::<A>(script, as_it_is, &parts).await;
}

/// Requests that are under way at once when the peer goes wrong.
const WAITING: usize = 8;

/// A peer that goes wrong in use; the error of every request must say all of `parts`.
async fn goes_wrong<A: Adapter>(
    configure: impl FnOnce(Config) -> Config,
    wrong: impl FnOnce(&mut Link, &Request) + Send + 'static,
    parts: &[&str],
) {
    let (config, peer) = serve(move |link| {
        link.log_in();
        let requests: Vec<Request> = (0..WAITING).map(|_| link.request().unwrap()).collect();
        wrong(link, &requests[0]);
    });
    let address = config.addresses()[0].to_string();
    let client = A::connect(configure(config)).await.unwrap();
    let lost = A::all(&client, WAITING, |client, _| client.ping()).await;
    for (index, error) in lost.into_iter().map(Result::unwrap_err).enumerate() {
        let text = error.to_string();
        if index == 0 {
            println!("{text}");
        }
        let start = format!("ping: connection to {address} lost (");
        assert!(text.starts_with(&start), "{text}");
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in {text:?}");
        }
        assert!(matches!(error.kind(), ErrorKind::Lost { .. }), "{error:?}");
        assert_eq!(error.outcome(), Outcome::MaybeExecuted);
    }
    refuses_now::<A>(&client, parts).await;
    drop(client);
    peer.join().await;
}

async fn refuses_now<A: Adapter>(client: &Client<A::Mode>, parts: &[&str]) {
    assert_eq!(client.in_flight(), 0);
    let error = A::wait(client.ping()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotAccepted { .. }), "{error}");
    let (now, failure) = (error.to_string(), client.failure().unwrap().to_string());
    for part in parts {
        assert!(now.contains(part), "{part:?} is not in {now:?}");
        assert!(failure.contains(part), "{part:?} is not in {failure:?}");
    }
}

pub async fn a_close_in_mid_frame_is_told<A: Adapter>() {
    let wrong = |link: &mut Link, request: &Request| {
        let whole = ok(request.sync);
        link.write(&whole[..whole.len() - 3]);
    };
    goes_wrong::<A>(as_it_is, wrong, &["the server closed the connection while in use"]).await;
}

pub async fn the_reason_that_a_server_gives_before_it_closes_is_told<A: Adapter>() {
    let wrong = |link: &mut Link, _: &Request| {
        link.write(&error(0, 20, "Invalid MsgPack - packet length"));
    };
    let parts = ["the server closed the connection while in use, saying: Invalid MsgPack", "20"];
    goes_wrong::<A>(as_it_is, wrong, &parts).await;
}

pub async fn a_garbage_length_ends_the_connection<A: Adapter>() {
    let wrong = |link: &mut Link, _: &Request| {
        link.write(b"\xa5hello, this is no packet");
        link.linger();
    };
    let parts = ["broke the protocol", "length begins with byte 0xa5"];
    goes_wrong::<A>(as_it_is, wrong, &parts).await;
}

pub async fn a_packet_of_no_length_ends_the_connection<A: Adapter>() {
    let wrong = |link: &mut Link, _: &Request| {
        link.write(&packet(&[]));
        link.linger();
    };
    let parts = ["broke the protocol", "a packet of length 0"];
    goes_wrong::<A>(as_it_is, wrong, &parts).await;
}

pub async fn a_garbage_header_ends_the_connection<A: Adapter>() {
    let wrong = |link: &mut Link, _: &Request| {
        link.write(&packet(b"\xa5hello"));
        link.linger();
    };
    let parts = ["broke the protocol", "malformed packet header", "map"];
    goes_wrong::<A>(as_it_is, wrong, &parts).await;
}

pub async fn an_unknown_sync_ends_the_connection<A: Adapter>() {
    let wrong = |link: &mut Link, _: &Request| {
        link.write(&ok(0x0077_0000_0005));
        link.linger();
    };
    let parts = ["broke the protocol", "a reply to sync 0x7700000005, which no request"];
    goes_wrong::<A>(as_it_is, wrong, &parts).await;
}

pub async fn a_body_that_is_no_map_ends_the_connection<A: Adapter>() {
    let wrong = |link: &mut Link, request: &Request| {
        link.write(&reply(0, request.sync, &[0x93, 1, 2, 3]));
        link.linger();
    };
    let parts = ["broke the protocol", "begins with byte 0x93, not a map"];
    goes_wrong::<A>(as_it_is, wrong, &parts).await;
}

/// The length alone decides: nothing of the packet has come.
pub async fn a_packet_over_the_limit_ends_the_connection<A: Adapter>() {
    let wrong = |link: &mut Link, _: &Request| {
        link.write(&[0xce, 0x7f, 0xff, 0xff, 0xff]);
        link.linger();
    };
    let parts = ["a packet of 2147483647 bytes exceeds the limit of 134217728 bytes"];
    goes_wrong::<A>(as_it_is, wrong, &parts).await;
    let wrong = |link: &mut Link, _: &Request| {
        link.write(&[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        link.linger();
    };
    let configure = |config: Config| config.packet_bytes_max(1 << 20);
    goes_wrong::<A>(configure, wrong, &["exceeds the limit of 1048576 bytes"]).await;
}
