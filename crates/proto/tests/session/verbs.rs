//! What callers ask a session for besides requests: messages of calls, answers, another user.

use rmpv::Value;
use tarantool_proto::session::SessionEvent;
use tarantool_proto::{Credentials, Password, Push, RequestId};

use crate::link::{Link, addresses};
use crate::peer::*;

fn chunk(id: RequestId, value: u64) -> Vec<u8> {
    packet_of(CHUNK, id.sync(), SCHEMA, &map(&[(DATA, Value::Array(vec![value.into()]))]))
}

fn message(link: &mut Link, id: RequestId) -> Option<u64> {
    match link.session.take_push(id)? {
        Push::Message(message) => Some(message.returned().unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn messages_of_a_call_are_kept_for_who_wants_them_until_nobody_does() {
    let mut link = Link::ready(addresses(1));
    let (wanted, plain) = (link.call(1), link.call(2));
    link.session.accept_pushes(wanted);
    link.write();
    assert_eq!(link.feed(&chunk(plain, 20)), []);
    assert_eq!(link.feed(&chunk(wanted, 10)), [SessionEvent::Pushed(wanted)]);
    assert_eq!(link.feed(&chunk(wanted, 11)), [SessionEvent::Pushed(wanted)]);
    assert_eq!((message(&mut link, wanted), message(&mut link, plain)), (Some(10), None));
    link.session.forget_pushes(wanted);
    assert_eq!(message(&mut link, wanted), None);
    assert_eq!(link.feed(&chunk(wanted, 12)), []);
}

#[test]
fn a_call_that_is_sent_again_may_push_again() {
    let mut link = Link::ready(addresses(1));
    let id = link.idempotent(1);
    link.session.accept_pushes(id);
    link.write();
    link.feed(&chunk(id, 10));
    link.session.handle_eof();
    link.connect(GREETING_3_7);
    assert_eq!(numbers(&link.write()), [1]);
    assert_eq!(link.feed(&chunk(id, 10)), [SessionEvent::Pushed(id)]);
    assert_eq!([(); 3].map(|()| message(&mut link, id)), [Some(10), Some(10), None]);
}

#[test]
fn a_request_is_answered_from_its_answer_until_that_is_taken() {
    let mut link = Link::ready(addresses(1));
    let id = link.call(1);
    link.write();
    assert!(!link.session.is_answered(id));
    link.feed(&ok(id.sync()));
    assert!(link.session.is_answered(id));
    assert!(link.session.take(id).unwrap().is_ok());
    assert!(!link.session.is_answered(id));
}

/// Who logs in on the next connection; the present one goes on as it is.
fn next_user(link: &mut Link) -> Option<String> {
    link.session.handle_eof();
    link.open();
    link.input.extend_from_slice(GREETING_3_7);
    link.events();
    let sent = link.write();
    let auth = sent.iter().find(|sent| sent.kind == AUTH)?;
    Some(auth.field(0x23).unwrap().as_str().unwrap().to_owned())
}

#[test]
fn other_credentials_are_for_the_connections_to_come() {
    let mut link = Link::ready(addresses(1));
    let password = Password::new("secret");
    link.session.set_credentials(Some(Credentials { user: "ann".into(), password }));
    assert_eq!(link.write(), []);
    assert_eq!(next_user(&mut link).as_deref(), Some("ann"));
    link.session.set_credentials(None);
    assert_eq!(next_user(&mut link), None);
}
