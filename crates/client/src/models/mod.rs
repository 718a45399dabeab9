//! Model checks: small programs over this crate whose threads loom lets go on in every order in which
//! they can meet, with a bound on how often one is interrupted. A lost wake-up is a deadlock then,
//! and a wait that never ends an execution with too many steps. `cargo xtask loom` runs them.

mod closing;
mod leases;
mod limits;
mod replies;
mod script;
mod threads;
mod writes;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

pub(crate) use threads::{Mutex, MutexGuard, Thread, current, now, park, park_timeout, yield_now};

/// Steps of one execution: more of them mean that a thread waits for what never comes.
const STEPS_MAX: usize = 2_000;

/// Runs `model` in every order with at most so many preemptions, or as many as
/// `LOOM_MAX_PREEMPTIONS` says.
fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let executions = Arc::new(AtomicUsize::new(0));
    let mut builder = loom::model::Builder::new();
    let preemptions = *builder.preemption_bound.get_or_insert(preemptions);
    builder.max_branches = STEPS_MAX;
    let counted = Arc::clone(&executions);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let executions = executions.load(Ordering::Relaxed);
    let test = std::thread::current();
    let name = test.name().unwrap_or_default();
    println!("{name}: {executions} executions with at most {preemptions} preemptions");
}

/// Waits for a future, on a thread of a model.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut cx) {
            return result;
        }
        park();
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
