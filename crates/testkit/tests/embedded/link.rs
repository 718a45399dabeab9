//! Client and server in memory, in virtual time.

use std::time::{Duration, Instant};

use tarantool_proto::request::{Call, Insert, Ping, Select};
use tarantool_proto::{Answer, Config, Frame, Outcome, Request, RequestId, Unanswered};
use tarantool_testkit::{Conditions, Fault, Link, RequestType, Server};

fn start() -> Server {
    let server = Server::builder().in_memory().start().unwrap();
    server.space("t").id(600).primary_key("id").create().unwrap();
    server.function_with("count", |context, (to,): (u64,)| {
        (1..=to).try_for_each(|number| context.push(&number))?;
        Ok(to)
    });
    server
}

fn send<R: Request>(link: &mut Link, request: R, within: Duration) -> RequestId {
    let deadline = link.now() + within;
    let mut frame = Frame::new();
    frame.encode(&request).unwrap();
    link.client().send(&mut frame, Some(deadline)).unwrap()
}

fn answer(link: &mut Link, id: RequestId) -> Answer {
    loop {
        if let Some(answer) = link.client().take(id) {
            return answer;
        }
        assert!(link.step(), "nothing happens any more");
    }
}

const LONG: Duration = Duration::from_secs(3600);

fn bad_network() -> Conditions {
    let mut conditions = Conditions::default();
    conditions.chunk = 1..40;
    conditions.latency = Duration::from_millis(1)..Duration::from_millis(20);
    conditions.stall_one_in = 50;
    conditions
}

/// Inserts and selects over a bad network; what happened when.
fn run(seed: u64) -> Vec<Duration> {
    let server = start();
    let mut link = Link::new(&server, Config::default(), bad_network(), seed);
    let begun = link.now();
    let mut moments = Vec::new();
    for id in 0..20_u64 {
        let insert = send(&mut link, Insert::into(600).row((id, "some text")), LONG);
        let select = send(&mut link, Select::from(600).key((id,)), LONG);
        assert!(answer(&mut link, insert).unwrap().into_result().is_ok());
        let response = answer(&mut link, select).unwrap();
        moments.push(link.now() - begun);
        assert_eq!(response.first::<(u64, &str)>().unwrap(), Some((id, "some text")));
    }
    assert_eq!(server.len("t"), Some(20));
    moments
}

#[test]
fn the_same_seed_gives_the_same_run_in_no_time() {
    let wall = Instant::now();
    let moments = run(7);
    assert!(*moments.last().unwrap() > Duration::from_secs(5));
    assert!(wall.elapsed() < Duration::from_secs(5));
    assert_eq!(moments, run(7));
    assert_ne!(moments, run(8));
}

#[test]
fn deadlines_pass_in_virtual_time() {
    let server = start();
    let mut link = Link::new(&server, Config::default(), Conditions::default(), 1);
    server.fault(Fault::NeverAnswer).on(RequestType::PING);
    let ping = send(&mut link, Ping, Duration::from_secs(100));
    let begun = link.now();
    while link.step() {}
    assert_eq!(link.now() - begun, Duration::from_secs(100));
    let answer = link.client().take(ping).unwrap();
    assert_eq!(answer.unwrap_err(), Unanswered::TimedOut(Outcome::MaybeExecuted));
}

#[test]
fn late_replies_come_in_virtual_time() {
    let server = start();
    let mut link = Link::new(&server, Config::default(), Conditions::default(), 1);
    server.fault(Fault::Delay(Duration::from_secs(50))).on_call("count");
    let call = send(&mut link, Call::new("count").arguments((3,)), LONG);
    let begun = link.now();
    let response = answer(&mut link, call).unwrap();
    assert_eq!(link.now() - begun, Duration::from_secs(50));
    assert_eq!(response.returned::<u64>().unwrap(), 3);
}

#[test]
fn a_cut_tells_everyone() {
    for cut_after in (150..1500).step_by(10) {
        let server = start();
        let mut conditions = bad_network();
        conditions.cut_after = Some(cut_after);
        let mut link = Link::new(&server, Config::default(), conditions, cut_after);
        let ids: Vec<_> =
            (0..10_u64).map(|id| send(&mut link, Insert::into(600).row((id,)), LONG)).collect();
        while link.step() {}
        let mut answered = 0;
        for id in ids {
            match link.client().take(id).unwrap() {
                Ok(response) => answered += usize::from(response.into_result().is_ok()),
                Err(why) => assert!(matches!(why, Unanswered::Lost(_)), "{why:?}"),
            }
        }
        assert!(answered <= server.len("t").unwrap());
        assert!(link.client().failure().is_some() || answered == 10);
    }
}
