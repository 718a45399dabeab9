//! What each kind of error says.

use tarantool_proto::request::Identifier;
use tarantool_proto::{ConnectionError, Outcome, RequestType, SendError};

use super::*;

fn insert() -> Subject {
    Subject::with_space(RequestType::INSERT, Identifier::from("users"))
}

fn commit() -> Subject {
    Subject::of(RequestType::COMMIT)
}

fn refused() -> ConnectionError {
    ConnectionError::Transport("refused".into())
}

fn lost(outcome: Outcome) -> ErrorKind {
    ErrorKind::Lost { outcome, cause: refused() }
}

#[test]
fn every_kind_says_what_happened_and_what_that_means() {
    use ErrorKind::*;
    let in_transaction = insert().in_transaction();
    for (subject, kind, text) in [
        (
            insert(),
            lost(Outcome::NotSent),
            "insert into users: connection to localhost:3301 lost (refused) before the request was \
             written: it was not executed",
        ),
        (
            in_transaction,
            lost(Outcome::MaybeExecuted),
            "insert into users in a transaction: connection to localhost:3301 lost (refused) after \
             the request was written: it may have been executed; the transaction ended with it: \
             begin a new one",
        ),
        (
            commit(),
            lost(Outcome::MaybeExecuted),
            "commit of a transaction: connection to localhost:3301 lost (refused) after the request \
             was written: it may have been executed",
        ),
        (
            insert(),
            TimedOut { outcome: Outcome::MaybeExecuted, cause: None },
            "insert into users: timed out after the request was written: it may have been executed",
        ),
        (
            insert(),
            TimedOut { outcome: Outcome::NotSent, cause: Some(refused()) },
            "insert into users: timed out waiting for a connection to localhost:3301 (refused): it \
             was not executed",
        ),
        (
            insert(),
            NotAccepted { error: SendError::Saturated, cause: None },
            "insert into users: not sent: too many requests are under way",
        ),
        (
            insert(),
            NotAccepted { error: SendError::NotConnected, cause: Some(refused()) },
            "insert into users: not sent: no connection to localhost:3301 (refused)",
        ),
        (
            in_transaction,
            NotAccepted { error: SendError::Closed, cause: Some(refused()) },
            "insert into users in a transaction: not sent: connection to localhost:3301 has ended \
             (refused); the transaction ended with it: begin a new one",
        ),
        (
            insert(),
            NotAccepted { error: SendError::Closed, cause: Some(ConnectionError::Shutdown) },
            "insert into users: not sent: the client was closed",
        ),
        (
            in_transaction,
            ConnectionGone { cause: Some(refused()) },
            "insert into users in a transaction: not sent: the transaction belongs to a connection \
             that was lost (refused); begin a new one",
        ),
        (
            insert(),
            ConnectionGone { cause: None },
            "insert into users: not sent: it belongs to a connection that was lost; make a new one",
        ),
        (
            insert(),
            UnknownName("space named \"users\"".into()),
            "insert into users: not sent: the server has no space named \"users\", or none that \
             this user may see",
        ),
        (
            insert(),
            SchemaUnavailable("denied".into()),
            "insert into users: not sent: the schema, needed to find a name, could not be read: \
             denied",
        ),
        (
            insert(),
            OtherClient,
            "insert into users: not sent: made by another client; make it anew with this one",
        ),
        (
            commit(),
            TransactionOver,
            "commit of a transaction: not sent: the transaction is over; begin a new one",
        ),
        (
            insert(),
            Ended { cause: refused() },
            "insert into users: connection to localhost:3301 has ended (refused)",
        ),
        (
            insert(),
            PushesLost(7),
            "insert into users: 7 messages were lost: too many waited to be taken",
        ),
    ] {
        let error = Error::of(subject, kind).with_address(&Address::default());
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn what_is_not_known_is_left_out() {
    let error = Error::new(lost(Outcome::NotSent));
    let text = "connection lost (refused) before the request was written: it was not executed";
    assert_eq!(error.to_string(), text);
    let error = Error::connect(&Address::default(), refused());
    assert_eq!(error.to_string(), "connecting to localhost:3301 failed: refused");
}

#[test]
fn only_what_may_succeed_later_is_safe_to_try_again() {
    use ErrorKind::*;
    for kind in [
        lost(Outcome::NotSent),
        TimedOut { outcome: Outcome::NotSent, cause: None },
        NotAccepted { error: SendError::Saturated, cause: None },
        NotAccepted { error: SendError::NotConnected, cause: None },
        Connect(refused()),
        SchemaUnavailable("denied".into()),
    ] {
        assert!(Error::of(insert(), kind.clone()).is_retry_safe(), "{kind:?}");
    }
    for kind in [
        lost(Outcome::MaybeExecuted),
        TimedOut { outcome: Outcome::MaybeExecuted, cause: None },
        NotAccepted { error: SendError::Closed, cause: None },
        NotAccepted { error: SendError::TooLarge { bytes: 2, max: 1 }, cause: None },
        ConnectionGone { cause: None },
        UnknownName("x".into()),
        OtherClient,
        TransactionOver,
        Ended { cause: refused() },
        PushesLost(1),
    ] {
        assert!(!Error::of(insert(), kind.clone()).is_retry_safe(), "{kind:?}");
    }
}
