//! chat, send and watch over IMPS against a server of the same binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod lab;

use lab::{Client, Server, client, run, serve, watch};
use serde_json::{Value, json};

/// A `watch --json` of this user, which has logged in. `more` makes it one handset or another.
fn handset(server: &Server, user: &str, more: &[&str]) -> Client {
    let own = ["--imps", "--server", &server.http, "--as", user];
    let mut handset = watch(&[&own, more].concat());
    handset.says("event", "online");
    handset
}

/// The exit code of a `send`, and what it says to standard error.
fn send(more: &[&str]) -> (i32, String) {
    let output = run(&[&["send", "--imps"], more].concat(), "");
    let err = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), err)
}

#[test]
fn a_message_is_sent_and_the_exit_code_says_what_became_of_it() {
    let server = serve();
    let at = ["--server", server.http.as_str()];
    let say = |more: &[&str]| send(&[&at, more].concat());
    // It waits for bob at the server, however it was written.
    let nothing = String::new();
    assert_eq!(say(&["bob", "--", "Hello", "Bob"]), (0, nothing.clone()));
    assert_eq!(say(&["--xml", "bob", "--", "again"]), (0, nothing.clone()));
    let old = ["--version", "1.1", "--login", "2way", "bob", "--", "old"];
    assert_eq!(say(&old), (0, nothing.clone()));
    let mut bob = handset(&server, "bob", &["--cir", "poll", "--poll", "1"]);
    for text in ["Hello Bob", "again", "old"] {
        let message = bob.says("event", "message");
        assert_eq!(message["text"], text);
        assert_eq!(message["from"], "wv:alice@localhost");
    }
    // It was delivered, or was not in time.
    let report = ["--report", "--wait", "60", "bob", "--", "now"];
    assert_eq!(say(&report), (0, nothing.clone()));
    assert_eq!(bob.says("event", "message")["text"], "now");
    let (code, err) = say(&["--report", "--wait", "1", "carol", "--", "soon"]);
    assert_eq!(
        (code, err.as_str()),
        (
            4,
            "error: nobody has taken it; it waits for them at the server\n"
        )
    );
    // In a group it is said by one who has joined.
    bob.asks("join /lobby");
    assert_eq!(say(&["/lobby", "--", "all"]), (0, nothing));
    let message = bob.says("event", "message");
    assert_eq!(
        (&message["text"], &message["group"]),
        (&json!("all"), &json!("wv:/lobby@localhost"))
    );
}

#[test]
fn what_goes_wrong_is_said_with_its_code() {
    let server = serve();
    let at = server.http.as_str();
    #[rustfmt::skip]
    let table: [(&[&str], i32, &str, &str); 9] = [
        (&["--server", at, "nobody", "--", "x"], 3,
         "error: 531 Unknown user: wv:nobody@localhost is nobody here", "help: check the name"),
        (&["--server", at, "bob@away.example", "--", "x"], 3,
         "error: 516 Domain not supported", "help: check the domain"),
        (&["--server", at, "/nowhere", "--", "x"], 3,
         "error: 800 Group does not exist", "help: check its name"),
        (&["--server", at, "--password", "wrong", "bob", "--", "x"], 6,
         "error: wv:alice@localhost is not known to the server with this password (409", "help: check --as"),
        (&["--server", at, "--login", "2way", "--password", "wrong", "bob", "--", "x"], 6,
         "error: wv:alice@localhost is not known", "help: check --as"),
        (&["--server", at, "--path", "/elsewhere", "bob", "--", "x"], 3,
         "error: the server answers 404", "help: check that --server and --path"),
        (&["--server", &server.tcp, "bob", "--", "x"], 5,
         "error: no answer from the server", "help: check that the server runs"),
        (&["--server", "127.0.0.1:1", "bob", "--", "x"], 5,
         "error: no answer from the server", "help: check that the server runs"),
        (&["--server", at, "--domain", "away.example", "bob", "--", "x"], 2,
         "error: no password", ""),
    ];
    for (arguments, code, error, help) in table {
        let (got, err) = send(arguments);
        assert_eq!(got, code, "{arguments:?}: {err}");
        assert!(err.starts_with(error), "{arguments:?}: {err}");
        assert!(err.contains(help), "{arguments:?}: {err}");
    }
}

#[test]
fn an_option_of_the_other_face_is_refused() {
    #[rustfmt::skip]
    let table: [(&[&str], &str); 8] = [
        (&["send", "--imps", "--transport", "udp", "bob", "--", "x"], "--transport"),
        (&["send", "--imps", "--anonymous", "bob", "--", "x"], "--anonymous"),
        (&["chat", "--imps", "--direct", "bob"], "--direct"),
        (&["send", "--cir", "poll", "bob", "--", "x"], "--imps"),
        (&["send", "--report", "bob", "--", "x"], "--imps"),
        (&["watch", "--legacy"], "--imps"),
        (&["watch", "--imps", "--xml", "--wbxml"], "--wbxml"),
        (&["watch", "--imps", "--version", "2.0"], "1.3"),
    ];
    for (arguments, names) in table {
        let output = run(arguments, "");
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {err}");
        assert!(err.contains(names), "{arguments:?}: {err}");
    }
}

/// The group in which an extended conversation goes on, as an event names it.
fn group_of(event: &Value) -> String {
    event["group"].as_str().unwrap().to_owned()
}

#[test]
fn a_conversation_goes_on_with_whoever_can() {
    let server = serve();
    let asks = ["--auto-accept", "--xml", "--cir", "http", "--poll", "1"];
    let mut bob = handset(&server, "bob", &asks);
    let mut carol = handset(&server, "carol", &["--auto-accept", "--cir", "udp"]);
    let old = ["--auto-accept", "--legacy", "--no-notices"];
    let mut dave = handset(&server, "dave", &old);
    let mut alice = handset(&server, "alice", &[]);
    assert_eq!(alice.asks("say bob Hi")["ok"], true);
    assert_eq!(bob.says("event", "message")["text"], "Hi");
    let id = alice.asks("extend bob carol dave")["id"].clone();
    let extended = alice.says("event", "extended");
    let group = group_of(&extended);
    // IMPS-9.1.11-S36: dave's client has no words for what goes on in a group.
    assert_eq!(
        (&extended["id"], &extended["left_out"]),
        (&id, &json!([["wv:dave@localhost", 546]]))
    );
    for (one, members) in [(&mut bob, 2), (&mut carol, 3)] {
        let extending = one.says("event", "extending");
        assert_eq!(group_of(&extending), group);
        let joined = one.says("event", "joined");
        assert_eq!(joined["members"].as_array().unwrap().len(), members);
    }
    // What is said to bob goes to the group from both sides.
    alice.tell("say bob all of you\n");
    for one in [&mut bob, &mut carol] {
        let message = one.says("event", "message");
        assert_eq!(
            (&message["text"], group_of(&message)),
            (&json!("all of you"), group.clone())
        );
    }
    bob.tell("say alice me too\n");
    assert_eq!(carol.says("event", "message")["text"], "me too");
    let members = alice.asks(&format!("members {group}"));
    assert_eq!(members["members"].as_array().unwrap().len(), 3);
    let whisper = alice.asks(&format!("whisper {group} bob psst"));
    assert_eq!(
        (&whisper["ok"], &whisper["code"]),
        (&json!(false), &json!(812))
    );
    // IMPS-9.1.11-S15: with dave it does not go on anywhere.
    let refused = alice.asks("extend dave carol");
    assert_eq!(
        (&refused["failure"], &refused["code"]),
        (&json!("refused"), &json!(546))
    );
    assert!(refused["advice"].as_str().unwrap().contains("group"));
    // IMPS-9.1.11-S41: and dave knows that before asking.
    assert_eq!(dave.asks("extend alice bob")["failure"], "not_agreed");
    dave.tell("say alice still here\n");
    let message = alice.says("event", "message");
    assert_eq!(
        (&message["text"], &message["group"]),
        (&json!("still here"), &Value::Null)
    );
    alice.tell("quit\n");
    assert_eq!(alice.code(), 0);
    let left = bob.finds("who has left", |line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["left"].get(0).cloned()
    });
    assert_eq!(left["screen_name"], "alice");
}

#[test]
fn a_script_works_groups_and_invitations() {
    let server = serve();
    let mut alice = handset(&server, "alice", &["--display", "Ann"]);
    let mut bob = handset(&server, "bob", &["--delivery", "notify", "--xml"]);
    let made = alice.asks("create alice/club Accesstype=Open RequireInvitation=T Name=Club");
    assert_eq!(made["ok"], true, "{made}");
    let again = alice.asks("create alice/club");
    assert_eq!(
        (&again["code"], again["ok"].as_bool()),
        (&json!(801), Some(false))
    );
    assert_eq!(bob.asks("join alice/club")["code"], 816);
    assert_eq!(alice.asks("invite alice/club bob")["ok"], true);
    let invited = bob.says("event", "invited");
    assert_eq!(
        (&invited["kind"], &invited["from"]),
        (&json!("GR"), &json!("wv:alice@localhost"))
    );
    assert_eq!(bob.asks("accept")["ok"], true);
    assert_eq!(alice.says("event", "invite_answered")["accepted"], true);
    assert_eq!(
        alice.says("event", "group_changed")["joined"][0]["screen_name"],
        "bob"
    );
    assert_eq!(bob.asks("accept")["failure"], "no_invitation");
    bob.tell("send alice/club hello\n");
    assert_eq!(alice.says("event", "message")["screen_name"], "bob");
    assert_eq!(bob.asks("leave alice/club")["ok"], true);
    assert_eq!(alice.asks("delete alice/club")["ok"], true);
    // A message is announced, and fetched by the agent.
    alice.tell("send bob look\n");
    assert_eq!(bob.says("event", "message_waiting")["size"], 4);
    assert_eq!(bob.says("event", "message")["text"], "look");
    assert_eq!(alice.says("event", "delivered")["code"], 200);
    assert_eq!(bob.asks("messages")["messages"], json!([]));
    assert_eq!(bob.asks("get nothing")["code"], 426);
    assert_eq!(
        alice.asks("discover")["versions"],
        json!(["1.1", "1.2", "1.3"])
    );
    for wrong in [
        "say bob",
        "extend bob",
        "join",
        "whisper /lobby",
        "get",
        "search x",
        "nonsense",
    ] {
        let answer = alice.asks(wrong);
        assert_eq!(
            (&answer["ok"], &answer["failure"]),
            (&json!(false), &json!("usage"))
        );
    }
    assert_eq!(alice.asks("logout")["ok"], true);
    assert_eq!(alice.asks("say bob x")["failure"], "not_logged_in");
    assert_eq!(alice.asks("login")["ok"], true);
    alice.tell("wait never 1\nquit\n");
    assert_eq!(alice.code(), 5, "the event that never comes");
}

#[test]
fn people_chat_and_go_on_with_others() {
    let server = serve();
    let at = ["--imps", "--server", server.http.as_str()];
    let chat = |more: &[&str]| client(&[&["chat"], &at[..], more].concat());
    let mut bob = chat(&["--as", "bob"]);
    bob.writes("waiting");
    let mut carol = chat(&["--as", "carol", "--auto-accept"]);
    carol.writes("waiting");
    let mut alice = chat(&["bob"]);
    alice.tell("hi\n");
    assert_eq!(bob.writes("hi"), "alice: hi");
    bob.tell("hello\n");
    assert_eq!(alice.writes("hello"), "bob: hello");
    // What is typed while it is not known waits.
    alice.tell("/extend carol\nall of you\n");
    bob.writes("/accept 1");
    bob.tell("/accept\n");
    assert_eq!(bob.writes("all of you"), "alice: all of you");
    carol.writes("you are in");
    alice.writes("carol joined");
    alice.tell("/who\n");
    for name in ["alice", "bob", "carol"] {
        assert_eq!(alice.writes(name), format!("  {name}"));
    }
    bob.tell("me too\n");
    assert_eq!(carol.writes("me too"), "bob: me too");
    assert_eq!(alice.writes("me too"), "bob: me too");
    alice.tell("/leave\nonly bob\n");
    bob.writes("alice left");
    let alone = bob.writes("only bob");
    assert_eq!(alone, "alice: only bob");
    alice.tell("/join lobby Ann\n/join lobby\n/accept 9\n/nonsense\n/talk nobody\nx\n");
    alice.writes("you are in /lobby: Ann (alice)");
    alice.writes("807 Group already joined");
    alice.writes("there is no such invitation");
    alice.writes("there is no such command");
    alice.writes("531 Unknown user");
    alice.writes("check the name");
    alice.hang_up();
    assert_eq!(alice.code(), 0);
}
