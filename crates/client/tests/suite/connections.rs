//! Connections from their opening to their end.

use std::thread;
use std::time::{Duration, Instant};

use tarantool_client::{Config, ErrorKind, Outcome};
use tarantool_testkit::{Listen, Tarantool};

use super::support::{connect_as, own_server};
use super::{Adapter, connect, create_space};

pub(crate) async fn a_unix_socket_works_as_tcp_does<M: Adapter>(_: &Tarantool) {
    let builder = Tarantool::builder().listen(Listen::Unix);
    let Some(server) = builder.start_or_skip("a_unix_socket_works_as_tcp_does") else {
        return;
    };
    let uri = server.uri();
    assert!(uri.starts_with("unix/:/"), "{uri}");
    let config = Config::parse(&format!("tarantool://{uri}?request_timeout=10")).unwrap();
    let client = connect_as::<M>(config).await;
    let code = "box.schema.space.create('kv'):create_index('id') return 7";
    let seven: u64 = M::wait(client.eval(code, ())).await.unwrap();
    assert_eq!(seven, 7);
    let space = client.space::<(u64, String)>("kv");
    let long = "x".repeat(1 << 19);
    M::wait(space.insert(&(1, long.clone()))).await.unwrap();
    assert_eq!(M::wait(space.get(1)).await.unwrap(), Some((1, long)));

    let missing = server.folder().join("missing.sock");
    let config = Config::parse(&format!("unix/:{}", missing.display())).unwrap();
    let error = M::connect(config).await.unwrap_err();
    println!("{error}");
    assert!(error.to_string().contains("missing.sock"), "{error}");
    assert!(error.is_retry_safe());
}

pub(crate) async fn the_server_is_known<M: Adapter>(server: &Tarantool) {
    let client = connect::<M>(server).await;
    let info = client.server().unwrap();
    let (major, minor, patch) = server.version();
    assert_eq!(info.version().to_string(), format!("{major}.{minor}.{patch}"));
    let uuid: String = M::wait(client.eval("return box.info.uuid", ())).await.unwrap();
    assert_eq!(info.greeting().instance_uuid(), Some(&*uuid));
    if server.version() < (2, 10, 0) {
        assert_eq!(info.protocol_version(), 0);
    }
    assert_eq!(client.failure().map(|error| error.to_string()), None);
    assert!(format!("{client:?}").contains(&server.uri()), "{client:?}");
}

pub(crate) async fn a_closed_client_refuses_requests_and_answers_those_accepted<M: Adapter>(
    server: &Tarantool,
) {
    let client = connect::<M>(server).await;
    let closer = thread::spawn({
        let client = client.clone();
        move || {
            while client.in_flight() < 20 {
                thread::sleep(Duration::from_millis(5));
            }
            client.close();
        }
    });
    let echoed = M::all(&client, 20, |client, id| client.call("slow", (0.2, id))).await;
    closer.join().unwrap();
    for (id, answer) in echoed.into_iter().enumerate() {
        assert_eq!(id, answer.unwrap());
    }
    let error = M::wait(client.ping()).await.unwrap_err();
    println!("{error}");
    assert!(matches!(error.kind(), ErrorKind::NotAccepted { .. }), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(error.to_string().starts_with("ping: not sent: "), "{error}");
}

pub(crate) async fn a_killed_server_is_told_to_all_and_named<M: Adapter>(_: &Tarantool) {
    const REQUESTS: usize = 40;

    let Some(mut server) = own_server("a_killed_server_is_told_to_all_and_named") else {
        return;
    };
    let uri = server.uri();
    let client = connect::<M>(&server).await;
    let (name, _) = create_space(&client, "{{'id', 'unsigned'}}", "{{name = 'id'}}").await;
    let space = client.space::<(u64,)>(&name);
    M::wait(space.insert(&(1,))).await.unwrap();
    let killer = thread::spawn({
        let client = client.clone();
        move || {
            while client.in_flight() < REQUESTS {
                thread::sleep(Duration::from_millis(5));
            }
            thread::sleep(Duration::from_millis(50));
            server.kill().unwrap();
            server
        }
    });
    let lost = M::all(&client, REQUESTS, |client, _| client.call::<_, u64>("slow", (30, 1))).await;
    let _server = killer.join().unwrap();
    for error in lost.into_iter().map(Result::unwrap_err) {
        assert!(matches!(error.kind(), ErrorKind::Lost { .. }), "{error}");
        assert_eq!(error.outcome(), Outcome::MaybeExecuted, "{error}");
        let text = error.to_string();
        let start = format!("call slow: connection to {uri} lost (");
        assert!(text.starts_with(&start), "{text}");
        assert!(text.ends_with("it may have been executed"), "{text}");
        assert!(!error.is_retry_safe());
    }
    assert_eq!(client.in_flight(), 0);
    let failure = client.failure().unwrap().to_string();
    println!("{failure}");

    let error = M::wait(space.get(1)).await.unwrap_err();
    println!("{error}");
    let ErrorKind::NotAccepted { cause: Some(cause), .. } = error.kind() else {
        panic!("{error}");
    };
    assert!(failure.contains(&cause.to_string()), "{failure}: {cause}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(error.is_retry_safe());
    assert!(error.to_string().contains(&uri), "{error}");

    let started = Instant::now();
    let refused = M::connect(Config::parse(&uri).unwrap()).await.unwrap_err();
    println!("{refused}");
    assert!(refused.to_string().contains(&uri), "{refused}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

pub(crate) async fn requests_of_a_killed_server_know_whether_they_were_sent<M: Adapter>(
    _: &Tarantool,
) {
    const PLACES: usize = 10;
    const REQUESTS: usize = 40;

    let test = "requests_of_a_killed_server_know_whether_they_were_sent";
    let Some(mut server) = own_server(test) else {
        return;
    };
    let config = Config::parse(&server.uri()).unwrap();
    let client = connect_as::<M>(config.in_flight_max(PLACES)).await;
    let killer = thread::spawn({
        let client = client.clone();
        move || {
            while client.stats().requests < REQUESTS as u64 {
                thread::sleep(Duration::from_millis(5));
            }
            thread::sleep(Duration::from_millis(50));
            server.kill().unwrap();
        }
    });
    let lost = M::all(&client, REQUESTS, |client, _| client.call::<_, u64>("slow", (30, 1))).await;
    killer.join().unwrap();
    let outcomes = lost.into_iter().map(|result| result.unwrap_err().outcome());
    let (sent, unsent): (Vec<_>, Vec<_>) =
        outcomes.partition(|outcome| *outcome == Outcome::MaybeExecuted);
    assert_eq!(sent.len(), PLACES);
    assert_eq!(unsent, [Outcome::NotSent; REQUESTS - PLACES]);
    assert_eq!(client.in_flight(), 0);
}
