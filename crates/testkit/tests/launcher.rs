//! The launcher against the real server.

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tarantool_testkit::{Listen, StartError, Tarantool, Wal};

type TestResult = Result<(), Box<dyn Error>>;

/// Set for the ignored tests, which do nothing when something else runs them.
const HELPER: &str = "TESTKIT_HELPER";

const MISSING: &str = "/nonexistent/tarantool";

/// Runs one of the ignored tests below in a process of its own.
fn helper(name: &str) -> Result<Command, Box<dyn Error>> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--ignored", "--exact", name]);
    command.env(HELPER, "1");
    Ok(command)
}

fn text(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    out.into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn holds_within_10_s(condition: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Zombies count as existing.
fn process_exists(pid: u32) -> bool {
    let status = Command::new("kill").args(["-0", &pid.to_string()]).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[test]
fn greets_on_tcp() -> TestResult {
    let Some(server) = Tarantool::start_or_skip("greets_on_tcp") else {
        return Ok(());
    };
    let mut greeting = [0; 128];
    TcpStream::connect(server.uri())?.read_exact(&mut greeting)?;

    let expected = format!("Tarantool {}", server.version());
    assert!(greeting.starts_with(expected.as_bytes()));
    let port = server.port().ok_or("no port")?;
    assert_eq!(server.uri(), format!("127.0.0.1:{port}"));
    assert_eq!(server.socket_path(), None);
    Ok(())
}

#[test]
fn greets_on_a_unix_socket() -> TestResult {
    let builder = Tarantool::builder().listen(Listen::Unix);
    let Some(server) = builder.start_or_skip("greets_on_a_unix_socket") else {
        return Ok(());
    };
    let path = server.socket_path().ok_or("no socket")?;
    let mut greeting = [0; 128];
    UnixStream::connect(path)?.read_exact(&mut greeting)?;

    assert!(greeting.starts_with(b"Tarantool "));
    assert_eq!(server.uri(), format!("unix/:{}", path.display()));
    assert_eq!(server.port(), None);
    Ok(())
}

#[test]
fn the_script_runs_with_the_settings() -> TestResult {
    let builder = Tarantool::builder().wal(Wal::None).memtx_memory(64 << 20).script(
        "box.schema.space.create('s'):create_index('pk')
             box.space.s:insert{1}
             require('fiber').sleep(0.01)
             print('printed by the script')
             local super = box.space._user.index.name:get('super').id
             local granted = box.space._priv:get{0, 'role', super} ~= nil
             local file = io.open('out', 'w')
             file:write(box.session.user(), ' ', box.cfg.wal_mode, ' ',
                 box.cfg.memtx_memory, ' ', tostring(granted), ' ', box.space.s:len())
             file:close()",
    );
    let Some(server) = builder.start_or_skip("the_script_runs_with_the_settings") else {
        return Ok(());
    };
    assert_eq!(fs::read_to_string(server.folder().join("out"))?, "admin none 67108864 true 1");
    assert!(server.log_tail(50).contains("printed by the script"));
    assert_eq!(server.log_tail(1).lines().count(), 1);

    let builder = builder.wal(Wal::Write).guest_is_admin(false);
    let server = builder.start()?;
    assert_eq!(fs::read_to_string(server.folder().join("out"))?, "admin write 67108864 false 1");
    Ok(())
}

#[test]
fn a_failing_script_is_an_error() {
    for (lua, expected) in [
        ("\nerror('told you so')", "script.lua:2: told you so"),
        ("local x = = 1", "script.lua:1: unexpected symbol near '='"),
        ("box.schema.user.grant('nobody', 'super')", "'nobody'"),
    ] {
        match Tarantool::builder().script(lua).start() {
            Err(StartError::Script { message, .. }) => {
                assert!(message.contains(expected), "{message}");
            }
            Err(StartError::NotInstalled { .. }) => {
                assert!(Tarantool::start_or_skip("a_failing_script_is_an_error").is_none());
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_server_that_exits_or_hangs_is_an_error() {
    if Tarantool::start_or_skip("a_server_that_exits_or_hangs_is_an_error").is_none() {
        return;
    }
    let exits = Tarantool::builder().script("print('so long') os.exit(3)");
    match exits.start() {
        Err(StartError::Exited { status, log }) => {
            assert_eq!(status.code(), Some(3));
            assert!(log.contains("so long"), "{log}");
        }
        other => panic!("{other:?}"),
    }
    let hangs =
        Tarantool::builder().script("while true do end").time_limit(Duration::from_millis(500));
    assert!(matches!(hangs.start(), Err(StartError::TimedOut { .. })));
    let impossible = Tarantool::builder().memtx_memory(u64::MAX >> 1).start();
    assert!(matches!(impossible, Err(StartError::Exited { .. } | StartError::Script { .. })));
}

#[test]
fn two_servers_run_at_once() -> TestResult {
    let Some(one) = Tarantool::start_or_skip("two_servers_run_at_once") else {
        return Ok(());
    };
    let two = Tarantool::start()?;
    assert_ne!(one.uri(), two.uri());
    assert_ne!(one.pid(), two.pid());
    TcpStream::connect(one.uri())?;
    TcpStream::connect(two.uri())?;
    Ok(())
}

#[test]
fn a_drop_leaves_nothing() {
    let Some(server) = Tarantool::start_or_skip("a_drop_leaves_nothing") else {
        return;
    };
    let (pid, folder) = (server.pid(), server.folder().to_owned());
    assert!(process_exists(pid) && folder.exists());
    drop(server);
    assert!(!process_exists(pid));
    assert!(!folder.exists());
}

#[test]
fn a_kill_leaves_the_folder_until_the_drop() -> TestResult {
    let Some(server) = Tarantool::start_or_skip("a_kill_leaves_the_folder") else {
        return Ok(());
    };
    server.kill()?;
    assert!(!process_exists(server.pid()));
    assert!(TcpStream::connect(server.uri()).is_err());
    assert!(server.log_tail(50).contains("ready to accept requests"));
    server.kill()?;
    let folder = server.folder().to_owned();
    drop(server);
    assert!(!folder.exists());
    Ok(())
}

#[test]
fn a_missing_program_is_not_installed() {
    for program in [MISSING, "no-such-tarantool", "./tarantool"] {
        let builder = Tarantool::builder().program(program);
        match builder.start() {
            Err(error @ StartError::NotInstalled { .. }) => {
                let message = error.to_string();
                assert!(message.contains(program), "{message}");
                assert!(message.contains("apt-get install -y tarantool"), "{message}");
                assert!(message.contains("TARANTOOL=/path/to/tarantool"), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_missing_server_skips_loudly_unless_required() -> TestResult {
    let output = helper("helper_starts_or_skips")?
        .env("TARANTOOL", MISSING)
        .env_remove("TARANTOOL_REQUIRED")
        .output()?;
    assert!(output.status.success());
    let expected = format!("SKIPPED helper: no Tarantool server ({MISSING} not found)");
    assert!(text(&output).contains(&expected), "{}", text(&output));

    let output = helper("helper_starts_or_skips")?
        .env("TARANTOOL", MISSING)
        .env("TARANTOOL_REQUIRED", "1")
        .output()?;
    assert!(!output.status.success());
    assert!(text(&output).contains("apt-get"), "{}", text(&output));
    Ok(())
}

#[test]
fn a_failed_test_shows_the_log() -> TestResult {
    if Tarantool::start_or_skip("a_failed_test_shows_the_log").is_none() {
        return Ok(());
    }
    let output = helper("helper_fails")?.output()?;
    let text = text(&output);
    assert!(!output.status.success());
    assert!(text.contains("---- the log of Tarantool at 127.0.0.1:"));
    assert!(text.contains("ready to accept requests"), "{text}");
    Ok(())
}

#[test]
fn a_killed_test_process_takes_its_server_along() -> TestResult {
    if Tarantool::start_or_skip("a_killed_test_process").is_none() {
        return Ok(());
    }
    let mut child = helper("helper_holds_a_server")?.stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
    let found = lines.find_map(|line| {
        let line = line.ok()?;
        let (_, server) = line.split_once("SERVER ")?;
        let (uri, folder) = server.split_once(' ')?;
        Some((uri.to_owned(), PathBuf::from(folder)))
    });
    let connects = |uri: &str| TcpStream::connect(uri).is_ok();
    let ran = found.as_ref().is_some_and(|(uri, folder)| connects(uri) && folder.exists());
    child.kill()?;
    child.wait()?;
    assert!(ran);
    let (uri, folder) = found.ok_or("no server")?;
    assert!(holds_within_10_s(|| !connects(&uri)));
    assert!(holds_within_10_s(|| !folder.exists()));
    Ok(())
}

#[test]
#[ignore = "only for the tests above"]
fn helper_starts_or_skips() {
    if env::var_os(HELPER).is_some() {
        assert!(Tarantool::start_or_skip("helper").is_none());
    }
}

#[test]
#[ignore = "only for the tests above"]
fn helper_fails() {
    if env::var_os(HELPER).is_some() {
        let _server = Tarantool::start_or_skip("helper_fails");
        panic!("on purpose");
    }
}

#[test]
#[ignore = "only for the tests above"]
fn helper_holds_a_server() -> TestResult {
    if env::var_os(HELPER).is_some() {
        let server = Tarantool::start()?;
        // Not by println!, which the test harness captures.
        let line = format!("SERVER {} {}\n", server.uri(), server.folder().display());
        io::stdout().write_all(line.as_bytes())?;
        thread::sleep(Duration::from_secs(60));
    }
    Ok(())
}
