//! Messages that a running call pushes, kept in order until they are taken.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::packet::Header;
use crate::response::Response;
use crate::slots::RequestId;
use crate::watches::kept;

/// What a running call pushed; see [`Connection::take_push`](crate::Connection::take_push).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Push {
    /// A message. Its data has one element, which
    /// [`returned`](Response::returned) decodes.
    Message(Response),
    /// So many messages are missing here: they came while as many as may be kept were not taken.
    Lost(u64),
}

/// The messages of all requests that want theirs.
#[derive(Debug, Default)]
pub(crate) struct Pushes {
    queues: BTreeMap<RequestId, Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    pushes: VecDeque<Push>,
    bytes: usize,
}

/// How many messages a request may have waiting, and their bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PushLimits {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
}

impl Pushes {
    pub(crate) fn accept(&mut self, id: RequestId) {
        self.queues.entry(id).or_default();
    }

    #[inline]
    pub(crate) fn forget(&mut self, id: RequestId) {
        if !self.queues.is_empty() {
            self.queues.remove(&id);
        }
    }

    pub(crate) fn take(&mut self, id: RequestId) -> Option<Push> {
        let queue = self.queues.get_mut(&id)?;
        let push = queue.pushes.pop_front()?;
        if let Push::Message(message) = &push {
            queue.bytes -= message.body().len();
        }
        Some(push)
    }

    /// Keeps a message, or counts it as lost where that would be too many. `None`: the request does
    /// not want any.
    pub(crate) fn on_chunk(
        &mut self,
        id: RequestId,
        (header, body): (Header, &Bytes),
        limits: PushLimits,
    ) -> Option<Kept> {
        let queue = self.queues.get_mut(&id)?;
        // One message always fits, whatever the limits.
        let fits = queue.pushes.len() < limits.count && queue.bytes + body.len() <= limits.bytes;
        if queue.pushes.is_empty() || fits {
            queue.bytes += body.len();
            queue.pushes.push_back(Push::Message(Response::new(header, kept(body, body))));
            return Some(Kept::Whole);
        }
        match queue.pushes.back_mut() {
            Some(Push::Lost(count)) => *count += 1,
            _ => queue.pushes.push_back(Push::Lost(1)),
        }
        Some(Kept::Lost)
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Whole,
    Lost,
}
