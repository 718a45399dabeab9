//! What a connection has done so far.

use std::fmt;
use std::ops::AddAssign;

/// Counters of one connection, in requests and bytes since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests accepted.
    pub requests: u64,
    /// Requests answered by the server, errors included.
    pub answered: u64,
    /// Requests that may have been executed, and whose connection was lost before they were answered.
    pub lost: u64,
    /// Requests that ended without being sent, other than by their deadline.
    pub not_sent: u64,
    /// How often a request was sent again on a next connection, being idempotent.
    pub sent_again: u64,
    /// Requests whose deadline passed.
    pub timed_out: u64,
    /// Requests whose owner stopped waiting.
    pub cancelled: u64,
    /// Replies that came after their request had timed out or was cancelled, or a second time.
    pub late_replies: u64,
    /// Messages of running calls that were kept for those who want them.
    pub pushes: u64,
    /// The same that were dropped, because too many waited to be taken.
    pub lost_pushes: u64,
    /// Packets that answer no request, such as those of `box.iproto.send`, and messages of running
    /// calls and values of keys that nobody wants.
    pub unsolicited: u64,
    /// Connections that came into use.
    pub connections: u64,
    /// Connections in use that ended, and attempts at one that failed.
    pub lost_connections: u64,
    /// System calls that wrote.
    pub writes: u64,
    /// System calls that read something.
    pub reads: u64,
    /// Bytes written.
    pub bytes_out: u64,
    /// Bytes read.
    pub bytes_in: u64,
    /// Requests handed out to be written.
    pub requests_out: u64,
    /// How many requests were handed out together.
    pub batch_requests: Histogram,
    /// How many bytes were handed out together.
    pub batch_bytes: Histogram,
    /// Microseconds from a request's acceptance to its reply, if they are measured: by whoever knows
    /// the time, which the core does not.
    pub round_trips: Histogram,
}

impl Stats {
    /// Mean number of requests that shared a write; 0 before the first.
    #[must_use]
    pub fn requests_per_write(&self) -> f64 {
        ratio(self.requests_out, self.writes)
    }

    /// System calls, reads and writes, for each request; 0 before the first.
    #[must_use]
    pub fn system_calls_per_request(&self) -> f64 {
        ratio(self.reads + self.writes, self.requests_out)
    }
}

/// The counters of several connections, together.
impl AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.answered += other.answered;
        self.lost += other.lost;
        self.not_sent += other.not_sent;
        self.sent_again += other.sent_again;
        self.timed_out += other.timed_out;
        self.cancelled += other.cancelled;
        self.late_replies += other.late_replies;
        self.pushes += other.pushes;
        self.lost_pushes += other.lost_pushes;
        self.unsolicited += other.unsolicited;
        self.connections += other.connections;
        self.lost_connections += other.lost_connections;
        self.writes += other.writes;
        self.reads += other.reads;
        self.bytes_out += other.bytes_out;
        self.bytes_in += other.bytes_in;
        self.requests_out += other.requests_out;
        self.batch_requests += other.batch_requests;
        self.batch_bytes += other.batch_bytes;
        self.round_trips += other.round_trips;
    }
}

fn ratio(count: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests, {} writes (p50 {} requests each), {} reads, {} bytes out, {} bytes in, \
             {} timed out, {} cancelled, {} lost, {} late replies, {} connections",
            self.requests,
            self.writes,
            self.batch_requests.median(),
            self.reads,
            self.bytes_out,
            self.bytes_in,
            self.timed_out,
            self.cancelled,
            self.lost,
            self.late_replies,
            self.connections,
        )
    }
}

/// Counts of values by powers of two: bucket `i` counts the values from 2^i up to 2^(i+1) - 1, the
/// last one all above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u64; BUCKETS],
}

const BUCKETS: usize = 32;

impl Histogram {
    /// Counts a value.
    pub fn record(&mut self, value: usize) {
        let bucket = (value.max(1).ilog2() as usize).min(BUCKETS - 1);
        self.buckets[bucket] += 1;
    }

    /// The counts, the bucket of value 1 first.
    #[must_use]
    pub const fn buckets(&self) -> &[u64] {
        &self.buckets
    }

    /// The lower border of the bucket in which the median lies; 0 without values.
    #[must_use]
    pub fn median(&self) -> u64 {
        let total: u64 = self.buckets.iter().sum();
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if *count > 0 && seen * 2 >= total {
                return 1 << index;
            }
        }
        0
    }
}

/// The counts of two histograms, together.
impl AddAssign for Histogram {
    fn add_assign(&mut self, other: Self) {
        for (count, more) in self.buckets.iter_mut().zip(other.buckets) {
            *count += more;
        }
    }
}
