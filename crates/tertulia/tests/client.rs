//! chat, send and watch against a server of the same binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod lab;

use lab::{run, serve, watch};

#[test]
fn a_message_is_sent_and_the_exit_code_says_what_became_of_it() {
    let server = serve();
    let mut bob = watch(&[
        "--as",
        "bob",
        "--server",
        &server.tcp,
        "--auto-accept",
        "--until",
        "message",
    ]);
    bob.says("event", "registered");
    let send = |more: &[&str]| {
        let output = run(&[&["send", "--server", &server.tcp], more].concat(), "");
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    assert_eq!(send(&["bob", "--", "Hello", "Bob"]), (0, String::new()));
    let message = bob.says("event", "message");
    assert_eq!(message["text"], "Hello Bob");
    assert_eq!(message["from"], "sip:alice@localhost");
    assert_eq!(bob.code(), 0);
    #[rustfmt::skip]
    let table: [(&[&str], i32, &str); 6] = [
        (&["--as", "alice", "--password", "wrong", "bob", "--", "x"], 6, "error: alice is not known"),
        (&["--max-group", "1", "bob", "carol", "--", "x"], 2, "error: 2 people are too many for one conference: the most is 1"),
        (&["--factory", "no-factory", "bob", "--", "x"], 3, "error: "),
        (&["nobody", "--", "x"], 4, "error: 404 Not Found"),
        (&["no one", "--", "x"], 2, "error: cannot go on"),
        (&["--domain", "elsewhere", "bob", "--", "x"], 2, "error: no password"),
    ];
    for (arguments, code, says) in table {
        let (got, err) = send(arguments);
        assert_eq!(got, code, "{arguments:?}: {err}");
        assert!(err.starts_with(says), "{arguments:?}: {err}");
    }
    let nowhere = run(&["send", "--server", "127.0.0.1:1", "bob", "--", "x"], "");
    assert_eq!(nowhere.status.code(), Some(5));
    let usage = run(&["send", "bob"], "");
    assert_eq!(usage.status.code(), Some(2));
}

#[test]
fn a_script_drives_a_conversation() {
    let server = serve();
    let mut bob = watch(&["--as", "bob", "--server", &server.udp, "--transport", "udp"]);
    bob.says("event", "registered");
    let mut alice = watch(&[
        "--as",
        "alice",
        "--server",
        &server.tcp,
        "--display",
        "Alice A",
    ]);
    alice.says("event", "registered");
    alice.tell("create bob\nwait media_up\n");
    assert_eq!(alice.says("command", "create")["session"], 1);
    let invited = bob.says("event", "invited");
    assert_eq!(
        (&invited["from"], &invited["is_focus"]),
        (&"sip:alice@localhost".into(), &true.into())
    );
    bob.tell("accept\nwait media_up\n");
    assert_eq!(bob.says("command", "accept")["ok"], true);
    bob.says("command", "wait");
    assert_eq!(alice.says("command", "wait")["ok"], true);
    alice.tell("say 1 Hello\nmodify 1\n");
    let message = bob.says("event", "message");
    assert_eq!(
        (&message["text"], &message["display"]),
        (&"Hello".into(), &"Alice A".into())
    );
    assert_eq!(alice.says("command", "say")["ok"], true);
    assert_eq!(alice.says("command", "modify")["ok"], true);
    bob.tell("to 1 alice Psst\nsay 7 x\nnonsense\n");
    assert_eq!(alice.says("event", "message")["text"], "Psst");
    assert_eq!(bob.says("command", "to")["ok"], true);
    assert_eq!(bob.says("command", "say")["failure"], "no_such_session");
    assert_eq!(bob.says("command", "nonsense")["ok"], false);
    alice.tell("leave 1\nwait session_ended\nwait never 1\nquit\n");
    assert_eq!(alice.says("event", "session_ended")["why"], "we left");
    assert_eq!(alice.code(), 5, "the event that never comes");
    bob.tell("leave 1\nquit\n");
    assert_eq!(bob.code(), 0);
}

#[test]
fn two_people_chat() {
    let server = serve();
    let mut bob = watch(&["--as", "bob", "--server", &server.tcp, "--auto-accept"]);
    bob.says("event", "registered");
    // With and without a conference between them.
    for direct in [false, true] {
        let mut arguments = vec!["chat", "--as", "alice", "--server", &server.tcp, "bob"];
        arguments.extend(direct.then_some("--direct"));
        let chat = run(&arguments, "one\ntwo\n");
        let out = String::from_utf8(chat.stdout).unwrap();
        assert_eq!(chat.status.code(), Some(0), "{out}");
        assert!(out.contains("* connected"), "{out}");
        assert_eq!(bob.says("event", "message")["text"], "one");
        assert_eq!(bob.says("event", "message")["text"], "two");
    }
}
