//! A server's changes on async-std.

use async_std::task::block_on;
use tarantool_async_std::{changes, connect};
use tarantool_testkit::conformance::{bounded, changes::followed};

#[test]
fn a_snapshot_and_then_changes_are_followed() {
    bounded(|| block_on(followed("a_snapshot_and_then_changes_are_followed", connect, changes)));
}
