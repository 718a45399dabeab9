//! Which request times out next.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Instant;

use crate::slots::RequestId;

/// Deadlines in the order of time.
///
/// Requests usually have the same timeout, so that each deadline is the latest so far: those stand
/// in a queue. The others stand in a heap. A request that is over leaves its entry behind; entries
/// are dropped when they come to the front, and all at once before they outnumber the live ones.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    ordered: VecDeque<(Instant, RequestId)>,
    others: BinaryHeap<Reverse<(Instant, RequestId)>>,
}

/// So many entries may be stale before a look at all of them is worth it.
const STALE_MAX: usize = 64;

impl Deadlines {
    /// The earliest deadline, perhaps one of a request that is over.
    pub(crate) fn first(&self) -> Option<Instant> {
        let ordered = self.ordered.front().map(|(at, _)| *at);
        let other = self.others.peek().map(|Reverse((at, _))| *at);
        match (ordered, other) {
            (Some(ordered), Some(other)) => Some(ordered.min(other)),
            (ordered, other) => ordered.or(other),
        }
    }

    /// Adds a deadline. `live`: how many requests are under way.
    #[inline]
    pub(crate) fn insert(
        &mut self,
        at: Instant,
        id: RequestId,
        live: usize,
        is_live: impl Fn(RequestId) -> bool,
    ) {
        if self.ordered.back().is_none_or(|(last, _)| *last <= at) {
            self.ordered.push_back((at, id));
        } else {
            self.others.push(Reverse((at, id)));
        }
        if self.ordered.len() + self.others.len() > 2 * live + STALE_MAX {
            self.ordered.retain(|(_, id)| is_live(*id));
            self.others.retain(|Reverse((_, id))| is_live(*id));
        }
    }

    /// Drops entries of requests that are over from the front, so that [`first`](Self::first) is
    /// not earlier than it needs to be.
    #[inline]
    pub(crate) fn trim(&mut self, is_live: impl Fn(RequestId) -> bool) {
        while let Some((_, id)) = self.ordered.front() {
            if is_live(*id) {
                break;
            }
            self.ordered.pop_front();
        }
        while let Some(Reverse((_, id))) = self.others.peek() {
            if is_live(*id) {
                break;
            }
            self.others.pop();
        }
    }

    /// Removes and returns a request whose deadline is not after `now`. It may be over.
    pub(crate) fn pop_expired(&mut self, now: Instant) -> Option<RequestId> {
        if self.ordered.front().is_some_and(|(at, _)| *at <= now) {
            return self.ordered.pop_front().map(|(_, id)| id);
        }
        if self.others.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            return self.others.pop().map(|Reverse((_, id))| id);
        }
        None
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.ordered.len() + self.others.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "any time to count from")]

    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;
    use std::time::Duration;

    proptest! {
        #[test]
        fn nothing_is_early_nor_forgotten(
            steps in prop::collection::vec((0u8..3, 0u64..200, 0u64..50), 0..400),
        ) {
            let start = Instant::now();
            let mut deadlines = Deadlines::default();
            let mut live: HashMap<u64, Instant> = HashMap::new();
            let mut used = 0;
            for (step, sync, offset) in steps {
                let at = start + Duration::from_millis(offset);
                let id = RequestId::from_sync(sync);
                match step {
                    0 => {
                        // An id is used once.
                        used += 1;
                        let id = RequestId::from_sync(sync + (used << 32));
                        live.insert(id.sync(), at);
                        let count = live.len();
                        deadlines.insert(at, id, count, |id| live.contains_key(&id.sync()));
                    }
                    1 => {
                        let any = live.keys().nth(id.slot() % live.len().max(1)).copied();
                        if let Some(sync) = any {
                            live.remove(&sync);
                        }
                        deadlines.trim(|id| live.contains_key(&id.sync()));
                    }
                    _ => {
                        while let Some(popped) = deadlines.pop_expired(at) {
                            if let Some(due) = live.remove(&popped.sync()) {
                                prop_assert!(due <= at);
                            }
                        }
                        prop_assert!(live.values().all(|due| *due > at));
                    }
                }
                if let Some(earliest) = live.values().min() {
                    prop_assert!(deadlines.first().is_some_and(|first| first <= *earliest));
                }
                prop_assert!(deadlines.len() <= 2 * live.len() + 400);
            }
        }
    }

    #[test]
    fn requests_that_are_over_leave_little_behind() {
        let start = Instant::now();
        let mut deadlines = Deadlines::default();
        let slow = RequestId::from_sync(0);
        deadlines.insert(start, slow, 1, |_| true);
        for number in 1..100_000 {
            let at = start + Duration::from_micros(number % 1000);
            let newest = RequestId::from_sync(number);
            deadlines.insert(at, newest, 2, |id| id == slow || id == newest);
            assert!(deadlines.len() <= 2 * 2 + STALE_MAX + 1);
        }
    }

    /// A look at all of them is seldom: else each insertion would cost as many steps as there are
    /// requests.
    #[test]
    fn all_are_looked_at_only_when_most_are_over() {
        const LIVE: usize = 100;
        let start = Instant::now();
        let mut deadlines = Deadlines::default();
        let is_live = |id: RequestId| id.slot() < LIVE;
        let most = 2 * LIVE + STALE_MAX;
        for number in 0..most {
            deadlines.insert(start, RequestId::from_sync(number as u64), LIVE, is_live);
        }
        assert_eq!(deadlines.len(), most);
        deadlines.insert(start, RequestId::from_sync(most as u64), LIVE, is_live);
        assert_eq!(deadlines.len(), LIVE);
    }
}
