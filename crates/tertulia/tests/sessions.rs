//! Sessions that a client goes into and comes back to, against a server of the same binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod lab;

use std::cell::RefCell;
use std::fs;

use lab::{Client, client, run, serve, watch};

const FRIENDS: &str = "sip:friends@localhost";

/// Waits until each of these texts has come, in any order.
fn all_come(one: &mut Client, texts: &[&str]) {
    let missing = RefCell::new(texts.to_vec());
    one.finds(&texts.join(" and "), |line| {
        let mut missing = missing.borrow_mut();
        missing.retain(|text| !line.contains(text));
        missing.is_empty().then_some(())
    });
}

/// IM-7.1.1.9-S1, IM-7.1.1.9-S1a: what one process was in, the next comes back to, if it was told
/// where that is kept.
#[test]
fn a_session_is_come_back_to_after_a_restart() {
    let server = serve();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alice.json");
    let file = file.to_str().unwrap();
    let mut bob = watch(&["--as", "bob", "--server", &server.tcp, "--auto-accept"]);
    bob.says("event", "registered");
    let mut carol = watch(&["--as", "carol", "--server", &server.tcp, "--auto-accept"]);
    carol.says("event", "registered");
    let alice = ["--as", "alice", "--server", &server.tcp, "--sessions", file];
    let mut first = watch(&alice);
    first.says("event", "registered");
    first.tell("create bob carol\n");
    let identity = first.says("event", "established")["identity"].clone();
    assert_eq!(
        first.says("event", "known")["sessions"][0]["identity"],
        identity
    );
    first.says("event", "media_up");
    // Two stay, so that there is something to come back to.
    bob.says("event", "media_up");
    carol.says("event", "media_up");
    // It ends without a word to anybody.
    first.kill();

    let mut second = watch(&alice);
    second.says("event", "registered");
    let known = second.asks("known");
    assert_eq!(known["sessions"][0]["identity"], identity, "{known}");
    let identity = identity.as_str().unwrap().to_owned();
    assert_eq!(second.asks(&format!("rejoin {identity}"))["ok"], true);
    let session = second.says("event", "media_up")["session"].clone();
    second.tell(&format!("say {session} back again\n"));
    assert_eq!(bob.says("event", "message")["text"], "back again");
    second.tell("quit\n");
    assert_eq!(second.code(), 0);

    // Without the file nothing is known, and nothing is sent.
    let mut third = watch(&alice[..4]);
    third.says("event", "registered");
    let refused = third.asks(&format!("rejoin {identity}"));
    assert_eq!(refused["failure"], "unknown_session", "IM-7.1.1.9-S1a");
    let chat = ["chat", "--as", "alice", "--server", &server.tcp];
    let back = run(&[&chat[..], &["--rejoin", &identity]].concat(), "");
    assert_eq!(back.status.code(), Some(7), "IM-7.1.1.9-S1a");
    let says = String::from_utf8(back.stderr).unwrap();
    assert!(
        says.contains("is no session that can be rejoined"),
        "{says}"
    );
}

/// IM-7.1.1.9-S1: a file that is damaged is told of, and not written over.
#[test]
fn a_damaged_file_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alice.json");
    fs::write(&file, "{\"version\":1,\"us").unwrap();
    let path = file.to_str().unwrap();
    let output = run(
        &["watch", "--server", "127.0.0.1:1", "--sessions", path],
        "",
    );
    assert_eq!(output.status.code(), Some(2));
    let says = String::from_utf8(output.stderr).unwrap();
    assert!(says.contains("it is no file of sessions"), "{says}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "{\"version\":1,\"us");
    let imps = run(&["watch", "--imps", "--sessions", path], "");
    assert_eq!(imps.status.code(), Some(2), "it is of SIP alone");
}

/// What a person types, and what a script does.
#[test]
fn groups_are_joined() {
    let server = serve();
    let mut bob = watch(&["--as", "bob", "--server", &server.tcp, "--auto-accept"]);
    bob.says("event", "registered");
    let mut alice = client(&["chat", "--as", "alice", "--server", &server.tcp]);
    alice.writes("waiting for an invitation");
    alice.tell("/join friends\n");
    alice.writes("* connected to sip:");
    alice.tell("/sessions\n/join lobby\n");
    alice.writes("  sip:");
    alice.writes("/leave it first");
    alice.tell("/leave\n");
    alice.writes("* over: we left");
    alice.tell("/rejoin\n");
    alice.writes("* connected to sip:");
    alice.tell("/quit\n");
    assert_eq!(alice.code(), 0);

    let joined = bob.asks(&format!("join {FRIENDS}"));
    assert_eq!(joined["ok"], true, "{joined}");
    let session = joined["session"].clone();
    bob.finds("media_up", |line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        (line["event"] == "media_up" && line["session"] == session).then_some(())
    });
    let away = bob.asks("join nobodys-group");
    assert_eq!(away["ok"], true, "{away}");
    assert_eq!(bob.says("event", "refused")["status"], 404);
    // What a command cannot do is said by name.
    for (command, failure) in [
        ("invite 99 carol", "no_such_session"),
        ("refer x carol", "no_such_session"),
        ("remove 99 carol", "no_such_session"),
        ("extend 99 carol", "no_such_session"),
        ("rejoin sip:x@localhost", "unknown_session"),
        ("join a b", "malformed"),
    ] {
        assert_eq!(bob.asks(command)["failure"], failure, "{command}");
    }
    assert_eq!(
        bob.asks(&format!("invite {session}"))["failure"],
        "no_guests"
    );
}

/// IM-7.1.1.7-S1, -S2: people come into a running conference, and somebody is let go.
#[test]
fn a_conference_grows_and_shrinks() {
    let server = serve();
    let start = |name| {
        let mut one = watch(&["--as", name, "--server", &server.tcp, "--auto-accept"]);
        one.says("event", "registered");
        one
    };
    let (mut alice, mut bob) = (start("alice"), start("bob"));
    let (mut carol, mut dave) = (start("carol"), start("dave"));
    alice.tell("create bob\n");
    let session = alice.says("event", "media_up")["session"].clone();
    bob.says("event", "media_up");
    let added = alice.asks(&format!("invite {session} carol dave"));
    assert_eq!(added["ok"], true, "{added}");
    for one in [&mut carol, &mut dave] {
        assert_eq!(one.says("event", "invited")["from"], "sip:alice@localhost");
        one.says("event", "media_up");
    }
    let removed = alice.asks(&format!("remove {session} carol"));
    assert_eq!(removed["ok"], true, "{removed}");
    carol.says("event", "session_ended");
    let added = alice.asks(&format!("refer {session} erin"));
    assert_eq!(added["ok"], true, "{added}");
}

/// IM-7.1.1.6-S3, IM-7.1.1.6-S8: from a session of two into a conference, with a server between
/// them and without. Nobody is asked twice, and nobody has left.
#[test]
fn a_session_of_two_is_extended() {
    let server = serve();
    for command in ["direct bob", "create bob"] {
        let start = |name| {
            let mut one = watch(&["--as", name, "--server", &server.tcp, "--auto-accept"]);
            one.says("event", "registered");
            one
        };
        let (mut alice, mut bob, mut carol) = (start("alice"), start("bob"), start("carol"));
        alice.tell(&format!("{command}\n"));
        let old = alice.says("event", "media_up")["session"].clone();
        bob.says("event", "media_up");
        let extended = alice.asks(&format!("extend {old} carol"));
        assert_eq!(extended["ok"], true, "{extended}");
        let new = extended["session"].clone();
        let invited = bob.says("event", "invited");
        assert_eq!(invited["replaces"], 1, "{command}: {invited}");
        assert_eq!(bob.says("event", "replaced")["by"], invited["session"]);
        assert_eq!(bob.says("event", "session_ended")["session"], 1);
        let replaced = format!("\"by\":{new},\"event\":\"replaced\",\"session\":{old}");
        let joined = "\"entity\":\"sip:carol@localhost\",\"event\":\"joined\"";
        all_come(&mut alice, &[&replaced, joined]);
        alice.tell(&format!("say {new} all three\n"));
        for one in [&mut bob, &mut carol] {
            assert_eq!(one.says("event", "message")["text"], "all three");
        }
        for one in [&mut alice, &mut bob, &mut carol] {
            one.tell("quit\n");
            assert_eq!(one.code(), 0);
        }
    }
}

/// The same for a person.
#[test]
fn a_person_goes_on_with_more_people() {
    let server = serve();
    let mut bob = watch(&["--as", "bob", "--server", &server.tcp, "--auto-accept"]);
    bob.says("event", "registered");
    let mut carol = watch(&["--as", "carol", "--server", &server.tcp, "--auto-accept"]);
    carol.says("event", "registered");
    let mut alice = client(&[
        "chat",
        "--as",
        "alice",
        "--server",
        &server.tcp,
        "bob",
        "--direct",
    ]);
    alice.writes("* connected");
    alice.tell("/extend carol\n");
    all_come(
        &mut alice,
        &["* connected to sip:", "* bob joined", "* carol joined"],
    );
    alice.tell("now all three\n");
    for one in [&mut bob, &mut carol] {
        assert_eq!(one.says("event", "message")["text"], "now all three");
    }
    alice.tell("/invite dave\n/remove carol\n/extend dave\n");
    carol.says("event", "session_ended");
    alice.tell("/quit\n");
    assert_eq!(alice.code(), 0);
}
