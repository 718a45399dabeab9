//! Limits: what is in progress, what is queued, what only is announced.

use tarantool_proto::server::ServerConfig;

use crate::peer::{Peer, packets, request};

#[test]
fn requests_in_progress() {
    let mut config = ServerConfig::default();
    config.in_progress_max = 2;
    let mut peer = Peer::new(config);
    for sync in 1..=4 {
        peer.send(&request(64, sync, &[]));
    }
    assert_eq!(peer.request().sync, 1);
    assert!(!peer.conn.is_saturated());
    assert_eq!(peer.request().sync, 2);
    assert!(peer.conn.is_saturated());
    let left = peer.input.len();
    assert!(peer.event().unwrap().is_none());
    assert_eq!(peer.input.len(), left, "nothing is taken");

    peer.conn.reply_chunk(2, &[0xc0]);
    peer.conn.send_event(0, b"key", None);
    assert!(peer.conn.is_saturated(), "neither answers a request");
    peer.conn.reply_ok(2);
    assert_eq!(peer.request().sync, 3);
    peer.conn.finish(1);
    assert_eq!(peer.request().sync, 4);
    assert_eq!(peer.conn.in_progress(), 2);
    assert_eq!(peer.replies().len(), 3);

    for _ in 0..3 {
        peer.conn.finish(4);
    }
    assert_eq!(peer.conn.in_progress(), 0, "never below");
}

#[test]
fn queued_output() {
    let mut config = ServerConfig::default();
    config.output_bytes_max = 1000;
    let mut peer = Peer::new(config);
    for sync in 0..100 {
        peer.send(&request(99, sync, &[]));
    }
    let mut answered = 0;
    while !peer.input.is_empty() {
        assert!(peer.event().unwrap().is_none());
        let queued = peer.conn.queued_bytes();
        assert!(queued < 1000 + 250, "{queued} bytes are queued");
        let output = peer.output();
        assert_eq!(output.len(), queued);
        answered += packets(&output).len();
        assert_eq!(peer.conn.queued_bytes(), 0);
    }
    assert_eq!(answered, 100);
}

#[test]
fn limits_of_zero_let_one_through() {
    let mut config = ServerConfig::default();
    config.in_progress_max = 0;
    config.output_bytes_max = 0;
    let mut peer = Peer::new(config);
    peer.send(&request(64, 1, &[]));
    assert_eq!(peer.request().sync, 1);
}

#[test]
fn what_is_announced_takes_no_memory() {
    let mut peer = Peer::new(ServerConfig::default());
    peer.send(&[0xce, 0x07, 0xff, 0xff, 0xff, 0x82]);
    let capacity = peer.input.capacity();
    assert!(peer.event().unwrap().is_none());
    assert_eq!(peer.input.capacity(), capacity);
}

#[test]
fn depth_takes_no_stack() {
    let mut body = vec![0x81, 0x70];
    body.resize(4 << 20, 0x91);
    body.push(0xc0);
    let mut peer = Peer::new(ServerConfig::default());
    peer.send(&request(64, 1, &body));
    assert_eq!(peer.request().body.len(), body.len());
}

#[test]
fn output_is_exchanged_or_appended() {
    let mut peer = Peer::new(ServerConfig::default());
    let mut output = Vec::with_capacity(4096);
    assert!(!peer.conn.poll_transmit(&mut output));
    peer.conn.reply_ok(1);
    assert!(peer.conn.poll_transmit(&mut output));
    let first = output.len();
    peer.conn.reply_ok(2);
    assert!(peer.conn.poll_transmit(&mut output));
    assert_eq!(output.len(), 2 * first);
}
