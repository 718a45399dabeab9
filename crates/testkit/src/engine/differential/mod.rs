//! The engine against a real server: the same random requests, compared answer by answer.
//!
//! About 3,000 requests are run, or as many as the environment variable `DIFFERENTIAL_REQUESTS`
//! says; they are the same in each run unless `DIFFERENTIAL_SEED`, a number, makes them others.

mod known;
mod real;
mod spaces;
mod step;
mod value;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use self::known::is_known_difference;
use self::real::Real;
use self::spaces::{SPACES, database};
use self::step::{Step, sequence};
use super::{Database, IndexRef, Select};
use crate::{Tarantool, Wal};

const REQUESTS: u32 = 3_000;
/// Requests in a sequence at most; shorter ones are as frequent.
const SEQUENCE_MAX: usize = 100;

/// The rows, or an error's code and text.
type Answer = Result<Vec<Vec<u8>>, (u32, String)>;

/// What was seen, for the report.
#[derive(Default)]
struct Seen {
    requests: u32,
    rows: usize,
    /// 0: no error.
    codes: BTreeMap<u32, u32>,
    differences: BTreeMap<&'static str, u32>,
}

#[test]
fn answers_are_those_of_a_real_server() {
    let builder = Tarantool::builder().wal(Wal::None).script(spaces::script());
    let Some(real) = Real::start_or_skip(builder, "answers_are_those_of_a_real_server") else {
        return;
    };
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let requests = number("DIFFERENTIAL_REQUESTS").unwrap_or(REQUESTS);
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number("DIFFERENTIAL_SEED").unwrap_or(0).to_be_bytes());
    let config = Config {
        cases: requests.div_ceil(SEQUENCE_MAX as u32 / 2),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let empty = database();
    let real = RefCell::new(real);
    let seen = RefCell::new(Seen::default());
    let result = TestRunner::new_with_rng(config, rng).run(&sequence(SEQUENCE_MAX), |steps| {
        let (mut real, mut seen) = (real.borrow_mut(), seen.borrow_mut());
        compare(&steps, &empty, &mut real, &mut seen).map_err(TestCaseError::fail)
    });
    let seen = seen.into_inner();
    println!("{} requests, {} rows, codes {:?}", seen.requests, seen.rows, seen.codes);
    println!("known differences: {:#?}", seen.differences);
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, steps)) => {
            let mut text = String::new();
            for step in steps {
                writeln!(text, "    {step}").unwrap();
            }
            panic!("{}\nThe shortest sequence for that:\n{text}", reason.message());
        }
        Err(error) => panic!("{error}"),
    }
}

fn compare(
    steps: &[Step],
    empty: &Database,
    real: &mut Real,
    seen: &mut Seen,
) -> Result<(), String> {
    real.reset();
    let mut engine = empty.clone();
    for step in steps {
        let mut theirs = real.ask(step);
        let mut ours = apply(&mut engine, step);
        if let (Ok(_), Ok(_), Some(row)) = (&theirs, &ours, step.upserted_row()) {
            // The reply says nothing of what happened.
            theirs = real.ask(&row);
            ours = apply(&mut engine, &row);
        }
        seen.requests += 1;
        let code = theirs.as_ref().map_or_else(
            |(code, _)| *code,
            |rows| {
                seen.rows += rows.len();
                0
            },
        );
        *seen.codes.entry(code).or_default() += 1;
        if is_same(&theirs, &ours) {
            continue;
        }
        match is_known_difference(step, &theirs, &ours) {
            Some(difference) => {
                *seen.differences.entry(difference).or_default() += 1;
                // The data may differ from here on.
                real.reset();
                engine = empty.clone();
            }
            None => return Err(report(step, &theirs, &ours)),
        }
    }
    same_contents(&mut engine, real)
}

fn same_contents(engine: &mut Database, real: &mut Real) -> Result<(), String> {
    for space in &SPACES {
        for index in 0..space.indexes.len() as u32 {
            let key = value::Value::Array(Vec::new());
            let (space, offset, limit) = (space.id, 0, u32::MAX);
            let all = Step::Select { space, index, iterator: 2, offset, limit, key };
            let (theirs, ours) = (real.ask(&all), apply(engine, &all));
            if theirs != ours {
                return Err(report(&all, &theirs, &ours));
            }
        }
    }
    Ok(())
}

/// Texts are not compared: they changed between the versions.
fn is_same(theirs: &Answer, ours: &Answer) -> bool {
    match (theirs, ours) {
        (Ok(theirs), Ok(ours)) => theirs == ours,
        (Err((theirs, _)), Err((ours, _))) => theirs == ours,
        _ => false,
    }
}

fn report(step: &Step, theirs: &Answer, ours: &Answer) -> String {
    format!("{step}\n  real: {}\n  ours: {}", readable(theirs), readable(ours))
}

fn readable(answer: &Answer) -> String {
    match answer {
        Ok(rows) => {
            let rows: Vec<_> = rows.iter().map(|row| value::row(row).to_string()).collect();
            format!("{} rows: {}", rows.len(), rows.join(" "))
        }
        Err((code, text)) => format!("error {code}: {text}"),
    }
}

fn apply(database: &mut Database, step: &Step) -> Answer {
    let one = |row: Option<std::sync::Arc<[u8]>>| row.iter().map(|row| row.to_vec()).collect();
    let result = match step {
        Step::Insert { space, tuple } => {
            database.insert(*space, &tuple.bytes()).map(|row| one(Some(row)))
        }
        Step::Replace { space, tuple } => {
            database.replace(*space, &tuple.bytes()).map(|row| one(Some(row)))
        }
        Step::Update { space, index, key, operations, base } => {
            let (index, operations) = (IndexRef::Id(*index), operations.bytes());
            database.update(*space, index, &key.bytes(), &operations, *base).map(one)
        }
        Step::Upsert { space, tuple, operations, base } => {
            database.upsert(*space, &tuple.bytes(), &operations.bytes(), *base).map(|()| Vec::new())
        }
        Step::Delete { space, index, key } => {
            database.delete(*space, IndexRef::Id(*index), &key.bytes()).map(one)
        }
        Step::Select { space, index, iterator, offset, limit, key } => {
            let select = Select {
                space: *space,
                index: IndexRef::Id(*index),
                iterator: *iterator,
                offset: *offset,
                limit: *limit,
                key: &key.bytes(),
                fetch_position: false,
                after_position: None,
                after_tuple: None,
            };
            let selected = database.select(&select);
            selected.map(|selected| selected.rows.iter().map(|row| row.to_vec()).collect())
        }
    };
    result.map_err(|failure| (failure.code.number(), failure.message))
}
