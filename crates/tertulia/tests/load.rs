//! `tertulia load` against its own server, and against targets that are dead or mad.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

/// Short, but long enough for some hundred operations.
const SHORT: [&str; 6] = ["--for", "0.5", "--warm-up", "0.2", "--grace", "3"];

struct Outcome {
    code: i32,
    out: String,
    err: String,
}

fn load(arguments: &[&str]) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_tertulia"))
        .arg("load")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Outcome {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.out)
        .unwrap_or_else(|error| panic!("{error}: {}{}", outcome.out, outcome.err))
}

#[test]
fn each_load_of_requests_against_its_own_server() {
    #[rustfmt::skip]
    let rows: [&[&str]; 6] = [
        &["options", "--rate", "200", "--sources", "3"],
        &["options", "--transport", "tcp", "--saturate", "--pipelined", "8"],
        &["message", "--rate", "200", "--users", "8"],
        &["message", "--rate", "200", "--users", "8", "--trusted", "--transport", "tcp", "--sources", "2"],
        &["register", "--rate", "200", "--users", "8"],
        &["register", "--rate", "0", "--users", "8", "--transport", "tcp"],
    ];
    for row in rows {
        let outcome = load(&[row, &SHORT, &["--json"]].concat());
        let report = json(&outcome);
        assert_eq!(outcome.code, 0, "{row:?}: {}{}", outcome.out, outcome.err);
        let number = |path: &str| report.pointer(path).and_then(Value::as_f64).unwrap();
        assert_eq!(report["load"], row[0]);
        assert_eq!(report["own_server"], true);
        assert_eq!(report["errors"], serde_json::json!({}));
        assert_eq!(number("/answered"), number("/operations"), "{row:?}");
        if report["pacing"] == "open" {
            // 0.5 s of 200/s, to the operation: the schedule is not what the server makes of it.
            assert_eq!(number("/operations"), 100.0, "{row:?}");
            assert_eq!(number("/rate_asked"), 200.0);
        } else {
            assert_eq!(number("/window"), 32.0);
            assert!(number("/operations") > 100.0, "{row:?}");
        }
        let latency = ["p50", "p90", "p99", "p99_9", "max"]
            .map(|name| number(&format!("/latency_ms/{name}")));
        assert!(latency[0] > 0.0 && latency.is_sorted(), "{latency:?}");
        assert!(number("/server/cpu_us_per_operation") > 0.0, "{row:?}");
        assert!(number("/server/memory_after/rss_kib") > 1000.0, "{row:?}");
        if row[0] == "message" {
            assert_eq!(number("/figures/delivered"), number("/answered"));
        }
    }
}

#[test]
fn each_load_of_handsets_against_its_own_server() {
    #[rustfmt::skip]
    let rows: [&[&str]; 4] = [
        &["imps-poll", "--rate", "200", "--handsets", "8"],
        &["imps-poll", "--saturate", "--handsets", "4"],
        &["imps-message", "--rate", "40", "--handsets", "8"],
        &["imps-session", "--sessions", "50"],
    ];
    for row in rows {
        let outcome = load(&[row, &SHORT, &["--json"]].concat());
        let report = json(&outcome);
        assert_eq!(outcome.code, 0, "{row:?}: {}{}", outcome.out, outcome.err);
        let number = |path: &str| report.pointer(path).and_then(Value::as_f64).unwrap();
        assert_eq!(report["load"], row[0]);
        assert_eq!(report["transport"], "http");
        assert_eq!(number("/answered"), number("/operations"), "{row:?}");
        assert!(number("/answered") >= 20.0, "{row:?}");
        assert!(number("/server/cpu_us_per_operation") > 0.0, "{row:?}");
        if row[0] == "imps-session" {
            assert_eq!(number("/figures/sessions"), number("/answered"));
            assert!(report["figures"]["memory_bytes_per_session"].is_number());
        }
    }
}

#[test]
fn a_text_and_charts_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let charts = folder.path().join("charts");
    let out = ["--out", charts.to_str().unwrap()];
    let outcome = load(&[&["options", "--rate", "100"][..], &SHORT, &out].concat());
    assert_eq!(outcome.code, 0, "{}{}", outcome.out, outcome.err);
    assert!(outcome.out.starts_with("options over udp to 127.0.0.1:"));
    assert!(outcome.out.contains("server CPU"), "{}", outcome.out);
    let mut names: Vec<_> = fs::read_dir(&charts)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let want = ["cpu", "latency", "percentiles", "rate"].map(|name| format!("options-{name}.svg"));
    assert_eq!(names, want);
}

/// Somebody at a socket who does with each connection as told, for the rest of the test.
fn serve(with: impl Fn(std::net::TcpStream) + Send + Copy + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || with(stream.unwrap()));
        }
    });
    at
}

/// Somebody who answers every datagram with nonsense.
fn babbler() -> String {
    let babbler = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = babbler.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((_, from)) = babbler.recv_from(&mut buffer) {
            let _gone = babbler.send_to(b"\xff\xfe nonsense \r\n\r\n", from);
        }
    });
    at
}

#[test]
fn a_dead_or_mad_target_is_counted_and_ends() {
    let nobody = {
        let gone = TcpListener::bind("127.0.0.1:0").unwrap();
        gone.local_addr().unwrap().to_string()
    };
    // Never read: all that is sent to it vanishes.
    let hole = UdpSocket::bind("127.0.0.1:0").unwrap();
    let hole_at = hole.local_addr().unwrap().to_string();
    let babbler = babbler();
    let silent = serve(|mut stream| {
        let _read = stream.read_to_end(&mut Vec::new());
    });
    let garbage = serve(|mut stream| {
        let _gone = stream.write_all(&[b'x'; 200_000]);
        let _read = stream.read_to_end(&mut Vec::new());
    });
    // It promises more than anybody may send, and hangs up at once.
    let boaster = serve(|mut stream| {
        let _gone = stream.write_all(b"SIP/2.0 200 OK\r\nl: 99999999999\r\n\r\n");
    });
    let hangs_up = serve(|mut stream| {
        let _read = stream.read(&mut [0; 100]);
    });
    #[rustfmt::skip]
    let rows: [(&str, &str, &str, &str); 12] = [
        ("options", &nobody, "udp", "time-out"),
        ("options", &nobody, "tcp", "connection lost"),
        ("register", &hole_at, "udp", "time-out"),
        ("message", &hole_at, "udp", "time-out"),
        ("options", &babbler, "udp", "malformed answer"),
        ("options", &silent, "tcp", "time-out"),
        ("options", &garbage, "tcp", "malformed answer"),
        ("register", &boaster, "tcp", "malformed answer"),
        ("message", &hangs_up, "tcp", "connection lost"),
        ("imps-poll", &nobody, "tcp", "connection lost"),
        ("imps-message", &garbage, "tcp", "malformed answer"),
        ("imps-poll", &hangs_up, "tcp", "connection lost"),
    ];
    let quick = ["--for", "0.3", "--warm-up", "0", "--grace", "0.7", "--json"];
    thread::scope(|scope| {
        for (what, target, transport, want) in rows {
            scope.spawn(move || {
                let how = [
                    what,
                    "--target",
                    target,
                    "--transport",
                    transport,
                    "--rate",
                    "100",
                ];
                let outcome = load(&[&how[..], &quick].concat());
                let report = json(&outcome);
                assert_eq!(outcome.code, 1, "{how:?}: {}", outcome.out);
                assert_eq!(report["answered"], 0, "{how:?}");
                assert!(
                    report["errors"][want].as_u64() > Some(0),
                    "{how:?}: {}",
                    outcome.out
                );
                assert!(
                    report["failed"].as_u64() >= report["operations"].as_u64(),
                    "{how:?}"
                );
            });
        }
    });
}

#[test]
fn what_cannot_be_is_said() {
    #[rustfmt::skip]
    let rows: [(&[&str], i32, &str); 6] = [
        (&["options", "--target", "192.0.2.1:5060"], 1, "--i-may-load 192.0.2.1"),
        (&["options", "--target", "127.0.0.1"], 1, "there is no port"),
        (&["options", "--rate=-1"], 2, "--rate"),
        (&["options", "--set", "sip.nonsense=1"], 1, "sip.nonsense"),
        (&["options", "--target", "127.0.0.1:9", "--pid", "4294967295"], 1, "no process"),
        (&["message", "--users", "1"], 1, "somebody has to listen"),
    ];
    for (arguments, code, why) in rows {
        let outcome = load(arguments);
        assert_eq!(outcome.code, code, "{arguments:?}: {}", outcome.err);
        assert!(outcome.err.contains(why), "{arguments:?}: {}", outcome.err);
    }
}
