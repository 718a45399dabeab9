//! A real server that is killed, stopped, started again and paused.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, io};

use tarantool_blocking::{Client, connect};
use tarantool_testkit::{Listen, StartError, Tarantool, TarantoolBuilder, Wal};

type TestResult = Result<(), Box<dyn Error>>;

const SCRIPT: &str = "box.schema.space.create('t'):create_index('pk')
    runs = (runs or 0) + 1";

fn builder() -> TarantoolBuilder {
    Tarantool::builder().every_start("function twice(x) return 2 * x end").script(SCRIPT)
}

/// How often the script has run in this process.
fn runs(client: &Client) -> u64 {
    client.eval("return runs or 0", ()).unwrap()
}

fn rows(client: &Client) -> Vec<(u64,)> {
    client.space("t").select(()).limit(u32::MAX).send().unwrap()
}

/// Whether the server greets within a while.
fn greets(server: &Tarantool, within: Duration) -> bool {
    let mut stream = TcpStream::connect(server.uri()).unwrap();
    stream.set_read_timeout(Some(within)).unwrap();
    stream.read_exact(&mut [0; 128]).is_ok()
}

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(10);

#[test]
fn what_was_acknowledged_survives_a_kill() -> TestResult {
    let Some(server) = builder().start_or_skip("survives_a_kill") else { return Ok(()) };
    let (uri, pid) = (server.uri(), server.pid());
    let client = connect(uri.as_str())?;
    assert_eq!(runs(&client), 1);
    let writer = thread::spawn({
        let space = client.space::<(u64,)>("t");
        // Until the server is killed in the middle of it.
        move || (0..).find(|id| space.insert(&(*id,)).is_err()).unwrap()
    });
    thread::sleep(Duration::from_millis(200));
    server.kill()?;
    let acknowledged = writer.join().unwrap();
    assert!(acknowledged > 0);
    assert!(connect(uri.as_str()).is_err());

    server.restart()?;
    assert_eq!(server.uri(), uri);
    assert_ne!(server.pid(), pid);
    let client = connect(uri.as_str())?;
    let rows = rows(&client);
    // The one that failed may be there too.
    assert!((acknowledged..=acknowledged + 1).contains(&(rows.len() as u64)), "{}", rows.len());
    assert!(rows.iter().map(|row| row.0).eq(0..rows.len() as u64));
    assert_eq!(client.call::<u64>("twice", (21,))?, 42);
    assert_eq!(runs(&client), 0);
    Ok(())
}

#[test]
fn a_server_that_runs_is_killed_by_a_restart() -> TestResult {
    let Some(server) = builder().start_or_skip("killed_by_a_restart") else { return Ok(()) };
    for round in 0..3 {
        let client = connect(server.uri())?;
        client.space("t").insert(&(round,))?;
        server.restart()?;
        client.ping()?;
        assert_eq!(client.stats().connections, 2);
    }
    assert_eq!(rows(&connect(server.uri())?), [(0,), (1,), (2,)]);
    assert!(server.log_tail(1000).matches("ready to accept requests").count() >= 4);
    Ok(())
}

#[test]
fn a_stopped_server_starts_again() -> TestResult {
    for listen in [Listen::Tcp, Listen::Unix] {
        let builder = builder().listen(listen);
        let Some(server) = builder.start_or_skip("stopped_and_started") else { return Ok(()) };
        let uri = server.uri();
        connect(uri.as_str())?.space("t").insert(&(7,))?;
        assert!(server.shutdown()?.success());
        assert!(connect(uri.as_str()).is_err());
        assert!(server.shutdown()?.success(), "as before");
        server.restart_without_waiting()?;
        server.wait_until_ready()?;
        assert_eq!(rows(&connect(uri.as_str())?), [(7,)]);
    }
    Ok(())
}

#[test]
fn without_a_log_everything_is_made_anew() -> TestResult {
    let builder = builder().wal(Wal::None);
    let Some(server) = builder.start_or_skip("without_a_log") else { return Ok(()) };
    connect(server.uri())?.space("t").insert(&(7,))?;
    server.restart()?;
    let client = connect(server.uri())?;
    assert_eq!((rows(&client), runs(&client)), (vec![], 1));
    Ok(())
}

#[test]
fn a_restart_that_fails_says_why() -> TestResult {
    let once = "assert(not require('fio').path.exists('fails')) io.open('fails', 'w'):close()";
    let builder = Tarantool::builder().every_start(once);
    let Some(server) = builder.start_or_skip("a_restart_that_fails") else { return Ok(()) };
    match server.restart() {
        Err(StartError::Script { message, .. }) => assert!(message.contains("every_start.lua:1")),
        other => panic!("{other:?}"),
    }
    std::fs::remove_file(server.folder().join("fails"))?;
    server.restart()?;
    assert!(greets(&server, LONG));
    Ok(())
}

#[test]
fn a_paused_server_answers_when_it_goes_on() -> TestResult {
    let Some(server) = builder().start_or_skip("a_paused_server") else { return Ok(()) };
    let client = connect(server.uri())?;
    server.pause()?;
    server.pause()?;
    assert!(!greets(&server, SHORT));
    let waiting = thread::spawn(move || {
        let begun = Instant::now();
        client.ping().map(|()| begun.elapsed())
    });
    thread::sleep(2 * SHORT);
    assert!(!waiting.is_finished());
    server.resume()?;
    server.resume()?;
    assert!(waiting.join().unwrap()? > SHORT);
    assert!(greets(&server, LONG));
    Ok(())
}

#[test]
fn a_paused_server_can_be_ended_in_every_way() -> TestResult {
    let Some(server) = builder().start_or_skip("a_paused_server_ends") else { return Ok(()) };
    server.pause()?;
    server.restart()?;
    assert!(greets(&server, LONG));
    server.pause()?;
    assert!(server.shutdown()?.success());
    assert!(server.pause().is_err() && server.resume().is_err());
    server.restart()?;
    server.pause()?;
    server.kill()?;
    assert!(server.pause().is_err());
    server.restart()?;
    server.pause()?;
    let folder = server.folder().to_owned();
    drop(server);
    assert!(!folder.exists());
    Ok(())
}

/// The system wakes what it stops when its parent is gone.
#[test]
fn a_killed_test_process_takes_its_paused_server_along() -> TestResult {
    if builder().start_or_skip("a_killed_test_process").is_none() {
        return Ok(());
    }
    let mut child = Command::new(env::current_exe()?)
        .args(["--ignored", "--exact", "helper_holds_a_paused_server"])
        .env(HELPER, "1")
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
    let uri = lines.find_map(|line| Some(line.ok()?.split_once("SERVER ")?.1.to_owned()));
    child.kill()?;
    child.wait()?;
    let uri = uri.ok_or("no server")?;
    let until = Instant::now() + LONG;
    while TcpStream::connect(&uri).is_ok() {
        assert!(Instant::now() < until, "it is still there");
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

const HELPER: &str = "TESTKIT_HELPER";

#[test]
#[ignore = "only for the test above"]
fn helper_holds_a_paused_server() -> TestResult {
    if env::var_os(HELPER).is_some() {
        let server = Tarantool::start()?;
        server.pause()?;
        io::stdout().write_all(format!("SERVER {}\n", server.uri()).as_bytes())?;
        thread::sleep(Duration::from_secs(60));
    }
    Ok(())
}
