//! Counters: of several connections together, as text, as shares.

use tarantool_proto::Stats;

/// Each counter another number: this one and those after it.
fn counted(first: u64) -> Stats {
    let mut stats = Stats::default();
    for (counter, number) in counters(&mut stats).into_iter().zip(first..) {
        *counter = number;
    }
    for (histogram, value) in
        [&mut stats.batch_requests, &mut stats.batch_bytes, &mut stats.round_trips]
            .into_iter()
            .zip([1, 20, 300])
    {
        (0..first).for_each(|_| histogram.record(value));
    }
    stats
}

fn counters(stats: &mut Stats) -> [&mut u64; 18] {
    [
        &mut stats.requests,
        &mut stats.answered,
        &mut stats.lost,
        &mut stats.not_sent,
        &mut stats.sent_again,
        &mut stats.timed_out,
        &mut stats.cancelled,
        &mut stats.late_replies,
        &mut stats.pushes,
        &mut stats.lost_pushes,
        &mut stats.unsolicited,
        &mut stats.connections,
        &mut stats.lost_connections,
        &mut stats.writes,
        &mut stats.reads,
        &mut stats.bytes_out,
        &mut stats.bytes_in,
        &mut stats.requests_out,
    ]
}

#[test]
fn the_counters_of_connections_add_up_one_by_one() {
    let mut sum = counted(100);
    sum += counted(10);
    let numbers = counters(&mut sum).map(|counter| *counter);
    assert_eq!(numbers, std::array::from_fn(|index| 110 + 2 * index as u64));
    let histograms = [&sum.batch_requests, &sum.batch_bytes, &sum.round_trips];
    for (histogram, bucket) in histograms.into_iter().zip([0, 4, 8]) {
        let counts: Vec<(usize, u64)> =
            histogram.buckets().iter().copied().enumerate().filter(|(_, n)| *n > 0).collect();
        assert_eq!(counts, [(bucket, 110)]);
    }
}

#[test]
fn counters_are_one_line_of_text() {
    assert_eq!(
        counted(1).to_string(),
        "1 requests, 14 writes (p50 1 requests each), 15 reads, 16 bytes out, 17 bytes in, \
         6 timed out, 7 cancelled, 3 lost, 8 late replies, 12 connections"
    );
}

#[test]
fn shares_of_nothing_are_nothing() {
    let mut stats = Stats::default();
    assert_eq!((stats.requests_per_write(), stats.system_calls_per_request()), (0.0, 0.0));
    (stats.requests_out, stats.writes, stats.reads) = (6, 4, 5);
    assert_eq!((stats.requests_per_write(), stats.system_calls_per_request()), (1.5, 1.5));
}

#[test]
fn values_are_counted_by_powers_of_two_and_the_median_is_a_lower_border() {
    let mut histogram = Stats::default().batch_bytes;
    assert_eq!(histogram.median(), 0);
    for (value, bucket) in [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (1023, 9), (1024, 10)] {
        let before = histogram.buckets()[bucket];
        histogram.record(value);
        assert_eq!(histogram.buckets()[bucket], before + 1, "{value}");
    }
    assert_eq!(histogram.median(), 2);
    histogram.record(usize::MAX);
    assert_eq!(histogram.buckets().last(), Some(&1), "the last one takes all above");
    assert_eq!(histogram.median(), 2, "half of them are not above");
    histogram.record(1 << 20);
    assert_eq!(histogram.median(), 4);
}
