//! Servers that say that they are about to go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tarantool_client::{Client, ConnectionError, Status};
use tarantool_proto::RequestType;

use super::heard::{Heard, Lives, before_long, until};
use super::waiting::join;
use super::{Adapter, Backend, Task, Wanted, connect_as};

const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_millis(100);
const TASKS: usize = 50;

/// Calls until it is over, all of which must succeed. Returns how many there were.
async fn call_until<A: Adapter>(client: &Client<A::Mode>, is_over: &Arc<AtomicBool>) -> u64 {
    let calls = Arc::new(AtomicU64::new(0));
    let tasks = (0..TASKS as u64).map(|task| {
        let (client, is_over, calls) = (client.clone(), Arc::clone(is_over), Arc::clone(&calls));
        let running = async move {
            for number in 0.. {
                let was_over = is_over.load(Ordering::Relaxed);
                let unique = (task << 32) + number;
                let reply = match task % 5 {
                    0 => client.call("slow", (0.1, unique)),
                    _ => client.call("echo", (unique,)),
                };
                let back: u64 = A::wait(reply).await.unwrap();
                assert_eq!(back, unique);
                calls.fetch_add(1, Ordering::Relaxed);
                if was_over {
                    break;
                }
            }
        };
        Box::pin(running) as Task
    });
    A::tasks(tasks.collect()).await;
    calls.load(Ordering::Relaxed)
}

/// What is under way there is finished, all else goes to the next address.
pub async fn a_server_that_shuts_down_is_left_without_an_error<A: Adapter<Mode: Lives>>(
    server: &Backend,
) {
    let servers = [(); 2].map(|()| Arc::new(server.another(&Wanted::default())));
    let [first, second] = &servers;
    let next = second.config().addresses()[0].clone();
    let heard = Heard::default();
    let config = heard.hear(first.config()).or_address(next.clone()).backoff(SHORT, LONG);
    let client = connect_as::<A>(config).await;
    let executed = |server: &Backend| server.server().unwrap().executed(RequestType::CALL);
    let is_over = Arc::new(AtomicBool::new(false));
    let ending = thread::spawn({
        let ([first, second], is_over) = (servers.clone(), Arc::clone(&is_over));
        move || {
            before_long("calls go on", || executed(&first) > 200);
            first.shut_down();
            before_long("calls go on", || executed(&second) > 200);
            is_over.store(true, Ordering::Relaxed);
        }
    });
    let calls = call_until::<A>(&client, &is_over).await;
    join(ending).await;
    println!("{calls} calls: {} and {}", executed(first), executed(second));
    assert_eq!(executed(first) + executed(second), calls, "once each");
    assert_eq!(client.status(), Status::Ready { address: next, connection: 2 });
    assert_eq!(heard.losses(true), [ConnectionError::ServerShutdown]);
    assert_eq!(client.in_flight(), 0);
}

/// The only address: what is not under way waits for the server to be there again.
pub async fn a_server_that_shuts_down_is_come_back_to<A: Adapter<Mode: Lives>>(server: &Backend) {
    let server = Arc::new(server.another(&Wanted::default()));
    let heard = Heard::default();
    let config = heard.hear(server.config()).backoff(SHORT, LONG);
    let client = connect_as::<A>(config).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let ending = thread::spawn({
        let (server, is_over) = (Arc::clone(&server), Arc::clone(&is_over));
        move || {
            for _ in 0..3 {
                let embedded = server.server().unwrap();
                let before = embedded.executed(RequestType::CALL);
                before_long("calls go on", || embedded.executed(RequestType::CALL) > before + 200);
                server.shut_down();
                thread::sleep(LONG);
                server.restart();
            }
            is_over.store(true, Ordering::Relaxed);
        }
    });
    let calls = call_until::<A>(&client, &is_over).await;
    join(ending).await;
    assert_eq!(server.server().unwrap().executed(RequestType::CALL), calls, "once each");
    assert_eq!(heard.losses(true), [const { ConnectionError::ServerShutdown }; 3]);
    until(&client, |status| matches!(status, Status::Ready { connection: 4, .. })).await;
    assert_eq!(client.in_flight(), 0);
}
