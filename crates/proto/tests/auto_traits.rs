//! What threads may do with the core's values: send and share them, since they own all they have.

use tarantool_proto::replication::{Change, FollowError, Follower, Vclock};
use tarantool_proto::server::{Incoming, ServerConnection};
use tarantool_proto::session::{Session, SessionConfig, SessionEvent};
use tarantool_proto::types::{Datetime, Decimal, Ext, Interval, Uuid, Value};
use tarantool_proto::{
    Answer, Config, Connection, ConnectionError, Event, Frame, Packet, Push, Response, SendError,
    ServerError, ServerInfo, Stats, WatchedValue,
};

fn shared<T: Send + Sync + Unpin + 'static>() {}

fn cloned<T: Clone + Send + Sync + 'static>() {}

#[test]
fn state_machines_can_be_sent_and_shared() {
    shared::<Connection>();
    shared::<Session>();
    shared::<Follower>();
    shared::<ServerConnection>();
}

#[test]
fn what_goes_in_and_comes_out_can_be_cloned_too() {
    cloned::<Config>();
    cloned::<SessionConfig>();
    cloned::<Frame>();
    cloned::<Packet>();
    cloned::<Response>();
    cloned::<Answer>();
    cloned::<Event>();
    cloned::<SessionEvent>();
    cloned::<Push>();
    cloned::<WatchedValue>();
    cloned::<Change>();
    cloned::<Vclock>();
    cloned::<ServerInfo>();
    cloned::<Stats>();
    cloned::<Incoming>();
}

#[test]
fn errors_and_values_can_be_cloned_and_shared() {
    cloned::<ConnectionError>();
    cloned::<SendError>();
    cloned::<ServerError>();
    cloned::<FollowError>();
    cloned::<Value>();
    cloned::<(Decimal, Uuid, Datetime, Interval, Ext)>();
}
