//! What happened: a hash of all of it, and the last of it in words.

use std::collections::VecDeque;
use std::fmt;

/// So many of the last events are told when something fails.
const RECENT: usize = 60;

#[derive(Default)]
pub(crate) struct Trace {
    hash: u64,
    steps: u64,
    now: u64,
    recent: VecDeque<Entry>,
    /// Whether to print everything.
    pub(crate) is_loud: bool,
}

/// One thing that happened, at so many microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    step: u64,
    at: u64,
    who: usize,
    what: &'static str,
    numbers: [u64; 2],
}

impl Trace {
    /// The next step of the world begins.
    pub(crate) fn begin(&mut self, now: u64) {
        self.steps += 1;
        self.now = now;
    }

    pub(crate) fn note(&mut self, who: usize, what: &'static str, numbers: [u64; 2]) {
        let entry = Entry { step: self.steps, at: self.now, who, what, numbers };
        let words = [self.steps, self.now, who as u64, numbers[0], numbers[1]];
        for word in what.bytes().map(u64::from).chain(words) {
            self.hash = (self.hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        if self.is_loud {
            println!("{entry}");
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(entry);
    }

    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) const fn steps(&self) -> u64 {
        self.steps
    }

    pub(crate) const fn now(&self) -> u64 {
        self.now
    }
}

/// The last events, a line each.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.recent.iter().try_for_each(|entry| writeln!(f, "  {entry}"))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, at, who, what, numbers: [first, second] } = self;
        let (millis, micros) = (at / 1000, at % 1000);
        write!(f, "#{step:<7} {millis:>6}.{micros:03} ms  {who:>3} {what:<22} {first} {second}")
    }
}
