//! Clients that live on when their connection is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tarantool_client::{Client, ConnectionError, ErrorKind, Executed, OnRefused, Outcome, Status};

use super::backend::unique;
use super::heard::{Heard, Lives, before_long, until};
use super::mixed::Mixed;
use super::sql::Executes;
use super::waiting::join;
use super::{Adapter, Backend, Task, Waits, Wanted, connect, connect_as, create_space, index};
use crate::{Direction, Proxy};

/// Waits that keep cases short.
const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_millis(100);

/// How often a server is killed under load.
pub(super) const KILLS: usize = 20;

/// Writes from so many tasks until `is_over`, and then until the last write of each was executed.
pub(super) async fn write_until<A: Adapter>(
    client: &Client<A::Mode>,
    (writes, is_over): (&Arc<Mixed>, &Arc<AtomicBool>),
    tasks: usize,
) {
    let tasks = (0..tasks).map(|task| {
        let (client, writes, is_over) = (client.clone(), Arc::clone(writes), Arc::clone(is_over));
        let running = async move {
            for turn in task.. {
                let was_over = is_over.load(Ordering::Relaxed);
                let result = writes.write::<A>(&client, turn).await;
                if was_over && result.is_ok() {
                    break;
                }
            }
        };
        Box::pin(running) as Task
    });
    A::tasks(tasks.collect()).await;
}

/// Everything has exactly one outcome, and that is the right one, however often it happens.
pub async fn writes_go_on_while_their_server_is_killed_again_and_again<A: Adapter<Mode: Lives>>(
    server: &Backend,
) {
    let server = Arc::new(server.another(&Wanted::default()));
    let writes = Arc::new(Mixed::create::<A>(&server).await);
    let client = connect_as::<A>(server.config().backoff(SHORT, LONG)).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let killer = thread::spawn({
        let (server, writes, is_over) =
            (Arc::clone(&server), Arc::clone(&writes), Arc::clone(&is_over));
        move || {
            for kill in 0..KILLS {
                let before = writes.executed();
                // More than can be told of the connection before.
                let enough = before + 2 * A::Mode::AT_ONCE;
                before_long("writes go on", || writes.executed() >= enough);
                thread::sleep(Duration::from_millis(7 * kill as u64 % 20));
                server.kill();
                server.restart();
            }
            is_over.store(true, Ordering::Relaxed);
        }
    });
    write_until::<A>(&client, (&writes, &is_over), A::Mode::AT_ONCE).await;
    join(killer).await;
    let status = until(&client, |status| matches!(status, Status::Ready { .. })).await;
    let Status::Ready { connection, .. } = status else { unreachable!() };
    assert_eq!(connection, 1 + KILLS as u64);
    assert_eq!(client.in_flight(), 0);
    let summary = writes.compare::<A>(&server.config()).await;
    println!("{KILLS} kills: {summary}; {}", client.stats());
    assert!(summary.maybe_executed > 0, "{summary}");
}

async fn after_cuts<A: Adapter>(server: &Backend, direction: Direction) {
    const CUTS: u64 = 20;
    const TASKS: usize = 8;

    let writes = Arc::new(Mixed::create::<A>(server).await);
    let (proxy, config) = server.proxy();
    let client = connect_as::<A>(config.backoff(SHORT, LONG)).await;
    for cut in 0..CUTS {
        let before = proxy.accepted();
        // Within a greeting, a request of the handshake, a write or its reply.
        proxy.cut_after(direction, 1 + cut * 37);
        let tasks = (0..TASKS).map(|task| {
            let (client, writes) = (client.clone(), Arc::clone(&writes));
            let running = async move {
                for turn in 0..20 {
                    let _ = writes.write::<A>(&client, task + turn).await;
                }
            };
            Box::pin(running) as Task
        });
        A::tasks(tasks.collect()).await;
        assert_eq!(client.in_flight(), 0);
        assert!(proxy.accepted() > before, "cut {cut} has not happened");
    }
    assert!(client.failure().is_none());
    let summary = writes.compare::<A>(&server.config()).await;
    println!("{summary}");
    assert_eq!(summary.writes(), CUTS * 20 * TASKS as u64);
    assert!(summary.maybe_executed > 0, "{summary}");
    assert!(summary.executed > summary.maybe_executed, "{summary}");
}

pub async fn a_cut_inside_of_requests_is_told_rightly_and_got_over<A: Adapter>(server: &Backend) {
    after_cuts::<A>(server, Direction::ToServer).await;
}

pub async fn a_cut_inside_of_replies_is_told_rightly_and_got_over<A: Adapter>(server: &Backend) {
    after_cuts::<A>(server, Direction::ToClient).await;
}

/// What was written and perhaps executed is sent again if it may be, and only then.
pub async fn what_is_idempotent_is_sent_again<A: Adapter>(server: &Backend) {
    let (proxy, config) = server.proxy();
    // So that nothing but replies comes, and is cut off.
    let config = config.backoff(SHORT, LONG).graceful_shutdown(Duration::ZERO);
    let client = connect_as::<A>(config).await;
    let name = unique("trace");
    let () = A::wait(client.call("trace", (&name, 0))).await.unwrap();
    proxy.cut_after(Direction::ToClient, 0);
    let () = A::wait(client.idempotent().call("trace", (&name, 1))).await.unwrap();
    proxy.cut_after(Direction::ToClient, 0);
    let error = A::wait(client.call::<()>("trace", (&name, 2))).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Lost { .. }), "{error}");
    assert_eq!((error.outcome(), error.is_retry_safe()), (Outcome::MaybeExecuted, false));
    let traced: Vec<u64> = A::wait(client.call("traced", (&name,))).await.unwrap();
    assert_eq!(traced, [0, 1, 1, 2]);
}

/// The schema is read again: another space may have the name by now.
pub async fn a_space_made_anew_meanwhile_is_found<A: Adapter<Mode: Lives>>(server: &Backend) {
    let (name, _) = create_space::<A>(server, &[("id", "unsigned")], &[index("id", &["id"])]).await;
    let (proxy, config) = server.proxy();
    let client = connect_as::<A>(config.backoff(SHORT, LONG)).await;
    let space = client.space::<(u64,)>(&name);
    A::wait(space.insert(&(1,))).await.unwrap();
    proxy.refuse(true).unwrap();
    proxy.cut_now();
    until(&client, |status| !matches!(status, Status::Ready { .. })).await;
    let code = "local name = ...
        box.space[name]:drop()
        box.schema.space.create(name .. '_other'):create_index('pk')
        return box.schema.space.create(name):create_index('pk').space_id";
    let witness = connect::<A>(server).await;
    let number: u32 = A::wait(witness.eval(code, &name)).await.unwrap();
    proxy.refuse(false).unwrap();
    A::wait(space.insert(&(2,))).await.unwrap();
    let rows = A::wait(witness.space::<(u64,)>(number).select(()).send()).await.unwrap();
    assert_eq!(rows, [(2,)]);
}

/// Cuts the connection and waits until the client has the next one.
async fn cut<A: Adapter>(proxy: &Proxy, client: &Client<A::Mode>) {
    proxy.cut_now();
    // It is sent again if it has met the end.
    A::wait(client.ping()).await.unwrap();
}

fn is_gone(error: &tarantool_client::Error) {
    assert!(matches!(error.kind(), ErrorKind::ConnectionGone { .. }), "{error}");
    assert_eq!((error.outcome(), error.is_retry_safe()), (Outcome::NotSent, false));
    assert!(error.to_string().ends_with("; make a new one"), "{error}");
}

pub async fn a_stream_belongs_to_its_connection<A: Adapter>(server: &Backend) {
    let (proxy, config) = server.proxy();
    let client = connect_as::<A>(config.backoff(SHORT, LONG)).await;
    let stream = client.stream();
    let seven: u64 = A::wait(stream.call("echo", 7)).await.unwrap();
    cut::<A>(&proxy, &client).await;
    is_gone(&A::wait(stream.call::<u64>("echo", 8)).await.unwrap_err());
    let nine: u64 = A::wait(client.stream().call("echo", 9)).await.unwrap();
    assert_eq!((seven, nine), (7, 9));
}

/// A statement that was prepared by hand is gone; one that prepares itself is prepared again.
pub async fn a_statement_is_prepared_again_on_the_next_connection<A: Adapter<Mode: Executes>>(
    server: &Backend,
) {
    // Statements expire with any change of the schema.
    let server = server.another(&Wanted::default());
    let (proxy, config) = server.proxy();
    let client = connect_as::<A>(config.backoff(SHORT, LONG)).await;
    let by_hand = A::wait(client.prepare("SELECT ? + 1")).await.unwrap();
    let sql = client.sql("SELECT ? + 1");
    for round in 0..3_u64 {
        let next: Executed<(u64,)> = A::Mode::execute(&sql, (round,)).await.unwrap();
        assert_eq!(next.rows, [(round + 1,)]);
        cut::<A>(&proxy, &client).await;
        is_gone(&A::wait(client.execute::<(u64,)>(&by_hand, 1)).await.unwrap_err());
        let again: Executed<(u64,)> = A::Mode::execute(&sql, (round,)).await.unwrap();
        assert_eq!(again.rows, [(round + 1,)]);
    }
    let by_hand = A::wait(client.prepare("SELECT ? + 1")).await.unwrap();
    let two: Executed<(u64,)> = A::wait(client.execute(&by_hand, 1)).await.unwrap();
    assert_eq!(two.rows, [(2,)]);
}

fn user() -> Wanted {
    Wanted { user: Some(("app".into(), "old".into())), ..Wanted::default() }
}

fn is_login(cause: Option<&ConnectionError>) -> bool {
    matches!(cause, Some(ConnectionError::Login { user, .. }) if **user == *"app")
}

pub async fn a_password_that_is_wrong_by_now_ends_the_client<A: Adapter>(server: &Backend) {
    let server = server.another(&user());
    let heard = Heard::default();
    let config = heard.hear(server.config()).user("app").password("old").backoff(SHORT, LONG);
    let client = connect_as::<A>(config.on_refused(OnRefused::GiveUp)).await;
    server.server().unwrap().set_password("app", "new");
    server.server().unwrap().disconnect_all();
    let started = Instant::now();
    let results = A::all(&client, 5, |client, _| client.ping()).await;
    for error in results.into_iter().map(Result::unwrap_err) {
        println!("{error}");
        let cause = match error.kind() {
            ErrorKind::Lost { cause, .. } => Some(cause),
            ErrorKind::NotAccepted { cause, .. } => cause.as_ref(),
            _ => None,
        };
        // Those that were sent before tell of the connection that they were sent on.
        let was_sent = error.outcome() == Outcome::MaybeExecuted;
        assert!(was_sent || is_login(cause), "{error}");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let failure = client.failure().unwrap();
    let ErrorKind::Connect(cause) = failure.kind() else { panic!("{failure}") };
    assert!(is_login(Some(cause)), "{failure}");
    assert!(!failure.is_retry_safe());
    assert_eq!(client.status(), Status::Closed);
    assert_eq!(heard.attempts(), 2, "it is not tried again");
    assert_eq!(client.in_flight(), 0);
}

pub async fn a_password_that_is_wrong_for_a_while_fails_requests_so_long<A>(server: &Backend)
where
    A: Adapter<Mode: Lives>,
{
    let server = server.another(&user());
    let config = server.config().user("app").password("old").backoff(SHORT, LONG);
    let client = connect_as::<A>(config).await;
    server.server().unwrap().set_password("app", "new");
    server.server().unwrap().disconnect_all();
    let started = Instant::now();
    // The first one finds out.
    let error = A::wait(client.ping()).await.unwrap_err();
    println!("{error}");
    for _ in 0..3 {
        let error = A::wait(client.call::<u64>("echo", 7)).await.unwrap_err();
        println!("{error}");
        let (ErrorKind::Lost { cause, .. } | ErrorKind::NotAccepted { cause: Some(cause), .. }) =
            error.kind()
        else {
            panic!("{error}");
        };
        assert!(is_login(Some(cause)), "{error}");
        assert_eq!((error.outcome(), error.is_retry_safe()), (Outcome::NotSent, true));
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(client.failure().is_none());
    server.server().unwrap().set_password("app", "old");
    until(&client, |status| matches!(status, Status::Ready { .. })).await;
    A::wait(client.ping()).await.unwrap();
}

pub async fn a_password_that_will_be_right_again_is_waited_for<A: Adapter>(server: &Backend) {
    let server = Arc::new(server.another(&user()));
    let heard = Heard::default();
    let config = heard.hear(server.config()).user("app").password("old").backoff(SHORT, LONG);
    let client = connect_as::<A>(config.on_refused(OnRefused::Retry)).await;
    let changer = thread::spawn({
        let (server, heard) = (Arc::clone(&server), heard.clone());
        move || {
            before_long("it tries again", || heard.losses(false).len() >= 3);
            server.server().unwrap().set_password("app", "old");
        }
    });
    server.server().unwrap().set_password("app", "new");
    server.server().unwrap().disconnect_all();
    for result in A::all(&client, 5, |client, _| client.ping()).await {
        result.unwrap();
    }
    join(changer).await;
    assert!(heard.losses(false).iter().all(|reason| is_login(Some(reason))));
    let seven: u64 = A::wait(client.call("echo", 7)).await.unwrap();
    assert_eq!((seven, client.in_flight()), (7, 0));
}
