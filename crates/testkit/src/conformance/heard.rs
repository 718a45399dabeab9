//! What is told of a client's connections.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tarantool_client::{
    Async, Blocking, Client, Config, ConnectionError, ConnectionEvent, Mode, Status,
};

/// All events of a client, in their order.
#[derive(Clone, Debug, Default)]
pub struct Heard(Arc<Mutex<Vec<ConnectionEvent>>>);

impl Heard {
    /// The same configuration, for a client that is listened to.
    #[must_use]
    pub fn hear(&self, config: Config) -> Config {
        let events = Arc::clone(&self.0);
        config.on_event(move |event| {
            println!("{event}");
            events.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
        })
    }

    #[must_use]
    pub fn all(&self) -> Vec<ConnectionEvent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many attempts there were.
    #[must_use]
    pub fn attempts(&self) -> usize {
        let is_attempt =
            |event: &&ConnectionEvent| matches!(event, ConnectionEvent::Connecting { .. });
        self.all().iter().filter(is_attempt).count()
    }

    /// How connections that were in use have ended, or else attempts.
    #[must_use]
    pub fn losses(&self, of_ready: bool) -> Vec<ConnectionError> {
        let events = self.all().into_iter();
        let losses = events.filter_map(|event| match event {
            ConnectionEvent::Lost { was_ready, reason, .. } => {
                (was_ready == of_ready).then_some(reason)
            }
            _ => None,
        });
        losses.collect()
    }

    /// Whether there is still anything of a client that is listened to: a handle or its driver.
    #[must_use]
    pub fn is_used(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

/// How a client is waited for to come to a status, or to its end.
pub trait Lives: Mode {
    fn closed(client: &Client<Self>) -> impl Future<Output = ()> + Send;

    fn status_after(client: &Client<Self>, seen: &Status) -> impl Future<Output = Status> + Send;
}

impl Lives for Async {
    fn closed(client: &Client) -> impl Future<Output = ()> + Send {
        client.closed()
    }

    fn status_after(client: &Client, seen: &Status) -> impl Future<Output = Status> + Send {
        client.status_changed(seen)
    }
}

impl Lives for Blocking {
    async fn closed(client: &Client<Self>) {
        client.closed();
    }

    async fn status_after(client: &Client<Self>, seen: &Status) -> Status {
        client.status_changed(seen, Duration::from_secs(10))
    }
}

/// Waits for a status.
pub async fn until<M: Lives>(client: &Client<M>, holds: impl Fn(&Status) -> bool) -> Status {
    let mut status = client.status();
    while !holds(&status) {
        status = M::status_after(client, &status).await;
    }
    status
}

/// Waits for what must come to hold soon, by sleeping: for threads.
pub fn before_long(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < until, "not after 20 s: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
