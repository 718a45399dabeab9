use super::Discrepancy::{Executed, Missing, NoOutcome, Repeated, TwoOutcomes, UnknownKey};
use super::{Ledger, Summary, Told};
use tarantool_proto::{ErrorCode, Outcome};

const REFUSED: Told = Told::Refused(ErrorCode::TUPLE_FOUND);

/// A ledger of writes with these outcomes, from key 1 on.
fn ledger(outcomes: &[Told]) -> Ledger {
    let ledger = Ledger::new();
    for &told in outcomes {
        let key = ledger.key();
        ledger.record(key, told);
    }
    ledger
}

#[test]
fn what_was_told_and_what_happened_agree() {
    let told = [Told::Executed, REFUSED, Told::NotSent, Told::MaybeExecuted, Told::MaybeExecuted];
    let summary = ledger(&told).compare([(1, 1), (2, 0), (5, 1)]).unwrap();
    let expected =
        Summary { executed: 1, refused: 1, not_sent: 1, maybe_executed: 2, of_these_executed: 1 };
    assert_eq!(summary, expected);
    assert_eq!(
        summary.to_string(),
        "5 writes: 1 executed, 1 refused, 1 not sent, 2 maybe executed of which 1 were"
    );
    assert_eq!(ledger(&[]).compare([]).unwrap().writes(), 0);
}

#[test]
fn every_discrepancy_is_found() {
    let all = |outcomes: &[Told], database: &[(u64, u64)]| {
        ledger(outcomes).compare(database.iter().copied()).unwrap_err().all
    };
    assert_eq!(all(&[Told::Executed], &[]), [Missing { key: 1 }]);
    assert_eq!(all(&[Told::Executed], &[(1, 0)]), [Missing { key: 1 }]);
    for told in [REFUSED, Told::NotSent] {
        assert_eq!(all(&[told], &[(1, 1)]), [Executed { key: 1, told }]);
    }
    for told in [Told::Executed, Told::MaybeExecuted] {
        assert_eq!(all(&[told], &[(1, 2)]), [Repeated { key: 1, times: 2 }]);
        assert_eq!(all(&[told], &[(1, 1), (1, 1)]), [Repeated { key: 1, times: 2 }]);
    }
    assert_eq!(all(&[], &[(0, 1), (7, 0)]), [UnknownKey { key: 0 }, UnknownKey { key: 7 }]);
    let max = u64::MAX;
    assert_eq!(
        all(&[Told::NotSent], &[(1, max), (1, max)]),
        [Executed { key: 1, told: Told::NotSent }, Repeated { key: 1, times: max }]
    );
}

#[test]
fn every_write_has_exactly_one_outcome() {
    let ledger = Ledger::new();
    let [first, second, third] = [ledger.key(), ledger.key(), ledger.key()];
    ledger.record(first, Told::NotSent);
    ledger.record(second, Told::Executed);
    ledger.record(first, Told::NotSent);
    assert_eq!(ledger.recorded(), 3);
    let wrong = ledger.compare([(second, 1)]).unwrap_err();
    let (told, then) = (Told::NotSent, Told::NotSent);
    let expected = [TwoOutcomes { key: first, told, then }, NoOutcome { key: third }];
    assert_eq!(wrong.all, expected);
    assert_eq!(
        wrong.to_string(),
        "2 discrepancies in 2 writes: 1 executed, 0 refused, 1 not sent, 0 maybe executed of \
         which 0 were\n  1: told NotSent, then NotSent\n  3: nothing was told"
    );
    let foreign = Ledger::new();
    foreign.record(5, Told::NotSent);
    for database in [&[][..], &[(5, 1)]] {
        let wrong = foreign.compare(database.iter().copied()).unwrap_err();
        assert_eq!(wrong.all, [UnknownKey { key: 5 }]);
    }
}

#[test]
fn many_discrepancies_are_shown_in_part() {
    let text = ledger(&[Told::Executed; 100]).compare([]).unwrap_err().to_string();
    assert!(text.starts_with("100 discrepancies in 100 writes: 100 executed"), "{text}");
    assert!(text.ends_with("\n  20: told executed, and is not there\n  ..."), "{text}");
}

#[test]
fn threads_share_it() {
    let ledger = Ledger::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    let key = ledger.key();
                    ledger.record(key, Told::Executed);
                }
            });
        }
    });
    assert_eq!(ledger.compare((1..=4000).map(|key| (key, 1))).unwrap().executed, 4000);
}

#[test]
fn errors_say_what_was_told() {
    let code = ErrorCode::TUPLE_FOUND;
    assert_eq!(Told::failed(Outcome::Answered, Some(code)), REFUSED);
    assert_eq!(Told::failed(Outcome::Answered, None), Told::Executed);
    assert_eq!(Told::failed(Outcome::NotSent, None), Told::NotSent);
    assert_eq!(Told::failed(Outcome::MaybeExecuted, None), Told::MaybeExecuted);
}
