//! What a client takes of the machine when things go wrong.
//!
//! Memory and processor time are those of the whole process, so these cases are not in the suite:
//! [`resources!`](crate::resources!) makes tests of them that run one after another, in a test
//! program of their own.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tarantool_client::request::Call;
use tarantool_client::{ErrorKind, Outcome, Status};
use tarantool_proto::SendError;

use super::events::Events;
use super::heard::{Heard, Lives, until};
use super::overload::{Cancels, cancel_at_random, watch_and_forget};
use super::submits::Submits;
use super::waiting::join;
use super::{Adapter, Backend, Task, Wanted, connect_as};
use crate::{memory, processor};

const MIB: u64 = 1 << 20;
const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_millis(200);

/// Runs a case while no other of its process runs.
pub fn alone<A: Adapter, F: Future<Output = ()> + 'static>(case: fn() -> F) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    super::bounded(move || A::run(case()));
}

/// Makes tests of all cases about the memory and processor time of a process, and of those about
/// peers that are after them, for an [`Adapter`](crate::conformance::Adapter).
#[macro_export]
macro_rules! resources {
    ($adapter:ty) => {
        $crate::resources! { @each $adapter:
            resources::a_paused_server_does_not_fill_the_memory,
            resources::requests_cancelled_at_random_keep_no_memory,
            resources::a_watcher_that_nobody_reads_keeps_no_memory,
            resources::a_server_that_is_away_costs_no_processor_time,
            hostile::a_flood_of_late_replies_is_dropped_as_it_comes,
            hostile::a_flood_of_events_and_messages_is_dropped_as_it_comes,
            hostile::a_packet_that_drips_costs_what_has_come_of_it,
            hostile::a_greeting_that_drips_is_given_up_in_time,
            hostile::lies_inside_of_replies_are_errors_of_their_requests,
        }
    };
    (@each $adapter:ty: $($module:ident::$case:ident,)*) => { $(
        #[test]
        fn $case() {
            $crate::conformance::resources::alone::<$adapter, _>(
                $crate::conformance::$module::$case::<$adapter>,
            );
        }
    )* };
}

fn resident() -> u64 {
    memory::resident().unwrap_or_default()
}

/// Watches the memory of this process in a thread until it is asked for the most.
struct Peak {
    most: Arc<AtomicU64>,
    watching: thread::JoinHandle<()>,
}

impl Peak {
    fn watch() -> Self {
        let most = Arc::new(AtomicU64::new(resident()));
        let watching = thread::spawn({
            let most = Arc::downgrade(&most);
            move || {
                while let Some(most) = most.upgrade() {
                    most.fetch_max(resident(), Ordering::Relaxed);
                    drop(most);
                    thread::sleep(Duration::from_millis(1));
                }
            }
        });
        Self { most, watching }
    }

    async fn most(self) -> u64 {
        let most = self.most.load(Ordering::Relaxed);
        drop(self.most);
        join(self.watching).await;
        most
    }
}

/// Tasks go on making requests that nobody answers, of much more than may be held.
pub async fn a_paused_server_does_not_fill_the_memory<A: Adapter<Mode: Submits>>() {
    const HELD: u64 = 16 * MIB;
    const TASKS: usize = 10;
    const REQUESTS: usize = 1000;

    let wanted = Wanted::default();
    let server = Backend::real("a_paused_server_does_not_fill_the_memory", &wanted);
    let server = server.unwrap_or_else(|| Backend::embedded(&wanted));
    // At the other limits, `submit` would wait.
    let config = server.config().queued_bytes_max(2 * HELD as usize);
    let config = config.held_bytes_max(HELD as usize).heartbeat(Duration::ZERO, SHORT);
    let client = connect_as::<A>(config.request_timeout(5 * LONG)).await;
    let text: Arc<str> = "x".repeat(256 << 10).into();
    let long: String = A::wait(client.call("echo", &*text)).await.unwrap();
    assert_eq!(long.len(), text.len());
    drop(long);
    server.pause();
    let before = resident();
    let peak = Peak::watch();
    let (refused, late) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks = (0..TASKS).map(|_| {
        let (client, text) = (client.clone(), Arc::clone(&text));
        let (refused, late) = (Arc::clone(&refused), Arc::clone(&late));
        let running = async move {
            let mut started = Vec::new();
            for _ in 0..REQUESTS / TASKS {
                started.push(A::Mode::start(&client, Call::new("echo").arguments((&*text,))));
            }
            for request in started {
                let error = A::Mode::finish(request).await.unwrap_err();
                let count = match error.kind() {
                    ErrorKind::NotAccepted { error: SendError::Saturated, .. } => {
                        let outcome = (error.outcome(), error.is_retry_safe());
                        assert_eq!(outcome, (Outcome::NotSent, true));
                        &refused
                    }
                    ErrorKind::TimedOut { .. } => &late,
                    _ => panic!("{error}"),
                };
                count.fetch_add(1, Ordering::Relaxed);
            }
        };
        Box::pin(running) as Task
    });
    A::tasks(tasks.collect()).await;
    let most = peak.most().await;
    let (refused, late) = (refused.load(Ordering::Relaxed), late.load(Ordering::Relaxed));
    println!("{refused} refused, {late} late; {before} bytes before, at most {most}");
    // All of them together have far more than the limit.
    assert_eq!(refused + late, REQUESTS);
    assert!(refused > REQUESTS / 2 && late > 0, "{refused} refused, {late} late");
    assert!(most < before + HELD + 64 * MIB, "{before} bytes before, at most {most}");
    assert_eq!(client.in_flight(), 0);
    server.resume();
    let seven: u64 = A::wait(client.call("echo", 7)).await.unwrap();
    assert_eq!(seven, 7);
}

pub async fn requests_cancelled_at_random_keep_no_memory<A: Adapter<Mode: Cancels>>() {
    let server = Backend::embedded(&Wanted::default());
    let client = connect_as::<A>(server.config()).await;
    cancel_at_random::<A>(&client, 20_000).await;
    let before = resident();
    cancel_at_random::<A>(&client, 100_000).await;
    let after = resident();
    println!("{before} bytes before, {after} after; {}", client.stats());
    assert!(after < before + 16 * MIB, "{before} bytes before, {after} after");
}

/// 100 MB of values, of which the newest alone is kept.
pub async fn a_watcher_that_nobody_reads_keeps_no_memory<A: Adapter<Mode: Events>>() {
    let server = Backend::embedded(&Wanted::default());
    let before = resident();
    let peak = Peak::watch();
    watch_and_forget::<A>(&server).await;
    let most = peak.most().await;
    println!("{before} bytes before, at most {most}");
    assert!(most < before + 48 * MIB, "{before} bytes before, at most {most}");
}

/// Nobody spins, neither while an attempt is under way nor between attempts.
pub async fn a_server_that_is_away_costs_no_processor_time<A: Adapter<Mode: Lives>>() {
    const WHILE: Duration = Duration::from_secs(2);

    let server = Backend::embedded(&Wanted::default());
    let (proxy, config) = server.proxy();
    let heard = Heard::default();
    let client = connect_as::<A>(heard.hear(config).backoff(LONG / 2, LONG)).await;
    for is_silent in [false, true] {
        proxy.refuse(!is_silent).unwrap();
        proxy.stay_silent(is_silent);
        proxy.cut_now();
        until(&client, |status| !matches!(status, Status::Ready { .. })).await;
        let (before, attempts) = (processor::used().unwrap_or_default(), heard.attempts());
        let started = Instant::now();
        // Somebody waits all the time.
        let error = A::wait(client.with_timeout(WHILE).call::<()>("echo", ())).await;
        assert!(error.unwrap_err().is_timeout());
        let used = processor::used().unwrap_or_default() - before;
        let attempts = heard.attempts() - attempts;
        println!("{used:?} in {:?}, {attempts} attempts", started.elapsed());
        assert!(used < WHILE / 10, "{used:?} in {:?}", started.elapsed());
        assert!(attempts < 30, "{attempts} attempts");
    }
}
