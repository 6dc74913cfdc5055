//! The conference loads of `tertulia load` against its own server, and against none.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::net::UdpSocket;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Short, and with news about who is there that are not held back for seconds.
const SHORT: [&str; 7] = ["--for", "0.5", "--warm-up", "0.2", "--grace", "3", "--json"];
const AT_ONCE: [&str; 2] = ["--set", "notify.min_interval_ms=50"];

fn load(arguments: &[&str]) -> (i32, Value, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tertulia"))
        .arg("load")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap(), report, said)
}

/// A load of ours against its own server, which has to go well.
fn sound(arguments: &[&str]) -> Value {
    let (code, report, said) = load(&[arguments, &SHORT, &AT_ONCE].concat());
    assert_eq!(code, 0, "{arguments:?}: {report:#} {said}");
    assert_eq!(report["load"], arguments[0]);
    assert_eq!(report["errors"], json!({}), "{arguments:?}");
    assert_eq!(report["answered"], report["operations"], "{arguments:?}");
    report
}

fn number(report: &Value, path: &str) -> f64 {
    let found = report.pointer(path).and_then(Value::as_f64);
    found.unwrap_or_else(|| panic!("no {path} in {report:#}"))
}

#[test]
fn conferences_are_set_up() {
    let rows: [&[&str]; 3] = [
        &["setup", "--rate", "10", "--trusted", "--sources", "2"],
        &[
            "setup",
            "--rate",
            "10",
            "--invitees",
            "1",
            "--transport",
            "tcp",
        ],
        &["setup", "--rate", "10", "--bare"],
    ];
    for row in rows {
        let report = sound(row);
        // 0.5 s of 10/s.
        assert_eq!(number(&report, "/operations"), 5.0, "{row:?}");
        assert!(number(&report, "/latency_ms/p50") > 0.0);
        // Who has accepted may subscribe at once.
        assert_eq!(number(&report, "/figures/subscribed_too_early"), 0.0);
        assert!(number(&report, "/server/cpu_us_per_operation") > 0.0);
    }
}

#[test]
fn what_is_said_reaches_all() {
    let report = sound(&["fanout", "--members", "5", "--messages-per-second", "100"]);
    // 0.5 s of 100/s, each to 4 others.
    assert_eq!(number(&report, "/operations"), 200.0);
    assert!(number(&report, "/figures/cpu_us_per_delivery") > 0.0);
    assert!(number(&report, "/latency_ms/p50") > 0.0);
}

#[test]
fn messages_in_many_chunks_count_once() {
    let large = ["--bytes", "100000", "--rate", "20", "--trusted", "--bare"];
    let report = sound(&[&["fanout", "--members", "3"][..], &large].concat());
    assert_eq!(number(&report, "/operations"), 20.0);
}

#[test]
fn a_baseline_is_driven_alike() {
    let more = [
        "--load",
        "0.2",
        "--baseline",
        "--trusted",
        "--senders",
        "3",
        "--pipelined",
        "2",
    ];
    let report = sound(&[&["fanout", "--members", "5"][..], &more].concat());
    for figure in [
        "saturation_per_second",
        "saturation_cpu_us_per_delivery",
        "cpu_us_per_delivery",
        "baseline_saturation_per_second",
        "baseline_per_second",
        "baseline_cpu_us_per_delivery",
        "cpu_ratio",
        "p99_ratio",
    ] {
        assert!(
            number(&report, &format!("/figures/{figure}")) > 0.0,
            "{figure}"
        );
    }
    assert_eq!(number(&report, "/figures/baseline_failed"), 0.0);
}

#[test]
fn participants_are_held() {
    let report = sound(&[
        "idle",
        "--participants",
        "12",
        "--room-size",
        "5",
        "--trusted",
    ]);
    // 5, 5 and 2.
    assert_eq!(number(&report, "/operations"), 3.0);
    assert!(number(&report, "/figures/memory_bytes_per_participant") > 0.0);
    assert!(number(&report, "/figures/idle_cpu_ms_per_second") >= 0.0);
}

#[test]
fn a_storm_blows_over() {
    let report = sound(&["storm", "--members", "20", "--trusted"]);
    assert_eq!(number(&report, "/operations"), 20.0);
    assert!(number(&report, "/figures/notices_per_member") >= 1.0);
    let mean = number(&report, "/figures/notice_bytes_per_second");
    assert!(number(&report, "/figures/notice_bytes_per_second_peak") >= mean);
}

#[test]
fn a_dead_server_is_an_error_and_an_end() {
    // Somebody who never answers.
    let hole = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = hole.local_addr().unwrap().to_string();
    for what in ["setup", "fanout", "idle", "storm"] {
        let (code, _, said) = load(&[what, "--target", &at, "--grace", "0.3", "--for", "0.1"]);
        assert_eq!(code, 1, "{what}: {said}");
        assert!(
            said.contains("users could not be registered"),
            "{what}: {said}"
        );
    }
    let (code, _, said) = load(&["setup", "--transport", "tcp", "--target", "127.0.0.1:1"]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("cannot speak SIP to 127.0.0.1:1"), "{said}");
}

#[test]
fn a_refusal_is_counted_by_its_status() {
    let (code, report, said) = load(
        &[
            &["setup", "--rate", "10", "--factory", "nobody", "--trusted"][..],
            &SHORT,
        ]
        .concat(),
    );
    assert_eq!(code, 1, "{report:#} {said}");
    assert_eq!(report["answered"], 0);
    assert_eq!(report["errors"], json!({ "status 404": 5 }));
}
