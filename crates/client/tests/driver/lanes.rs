//! Several lanes: what happens to one of them while others go on.

use std::pin::pin;
use std::task::Poll;

use tarantool_client::{Config, Output};
use tarantool_testkit::conformance::packets::ok;

use crate::link::*;

fn two() -> Config {
    config("x").lanes(2)
}

fn two_as_old() -> Config {
    two().user("old").password("old")
}

#[test]
fn a_lane_that_logs_in_as_the_former_user_is_made_anew() {
    let mut links = Link::all(&two_as_old());
    let client = links[0].client.clone();
    let mut handshakes = Vec::new();
    for link in &mut links {
        link.connect();
        handshakes.push(link.greet());
    }
    links[0].accept(&handshakes[0]);
    let mut login = pin!(client.log_in("new", "new"));
    let auth = links[0].write();
    assert_eq!(auth[0].kind, AUTH);
    links[0].feed(&ok(auth[0].sync));
    assert!(matches!(poll(login.as_mut()), Poll::Ready(Ok(()))));
    // The other lane has sent the old user's login: it is made anew.
    let output = links[1].driver.poll_output(&mut cx(), &mut Vec::new());
    assert!(matches!(output, Poll::Ready(Ok(Output::Close))), "{output:?}");
}

#[test]
fn a_login_waits_for_a_place_on_every_lane() {
    let mut links = Link::all_ready(&two_as_old().in_flight_max(1));
    let client = links[0].client.clone();
    let busy = client.lanes()[1].call::<()>("busy", ());
    let sent = links[1].write();
    let mut login = pin!(client.log_in("new", "new"));
    let auth = links[0].write();
    links[0].feed(&ok(auth[0].sync));
    assert!(matches!(poll(login.as_mut()), Poll::Ready(Ok(()))));
    links[1].feed(&ok(sent[0].sync));
    drop(busy);
    let _call = client.lanes()[1].call::<()>("f", ());
    let kinds = links[1].kinds();
    assert!(kinds.contains(&AUTH), "executed as `old`: {kinds:?}");
}

#[test]
fn a_lane_that_is_over_is_not_taken() {
    let mut links = Link::all_ready(&two());
    let client = links[0].client.clone();
    drop(links.pop());
    let failed = (0..10)
        .filter(|_| {
            let mut call = pin!(client.call::<()>("f", ()));
            matches!(poll(call.as_mut()), Poll::Ready(Err(_)))
        })
        .count();
    assert_eq!(failed, 0);
}
