//! A client that one runtime drives, used on each other one: handles belong to no runtime.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tarantool_client::{Client, Config, Error};
use tarantool_testkit::Server;
use tarantool_testkit::conformance::{block_on, bounded};

type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;

/// A runtime: its name, how it connects, and how it runs a future.
#[derive(Clone, Copy)]
struct Runtime {
    name: &'static str,
    connect: fn(Config) -> Boxed<Result<Client, Error>>,
    run: fn(Boxed<()>),
}

const RUNTIMES: [Runtime; 5] = [
    Runtime {
        name: "tokio, current thread",
        connect: |config| Box::pin(tarantool_tokio::connect(config)),
        run: |future| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(future);
        },
    },
    Runtime {
        name: "tokio, multi-thread",
        connect: |config| Box::pin(tarantool_tokio::connect(config)),
        run: |future| {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            runtime.unwrap().block_on(future);
        },
    },
    Runtime {
        name: "async-std",
        connect: |config| Box::pin(tarantool_async_std::connect(config)),
        run: |future| async_std::task::block_on(future),
    },
    Runtime {
        name: "smol",
        connect: |config| Box::pin(tarantool_smol::connect(config)),
        run: |future| smol::block_on(future),
    },
    Runtime {
        name: "compio",
        connect: |config| Box::pin(tarantool_compio::connect(config)),
        run: |future| compio::runtime::Runtime::new().unwrap().block_on(future),
    },
];

/// A client whose connection a runtime drives on a thread of its own, until the client is dropped.
fn driven(home: Runtime, config: Config) -> (Client, JoinHandle<()>) {
    let (give, take) = channel();
    let thread = thread::spawn(move || {
        (home.run)(Box::pin(async move {
            let client = (home.connect)(config).await.unwrap();
            let (over, until) = channel::<()>();
            give.send((client, over)).unwrap();
            let waiting = thread::spawn(move || until.recv());
            tarantool_testkit::conformance::waiting::join(waiting).await.unwrap_err();
        }));
    });
    let (client, over) = take.recv().unwrap();
    // The runtime ends with its last client.
    let watched = client.clone();
    thread::spawn(move || {
        while watched.failure().is_none() {
            thread::sleep(Duration::from_millis(5));
        }
        drop(over);
    });
    (client, thread)
}

async fn use_it(client: Client) {
    for number in 0..100_u64 {
        let back: u64 = client.call("double", (number,)).await.unwrap();
        assert_eq!(back, 2 * number);
    }
    let together: Vec<_> =
        (0..100_u64).map(|number| client.call::<u64>("double", (number,))).collect();
    for (number, reply) in together.into_iter().enumerate() {
        assert_eq!(reply.await.unwrap(), 2 * number as u64);
    }
    let hurried = client.with_timeout(Duration::from_millis(20));
    let late = hurried.call::<u64>("late", ()).await.unwrap_err();
    assert!(late.is_timeout(), "{late}");
}

#[test]
fn a_client_of_any_runtime_works_on_any_other() {
    bounded(|| {
        let server = Server::start().unwrap();
        server.function("double", |(number,): (u64,)| Ok(2 * number));
        server.function("late", |(): ()| {
            thread::sleep(Duration::from_millis(200));
            Ok(0)
        });
        let config = Config::parse(server.uri()).unwrap();
        for home in RUNTIMES {
            let (client, thread) = driven(home, config.clone());
            for guest in RUNTIMES {
                println!("driven on {}, used on {}", home.name, guest.name);
                (guest.run)(Box::pin(use_it(client.clone())));
            }
            println!("driven on {}, used on none", home.name);
            block_on(use_it(client.clone()));
            client.close();
            drop(client);
            thread.join().unwrap();
        }
        assert_eq!(server.accepted(), RUNTIMES.len() as u64);
    });
}
