//! The memory that a thread encodes its requests in.

use std::cell::Cell;

use tarantool_proto::Frame;

/// Runs `encode` with a frame whose memory is used again for the next request of this thread.
///
/// The frame is out of its place meanwhile, so that a `Serialize` that itself sends a request finds
/// a fresh one.
pub(super) fn with_scratch<T>(encode: impl FnOnce(&mut Frame) -> T) -> T {
    thread_local! {
        // In a box, which is moved more cheaply.
        static SCRATCH: Cell<Option<Box<Frame>>> = const { Cell::new(None) };
    }
    let mut frame = SCRATCH.try_with(Cell::take).ok().flatten().unwrap_or_default();
    let result = encode(&mut frame);
    if frame.capacity() <= SCRATCH_MAX {
        frame.clear();
        // At the end of a thread there is no next request.
        let _ = SCRATCH.try_with(|scratch| scratch.set(Some(frame)));
    }
    result
}

/// A larger frame is not kept: one big row should not hold its memory for ever.
const SCRATCH_MAX: usize = 64 << 10;
