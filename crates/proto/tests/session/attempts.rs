//! Which address is tried when, and when no more.

use std::time::Duration;

use tarantool_proto::session::{Action, Backoff, OnRefused, SessionEvent, Status};
use tarantool_proto::{ConnectionError, Outcome, SendError, Stage, Unanswered};

use crate::link::{Link, addresses, refused};
use crate::peer::*;

#[test]
fn the_whole_way_as_events_and_states() {
    let mut link = Link::new(addresses(2));
    assert_eq!(link.session.status(), Status::Down);
    assert_eq!(link.session.generation(), None);
    assert_eq!(link.attempt(), (0, 1));
    assert_eq!(link.session.status(), Status::Connecting { address: 0 });
    link.session.handle_connect_failed(1, refused());
    assert_eq!(link.session.last_loss(), Some(&refused()));
    let lost = SessionEvent::Lost { address: 0, generation: None, reason: refused() };
    assert_eq!(link.events(), [SessionEvent::Connecting { address: 0 }, lost]);
    // The other address without a wait.
    link.advance(0);
    assert_eq!(link.connect(GREETING_3_7), (1, 2));
    assert_eq!(link.session.status(), Status::Ready { address: 1 });
    assert_eq!(link.session.generation(), Some(1));
    assert!(link.session.server().is_some());
    link.session.handle_eof();
    assert_eq!(link.session.generation(), None);
    assert_eq!(link.session.server(), None);
    assert_eq!(link.session.poll_action(), Some(Action::Close));
    assert_eq!(link.session.poll_action(), None);
    link.advance(0);
    let Status::Retrying { at } = link.session.status() else {
        panic!("{:?}", link.session.status());
    };
    let reason = ConnectionError::Closed { stage: Stage::Ready, reason: None };
    let lost = SessionEvent::Lost { address: 1, generation: Some(1), reason };
    assert_eq!(link.events(), [lost, SessionEvent::Retrying { at }]);
    assert_eq!(link.session.poll_timeout(), Some(at));
    assert_eq!(link.attempt(), (0, 3));
    assert_eq!(link.millis(at), link.now - 1);
}

#[test]
fn waits_come_after_each_round_and_grow() {
    let mut config = addresses(3);
    config.backoff.max = Duration::from_millis(400);
    let mut link = Link::new(config);
    let mut before = 0;
    for whole in [0, 50, 100, 200, 400, 400] {
        let tried = [(); 3].map(|()| {
            let address = link.fail_attempt();
            (address, link.now)
        });
        assert_eq!(tried.map(|(address, _)| address), [0, 1, 2]);
        assert_eq!(tried[0].1, tried[2].1);
        let waited = tried[0].1 - before;
        assert!((whole / 2..=whole + 1).contains(&waited), "{waited} of {whole}");
        before = link.now;
    }
}

#[test]
fn a_stable_connection_makes_failures_be_forgotten() {
    for (stays, whole) in [(20_000, 50), (1000, 3200)] {
        let mut link = Link::new(addresses(1));
        (0..6).for_each(|_| {
            link.fail_attempt();
        });
        link.connect(GREETING_3_7);
        link.advance(stays);
        link.input.extend_from_slice(&packet_of(EVENT, 0, SCHEMA, &[0x80]));
        link.events();
        link.session.handle_eof();
        link.advance(0);
        let before = link.now;
        link.attempt();
        let waited = link.now - before;
        assert!((whole / 2..=whole + 1).contains(&waited), "{waited} of {whole}");
    }
}

#[test]
fn attempts_have_a_limit_if_wanted() {
    let mut config = addresses(2);
    config.attempts_max = Some(3);
    let mut link = Link::new(config);
    let id = link.call(1);
    assert_eq!([(); 3].map(|()| link.fail_attempt()), [0, 1, 0]);
    link.advance(0);
    assert_eq!(link.session.status(), Status::Closed);
    let (events, end) = link.events_to_end();
    assert_eq!(events.last(), Some(&SessionEvent::Answered(id)));
    assert_eq!(end, Some(refused()));
    assert_eq!(link.session.failure(), Some(&refused()));
    assert_eq!(link.session.poll_timeout(), None);
    assert_eq!(link.session.poll_action(), None);
}

#[test]
fn a_refused_login_is_lasting_and_a_loading_server_is_not() {
    let mut config = addresses(1);
    config.connection = login("u", "p");
    config.on_refused = OnRefused::GiveUp;
    for (code, is_lasting) in [(47, true), (45, true), (42, true), (116, false)] {
        let mut link = Link::new(config.clone());
        link.open();
        link.input.extend_from_slice(GREETING_3_7);
        link.events();
        link.write();
        link.input.extend_from_slice(&id_reply(GREETING_3_7));
        link.input.extend_from_slice(&error(AUTH_SYNC, code, "no"));
        link.events();
        link.advance(0);
        assert_eq!(link.session.last_loss().unwrap().is_lasting(), is_lasting);
        assert_eq!(link.session.status() == Status::Closed, is_lasting);
    }
}

/// Connects to what is no Tarantool.
fn meet_a_stranger(link: &mut Link) -> usize {
    let (address, _) = link.open();
    link.input.extend_from_slice(&console_greeting());
    link.events();
    link.advance(0);
    address
}

#[test]
fn an_address_where_it_lasts_is_left_out_while_others_are_left() {
    let mut config = addresses(2);
    config.on_refused = OnRefused::GiveUp;
    let mut link = Link::new(config);
    assert_eq!(meet_a_stranger(&mut link), 0);
    assert_eq!([(); 3].map(|()| link.fail_attempt()), [1, 1, 1]);
    link.connect(GREETING_3_7);
    link.advance(20_000);
    link.session.handle_eof();
    // After a stable connection it gets another chance.
    assert_eq!(meet_a_stranger(&mut link), 0);
    assert_eq!(meet_a_stranger(&mut link), 1);
    assert_eq!(link.session.status(), Status::Closed);
    assert!(matches!(link.session.failure(), Some(ConnectionError::Protocol(_))));
}

#[test]
fn nobody_is_kept_waiting_for_what_lasts() {
    let mut link = Link::ready(addresses(2));
    let sent = link.idempotent(1);
    link.write();
    link.session.handle_eof();
    let queued = link.call(2);
    assert_eq!(meet_a_stranger(&mut link), 1);
    assert_eq!((link.fate(sent), link.fate(queued)), (None, None));
    assert_eq!(meet_a_stranger(&mut link), 0);
    assert_eq!(link.fate(sent), Some(Unanswered::Lost(Outcome::MaybeExecuted)));
    assert_eq!(link.fate(queued), Some(Unanswered::Lost(Outcome::NotSent)));
    let mut late = frame(&numbered(3));
    assert_eq!(link.session.send(&mut late, None), Err(SendError::NotConnected));
    // It is tried again all the same, after a wait.
    assert!(matches!(link.session.status(), Status::Retrying { .. }));
    assert_eq!(link.connect(GREETING_3_7).0, 1);
    link.session.send(&mut late, None).unwrap();
    assert_eq!(numbers(&link.write()), [3]);
    link.session.handle_eof();
    link.call(4);
}

/// What was answered before stays so, also while nobody has taken it.
#[test]
fn who_timed_out_does_not_end_again_with_those_who_wait() {
    let mut link = Link::new(addresses(1));
    let waiting = link.call(1);
    let deadline = Some(link.at(10));
    let late = link.session.send(&mut frame(&numbered(2)), deadline).unwrap();
    let cancelled = link.call(3);
    let last = link.call(4);
    link.open();
    link.input.extend_from_slice(&console_greeting());
    link.events();
    // After the loss, and before time tells what follows of it.
    link.session.cancel(cancelled);
    link.advance(10);
    assert_eq!(link.session.stats().not_sent, 2);
    assert_eq!(link.fate(late), Some(Unanswered::TimedOut(Outcome::NotSent)));
    for id in [waiting, last] {
        assert_eq!(link.fate(id), Some(Unanswered::Lost(Outcome::NotSent)));
    }
}

#[test]
fn what_lasts_is_tried_again_if_wanted() {
    let mut config = addresses(1);
    config.on_refused = OnRefused::Retry;
    let mut link = Link::new(config);
    for _ in 0..5 {
        meet_a_stranger(&mut link);
    }
    link.connect(GREETING_3_7);
}

#[test]
fn a_transport_that_opens_too_late_is_not_wanted() {
    let mut link = Link::new(addresses(1));
    let (_, generation) = link.attempt();
    link.advance(4999);
    assert!(matches!(link.session.status(), Status::Connecting { .. }));
    link.advance(1);
    assert_eq!(link.session.last_loss(), Some(&ConnectionError::ConnectTimedOut));
    assert_eq!(link.session.poll_action(), Some(Action::Close));
    assert!(!link.session.handle_connected(generation));
    link.session.handle_connect_failed(generation, refused());
    assert_eq!(link.session.last_loss(), Some(&ConnectionError::ConnectTimedOut));
    let (_, next) = link.attempt();
    assert_eq!(next, generation + 1);
    assert!(!link.session.handle_connected(generation));
    assert!(link.session.handle_connected(next));
    assert!(!link.session.handle_connected(next));
}

#[test]
fn a_handshake_that_takes_too_long_is_lost() {
    let mut link = Link::new(addresses(1));
    link.open();
    link.advance(4999);
    assert!(matches!(link.session.status(), Status::Connecting { .. }));
    link.advance(1);
    let stage = Stage::Greeting { received: 0 };
    assert_eq!(link.session.last_loss(), Some(&ConnectionError::HandshakeTimedOut { stage }));
    link.connect(GREETING_3_7);
}

#[test]
fn the_seed_decides_the_waits() {
    let waits = |seed| {
        let mut link = Link::with_seed(addresses(1), seed);
        let waits = [(); 8].map(|()| {
            link.fail_attempt();
            link.now
        });
        (waits, link.events().len())
    };
    assert_eq!(waits(1), waits(1));
    assert_ne!(waits(1), waits(2));
}

#[test]
fn no_addresses_count_as_one() {
    let mut config = addresses(0);
    config.backoff = Backoff::default();
    let mut link = Link::new(config);
    assert_eq!([(); 2].map(|()| link.fail_attempt()), [0, 0]);
}

/// A refuses the login once (it is just starting), B is down for good.
#[test]
fn an_address_that_refused_is_tried_again_while_the_others_are_down() {
    let mut link = Link::new(addresses(2));
    let (address, attempt) = link.attempt();
    assert_eq!(address, 0);
    let lasting = ConnectionError::PasswordInClear { user: "u".into() };
    assert!(lasting.is_lasting());
    link.session.handle_connect_failed(attempt, lasting);
    let tried: Vec<usize> = (0..150).map(|_| link.fail_attempt()).collect();
    assert!(tried.contains(&0), "never again in 150 attempts, {} s", link.now / 1000);
}
