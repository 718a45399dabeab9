//! Which request times out next.

use std::time::Instant;

/// Deadlines by slot, in a heap that knows where each slot stands.
///
/// Requests usually have the same timeout, so a new deadline is the latest and its insertion takes
/// one comparison. Removal is exact: nothing stale is kept for requests that were answered.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    heap: Vec<(Instant, u32)>,
    /// Where each slot's deadline stands in the heap.
    places: Vec<u32>,
}

const ARITY: usize = 4;
const NOWHERE: u32 = u32::MAX;

impl Deadlines {
    /// The earliest deadline.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.heap.first().map(|(at, _)| *at)
    }

    pub(crate) fn insert(&mut self, slot: u32, at: Instant) {
        let index = slot as usize;
        if self.places.len() <= index {
            self.places.resize(index + 1, NOWHERE);
        }
        self.heap.push((at, slot));
        self.sift_up(self.heap.len() - 1);
    }

    pub(crate) fn remove(&mut self, slot: u32) {
        let Some(place) = self.places.get_mut(slot as usize) else {
            return;
        };
        let at = std::mem::replace(place, NOWHERE) as usize;
        if at >= self.heap.len() {
            return;
        }
        self.heap.swap_remove(at);
        if at < self.heap.len() {
            self.sift_down(at);
            self.sift_up(at);
        }
    }

    /// Removes and returns a slot whose deadline is not after `now`.
    pub(crate) fn pop_expired(&mut self, now: Instant) -> Option<u32> {
        let &(at, slot) = self.heap.first()?;
        if at > now {
            return None;
        }
        self.remove(slot);
        Some(slot)
    }

    fn sift_up(&mut self, mut at: usize) {
        let entry = self.heap[at];
        while at > 0 {
            let parent = (at - 1) / ARITY;
            if self.heap[parent].0 <= entry.0 {
                break;
            }
            self.put(at, self.heap[parent]);
            at = parent;
        }
        self.put(at, entry);
    }

    fn sift_down(&mut self, mut at: usize) {
        let entry = self.heap[at];
        loop {
            let first = at * ARITY + 1;
            let children = first..(first + ARITY).min(self.heap.len());
            let Some(earliest) = children.min_by_key(|&child| self.heap[child].0) else {
                break;
            };
            if self.heap[earliest].0 >= entry.0 {
                break;
            }
            self.put(at, self.heap[earliest]);
            at = earliest;
        }
        self.put(at, entry);
    }

    fn put(&mut self, at: usize, entry: (Instant, u32)) {
        self.heap[at] = entry;
        self.places[entry.1 as usize] = at as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{HashMap, hash_map::Entry};
    use std::time::Duration;

    proptest! {
        #[test]
        fn behaves_as_a_map(steps in prop::collection::vec((0u8..3, 0u32..24, 0u64..50), 0..300)) {
            let start = Instant::now();
            let mut deadlines = Deadlines::default();
            let mut model: HashMap<u32, Instant> = HashMap::new();
            for (step, slot, offset) in steps {
                let at = start + Duration::from_millis(offset);
                match step {
                    0 => {
                        if let Entry::Vacant(place) = model.entry(slot) {
                            place.insert(at);
                            deadlines.insert(slot, at);
                        }
                    }
                    1 => {
                        model.remove(&slot);
                        deadlines.remove(slot);
                    }
                    _ => match deadlines.pop_expired(at) {
                        Some(popped) => {
                            let due = model.remove(&popped).unwrap();
                            prop_assert!(due <= at);
                            prop_assert!(model.values().all(|other| *other >= due));
                        }
                        None => prop_assert!(model.values().all(|other| *other > at)),
                    },
                }
                prop_assert_eq!(deadlines.first(), model.values().min().copied());
            }
        }
    }
}
