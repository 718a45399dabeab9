//! A server's changes on smol.

use smol::block_on;
use tarantool_smol::{changes, connect};
use tarantool_testkit::conformance::{bounded, changes::followed};

#[test]
fn a_snapshot_and_then_changes_are_followed() {
    bounded(|| block_on(followed("a_snapshot_and_then_changes_are_followed", connect, changes)));
}
