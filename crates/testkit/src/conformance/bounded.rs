//! The time limit of a test.

use std::panic;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// What tests of a debug build on two slow processors take at most, several times over.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a test that must not hang, whatever goes wrong.
pub fn bounded(test: impl FnOnce() + Send + 'static) {
    let (alive, over) = channel::<()>();
    let running = thread::spawn(move || {
        let _alive = alive;
        test();
    });
    match over.recv_timeout(LIMIT) {
        // The thread that hangs is left alone; it ends with the process.
        Err(RecvTimeoutError::Timeout) => panic!("not over after {LIMIT:?}"),
        _ => {
            if let Err(panicked) = running.join() {
                panic::resume_unwind(panicked);
            }
        }
    }
}
