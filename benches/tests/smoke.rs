//! Each command with tiny numbers against the embedded server: that it works, not how fast.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tarantool_testkit::{RequestType, Server, Tarantool, Wal};

fn run(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_tarantool-bench"))
        .args(arguments)
        .output()
        .expect("the program starts");
    assert!(
        output.status.success(),
        "{arguments:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Runs a contest; what its report says, after a look at its page.
fn contest(name: &str, arguments: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let common = ["--server", "embedded", "--rounds", "1", "--sample-ms", "1", "--out", out];
    let output = run(&[&[name], arguments, &common].concat());
    let read = |kind| fs::read_to_string(Path::new(out).join(format!("{name}.{kind}"))).unwrap();
    let report: Value = serde_json::from_str(&read("json")).unwrap();
    let page = read("html");
    let text = String::from_utf8(output.stdout).unwrap();
    for cell in cells(&report) {
        let client = cell["client"].as_str().unwrap();
        assert!(text.contains(client) && page.contains(client), "{client} in {text}");
        assert!(cell["ops_per_s"]["median"].as_f64().unwrap() > 0.0, "{cell}");
        assert!(cell["p99_us"].as_f64().unwrap() >= cell["p50_us"].as_f64().unwrap(), "{cell}");
    }
    report
}

fn cells(report: &Value) -> &[Value] {
    report["cells"].as_array().unwrap()
}

#[test]
fn article() {
    let report = contest("article", &["--count", "60", "--size", "40", "--tasks", "4"]);
    // Eight clients, four kinds of requests, one task and four.
    assert_eq!(cells(&report).len(), 9 * 4 * 2);
    for cell in cells(&report) {
        let has_memory = cell["rss_mb"].as_f64().is_some_and(|mib| mib > 1.0);
        assert_eq!(has_memory, cell["client"] != "raw", "{cell}");
        let per_write = cell["requests_per_write"].as_f64().unwrap();
        assert!(cell["concurrency"] != 1 || per_write == 1.0, "{cell}");
        assert!(cell["client"] != "raw" || cell["ratio"]["median"] == 1.0, "{cell}");
    }
}

#[test]
fn throughput() {
    let report = contest(
        "throughput",
        &[
            "--op",
            "assign,ping",
            "--concurrency",
            "3",
            "--count",
            "50",
            "--clients",
            "raw,smol+immediate",
        ],
    );
    assert_eq!(cells(&report).len(), 4);
}

#[test]
fn sweep() {
    let what = ["--clients", "tokio", "--op", "select", "--count", "60"];
    let ranges = ["--concurrency", "1,20,200", "--sizes", "16,3000"];
    let report = contest("sweep", &[&what[..], &ranges].concat());
    let cases: Vec<_> = cells(&report)
        .iter()
        .map(|cell| (cell["concurrency"].clone(), cell["size"].clone()))
        .collect();
    assert_eq!(cases.len(), 5, "{cases:?}");
}

#[test]
fn hot() {
    let clients = "raw,raw-threads,tokio-mt,blocking-threads";
    let report = contest(
        "hot",
        &["--processes", "2", "--tasks", "2", "--count", "80", "--clients", clients],
    );
    assert_eq!(cells(&report).len(), 4);
    for cell in cells(&report) {
        assert_eq!((&cell["count"], &cell["concurrency"]), (&160.into(), &16.into()), "{cell}");
    }
}

#[test]
fn latency() {
    let clients = "raw,tokio,blocking,blocking-threads";
    let arguments = ["--op", "select", "--rate", "2000", "--seconds", "0.1", "--concurrency", "4"];
    let report = contest("latency", &[&arguments[..], &["--clients", clients]].concat());
    // One thread that waits cannot keep a rate.
    assert_eq!(cells(&report).len(), 3);
    for cell in cells(&report) {
        assert_eq!((&cell["count"], &cell["rate"]), (&200.into(), &2000.0.into()), "{cell}");
        assert!(cell["late_p99_us"].is_number(), "{cell}");
        // The last request begins 99.5 ms after the first.
        assert!(cell["secs"]["median"].as_f64().unwrap() >= 0.099, "{cell}");
    }
}

#[test]
fn latency_at_half_of_the_peak() {
    let arguments =
        ["--op", "ping", "--seconds", "0.05", "--count", "100", "--clients", "raw,tokio"];
    let report = contest("latency", &arguments);
    assert!(cells(&report).iter().all(|cell| cell["rate"].as_f64().unwrap() > 0.0));
}

#[test]
fn one_client_tells_one_line() {
    let server = Server::start().unwrap();
    server.space("bench").id(600).primary_key("id").create().unwrap();
    let arguments = [
        "client",
        "--uri",
        server.uri(),
        "--op",
        "insert",
        "--count",
        "30",
        "--concurrency",
        "5",
        "--size",
        "100",
        "--runtime",
        "compio",
        "--prepared",
        "--space",
        "600",
    ];
    let output = run(&arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    let line: Value = serde_json::from_str(&text).unwrap();
    let keys = [
        "client",
        "concurrency",
        "count",
        "cpu_us_per_op",
        "op",
        "ops_per_s",
        "p50_us",
        "p99_us",
        "rss_mb",
        "secs",
        "syscalls_per_op",
    ];
    let found: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(found, keys);
    assert_eq!((&line["client"], &line["op"]), (&"compio".into(), &"insert".into()));
    assert_eq!((&line["count"], &line["concurrency"]), (&30.into(), &5.into()));
    assert_eq!(server.rows::<(u64, String)>("bench").unwrap().len(), 30);
    assert_eq!(server.executed(RequestType::PING), 3);
}

#[test]
fn a_failed_run_fails_the_program() {
    let server = Server::start().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tarantool-bench"))
        .args(["client", "--uri", server.uri(), "--op", "insert", "--count", "1", "--prepared"])
        .output()
        .unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("failed: ") && text.contains("512"), "{text}");
}

/// What is prepared, checked and counted in Lua, and that nothing is left behind.
#[test]
fn a_real_server_is_left_as_it_was() {
    let server = Tarantool::builder().wal(Wal::None).start_or_skip("tarantool-bench");
    let Some(server) = server else {
        return;
    };
    let uri = server.uri();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let what = ["--op", "insert,update,assign,delete,mixed", "--concurrency", "4"];
    let how = ["--clients", "raw,tokio", "--count", "400", "--size", "100", "--rounds", "1"];
    let place = ["--server", &uri, "--sample-ms", "1", "--out", out];
    run(&[&["throughput"], &what[..], &how, &place].concat());
    let report = fs::read_to_string(Path::new(out).join("throughput.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert!(report["machine"]["server"].as_str().unwrap().starts_with("Tarantool "));
    assert_eq!(cells(&report).len(), 10);

    let one = ["client", "--uri", &uri, "--op", "select", "--count", "40", "--runtime", "blocking"];
    run(&one);

    let client = tarantool_blocking::connect(uri.as_str()).unwrap();
    let left: bool = client.eval("return box.space.tarantool_bench ~= nil", ()).unwrap();
    assert!(!left);
}
