//! Events of the `tracing` crate.
#![cfg(feature = "tracing")]

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tarantool_client::{Config, Output, connect};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps what it is told as lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<String>>);

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "tarantool"
    }

    fn event(&self, event: &Event<'_>) {
        struct Line<'a>(&'a mut String);

        impl Visit for Line<'_> {
            fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
                writeln!(self.0, "{value:?}").unwrap();
            }
        }

        let mut lines = self.0.lock().unwrap();
        write!(lines, "{} ", event.metadata().level()).unwrap();
        event.record(&mut Line(&mut lines));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn what_happens_to_a_connection_is_traced_and_no_password() {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        let config = Config::parse("app:secret@db.example:3301").unwrap();
        let (_client, mut drivers) = connect(&config);
        let driver = &mut drivers[0];
        driver.handle_timeout(Instant::now());
        let mut cx = Context::from_waker(Waker::noop());
        let output = driver.poll_output(&mut cx, &mut Vec::new());
        let Poll::Ready(Ok(Output::Connect { attempt, .. })) = output else {
            panic!("{output:?}");
        };
        driver.handle_connect_failed(attempt, &"connection refused");
        driver.handle_timeout(Instant::now());
    });
    let lines = lines.0.lock().unwrap().clone();
    assert_eq!(
        lines,
        "DEBUG connecting to db.example:3301\n\
         WARN connecting to db.example:3301 failed: connection refused\n\
         ERROR closed: connection refused\n"
    );
}
