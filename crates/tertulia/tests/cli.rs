//! The binary as people and scripts call it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Any free port for all.
const ANY_PORT: [&str; 12] = [
    "--set",
    "sip.udp=127.0.0.1:0",
    "--set",
    "sip.tcp=127.0.0.1:0",
    "--set",
    "msrp.tcp=127.0.0.1:0",
    "--set",
    "http.listen=127.0.0.1:0",
    "--set",
    "imps.cir_tcp=127.0.0.1:0",
    "--set",
    "imps.cir_udp=127.0.0.1:0",
];

struct Outcome {
    code: i32,
    out: String,
    err: String,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tertulia"));
    command.args(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str], input: &str) -> Outcome {
    let mut child = command(arguments).spawn().unwrap();
    // It may have ended without reading.
    let _unread = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// How long a test waits for what a server has to say.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that runs. Ended by force if a test forgets it or fails.
struct Running {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(&[&["serve"], arguments].concat()).spawn().unwrap();
        let out = lines(child.stdout.take().unwrap());
        let err = lines(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// Reads standard output up to a line that contains `text`.
    fn says(&mut self, text: &str) -> String {
        until(&self.out, text)
    }

    /// Reads standard error up to a line that contains `text`.
    fn logs(&mut self, text: &str) -> String {
        until(&self.err, text)
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    fn code(&mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// The lines of a stream as they come, read by a thread: a pipe cannot be waited on for a time.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (read, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            // Who no longer listens has ended the server too.
            if read.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    lines
}

/// Takes lines up to one that contains `text`; what comes later is left for the next who reads.
fn until(lines: &Receiver<String>, text: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    let mut seen = String::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = lines
            .recv_timeout(left)
            .unwrap_or_else(|why| panic!("it did not say {text} ({why}): {seen}"));
        seen.push_str(&line);
        seen.push('\n');
        if line.contains(text) {
            return seen;
        }
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_default_configuration_has_nothing_wrong() {
    let folder = folder();
    let file = folder.path().join("tertulia.toml");
    let printed = run(&["config"], "");
    assert_eq!((printed.code, printed.err.as_str()), (0, ""));
    fs::write(&file, &printed.out).unwrap();
    let checked = run(&["check", "--config", text(&file)], "");
    assert_eq!(
        (checked.code, checked.out.as_str()),
        (0, "the configuration can be used\n"),
        "{}",
        checked.err
    );
}

#[test]
fn the_guide_holds_the_default_configuration() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/OPERATOR.md");
    let guide = fs::read_to_string(guide).unwrap();
    let printed = run(&["config"], "").out;
    assert!(
        guide.contains(&printed),
        "put the output of `tertulia config` into docs/OPERATOR.md"
    );
}

/// (the file, assignments, the code, what standard output says, what standard error says)
type Row = (
    &'static str,
    &'static [&'static str],
    i32,
    &'static [&'static str],
    &'static [&'static str],
);

#[rustfmt::skip]
const CHECKS: &[Row] = &[
    ("", &[], 0, &["the configuration can be used"], &[]),
    ("[focus]\n\nring_s = 0\n", &[], 1, &[],
     &["0 is not between 1 and 3600", "tertulia.toml:3:10", "ring_s = 0", "focus.ring_s takes 1 to 3600"]),
    ("[focus]\nring = 5\n", &[], 1, &[], &["unknown field `ring`", "tertulia.toml:2:1", "ring = 5"]),
    ("ring", &[], 1, &[], &["tertulia.toml:1:"]),
    ("", &["focus.ring_s=x"], 1, &[], &["focus.ring_s cannot be x", "focus.ring_s takes 1 to 3600"]),
    ("", &["focus.ring=5"], 1, &[], &["there is no key focus.ring"]),
    ("", &["focus.ring_s=200"], 0, &["caution: focus.ring_s: ", "the configuration can be used"], &[]),
    ("", &["sip.udp=off", "sip.tcp=off"], 1, &["mistake: sip.udp: "], &["one mistake"]),
    ("", &["store.path=/no/such/folder/x", "advertise=0.0.0.0"], 1,
     &["mistake: store.path: there is no folder /no/such/folder", "mistake: advertise: "], &["2 mistakes"]),
];

#[test]
fn check_says_what_is_wrong() {
    let folder = folder();
    let file = folder.path().join("tertulia.toml");
    for (file_text, assignments, code, out, err) in CHECKS {
        fs::write(&file, file_text).unwrap();
        let mut arguments = vec!["check", "--config", text(&file)];
        arguments.extend(
            assignments
                .iter()
                .flat_map(|assignment| ["--set", assignment]),
        );
        let got = run(&arguments, "");
        assert_eq!(got.code, *code, "{arguments:?}: {}{}", got.out, got.err);
        for want in *out {
            assert!(got.out.contains(want), "{want}: {}", got.out);
        }
        for want in *err {
            assert!(got.err.contains(want), "{want}: {}", got.err);
        }
    }
    let missing = run(&["check", "--config", "/no/such/file"], "");
    assert_eq!(missing.code, 1);
    assert!(
        missing.err.contains("cannot read /no/such/file"),
        "{}",
        missing.err
    );
}

#[test]
fn users_come_change_and_go() {
    let folder = folder();
    let data = folder.path().join("new");
    let user = |arguments: &[&str], input| {
        let got = run(
            &[&["user", "--data", text(&data)], arguments].concat(),
            input,
        );
        (got.code, got.out, got.err)
    };
    let (code, _, err) = user(&["list"], "");
    assert_eq!(code, 1);
    assert!(err.contains("there is no store"), "{err}");

    let ok = |out: &str| (0, out.to_owned(), String::new());
    let add = ["add", "bob", "--password-stdin", "--display", "Bob"];
    assert_eq!(user(&add, "secret\r\n"), ok("sip:bob@localhost is added\n"));
    assert_eq!(
        user(&["add", "al", "--password", "x"], ""),
        ok("sip:al@localhost is added\n")
    );
    assert_eq!(
        user(&["disable", "al"], ""),
        ok("sip:al@localhost can no longer log in\n")
    );
    let list = "sip:al@localhost  disabled\nsip:bob@localhost  \"Bob\"\n";
    assert_eq!(user(&["list"], ""), ok(list));
    assert_eq!(
        user(&["enable", "al"], ""),
        ok("sip:al@localhost can log in\n")
    );
    assert_eq!(
        user(&["passwd", "al", "--password", "y"], ""),
        ok("sip:al@localhost has a new password\n")
    );
    assert_eq!(
        user(&["remove", "al"], ""),
        ok("sip:al@localhost is removed\n")
    );
    assert_eq!(user(&["list"], ""), ok("sip:bob@localhost  \"Bob\"\n"));

    #[rustfmt::skip]
    let refused: [(&[&str], i32, &str); 6] = [
        (&["add", "bob", "--password", "x"], 1, "bob@localhost exists already"),
        (&["add", "b b", "--password", "x"], 1, "no name for a user"),
        (&["add", "conference-factory", "--password", "x"], 1, "at which conferences are made"),
        (&["add", "carol", "--password-stdin"], 1, "a password has 1 to"),
        (&["add", "carol"], 2, "--password-stdin"),
        (&["remove", "carol"], 1, "there is no account carol@localhost"),
    ];
    for (arguments, code, why) in refused {
        let got = user(arguments, "");
        assert_eq!(got.0, code, "{arguments:?}");
        assert!(got.2.contains(why), "{}", got.2);
    }
}

#[test]
fn users_say_whom_they_let_in() {
    let folder = folder();
    let data = text(folder.path()).to_owned();
    let user = |arguments: &[&str], input| {
        let got = run(&[&["user", "--data", &data], arguments].concat(), input);
        (got.code, got.out, got.err)
    };
    let ok = |out: &str| (0, out.to_owned(), String::new());
    assert_eq!(user(&["add", "al", "--password", "x"], "").0, 0);
    assert_eq!(user(&["block", "al"], ""), ok(""));
    assert_eq!(
        user(&["block", "al", "bob", "sip:zoe@far.example"], ""),
        ok("sip:al@localhost blocks them\n")
    );
    assert_eq!(
        user(&["unblock", "al", "bob"], ""),
        ok("sip:al@localhost blocks them no more\n")
    );
    assert_eq!(user(&["block", "al"], ""), ok("sip:zoe@far.example\n"));

    let rules =
        "<ruleset xmlns='urn:ietf:params:xml:ns:common-policy'>\n  <rule id='a'/>\n</ruleset>\n";
    let file = folder.path().join("rules.xml");
    fs::write(&file, rules).unwrap();
    let told = "sip:al@localhost has these access rules\n";
    assert_eq!(user(&["rules", "al", "-"], rules), ok(told));
    assert_eq!(user(&["rules", "al", text(&file)], ""), ok(told));
    #[rustfmt::skip]
    let refused: [(&[&str], &str, i32, &str); 7] = [
        (&["rules", "al", "-"], "<ruleset/>", 1, "the document of rules"),
        (&["rules", "al", "/no/such/file"], "", 1, "cannot read /no/such/file"),
        (&["rules", "al", "-", "--remove"], "", 2, "--remove"),
        (&["rules", "bob"], "", 1, "there is no account bob@localhost"),
        (&["block", "al", "b b"], "", 1, "no name for a user"),
        (&["unblock", "al", "bob"], "", 1, "sip:bob@localhost is not blocked"),
        (&["unblock", "al"], "", 2, "WHOM"),
    ];
    for (arguments, input, code, why) in refused {
        let got = user(arguments, input);
        assert_eq!(got.0, code, "{arguments:?}");
        assert!(got.2.contains(why), "{}", got.2);
    }
    assert_eq!(user(&["rules", "al"], ""), ok(rules));
    assert_eq!(
        user(&["rules", "al", "--remove"], ""),
        ok("sip:al@localhost has no access rules\n")
    );
    assert_eq!(user(&["rules", "al"], "").0, 1);
}

#[test]
fn a_server_to_try_things_with() {
    let folder = folder();
    let ready = folder.path().join("ready.json");
    fs::write(&ready, "of a former server").unwrap();
    let mut server =
        Running::start(&[&["--dev", "--ready-file", text(&ready)], &ANY_PORT[..]].concat());
    let said = server.says("chat --as alice");
    let addresses: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&ready).unwrap()).unwrap();
    let names = ["sip_udp", "sip_tcp", "msrp", "http", "cir_tcp", "cir_udp"];
    assert_eq!(addresses.as_object().unwrap().len(), names.len());
    for name in names {
        let at = addresses[name].as_str().unwrap();
        assert!(at.starts_with("127.0.0.1:") && !at.ends_with(":0"), "{at}");
        assert!(said.contains(&format!(" {at}\n")), "{at}: {said}");
    }
    let (_, store) = said.split_once("store           ").unwrap();
    let (store, _) = store.split_once(" (").unwrap();
    let data = Path::new(store).parent().unwrap();
    let users = run(&["user", "list", "--data", text(data)], "");
    assert_eq!(users.out.lines().count(), 5, "{}", users.err);
    assert!(users.out.starts_with("sip:alice@localhost  imps\n"));
    server.signal("TERM");
    server.says("stopping");
    assert_eq!(server.code(), 0);
    assert!(!data.exists());
}

#[test]
fn data_is_kept_where_it_is_asked_to_be() {
    let folder = folder();
    let data = folder.path().join("kept");
    let arguments = [&["--dev", "--data", text(&data)], &ANY_PORT[..]].concat();
    for signal in ["INT", "TERM"] {
        let mut server = Running::start(&arguments);
        server.says("try next");
        server.signal(signal);
        assert_eq!(server.code(), 0, "{signal}");
        assert!(data.join("tertulia.db").exists());
    }
}

#[test]
fn a_hangup_reads_the_configuration_again() {
    let folder = folder();
    let file = folder.path().join("tertulia.toml");
    fs::write(&file, "[focus]\nring_s = 10\n").unwrap();
    let data = folder.path().join("data");
    let named = [
        "--config",
        text(&file),
        "--data",
        text(&data),
        "--set",
        "sip.t1_ms=400",
    ];
    let mut server = Running::start(&[&named[..], &ANY_PORT[..]].concat());
    server.says("MSRP over TCP");
    let mut reload = |with: &str, says: &str| {
        fs::write(&file, with).unwrap();
        server.signal("HUP");
        server.logs(says)
    };
    reload("[focus]\nring_s = 5\n", "focus.ring_s is 5 now, it was 10");
    reload("[focus]\nring_s = 5\n", "nothing has changed");
    reload(
        "node = \"other\"\n[focus]\nring_s = 5\n",
        "node is \"other\" from the next start on",
    );
    reload("[focus]\nring_s = 0\n", "the configuration stays as it is");
    reload("[sip]\nt1_ms = 100\n", "focus.ring_s is 120 now, it was 5");
    server.signal("TERM");
    assert_eq!(server.code(), 0);
}

#[test]
fn what_keeps_a_server_from_starting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let msrp = format!("msrp.tcp={}", taken.local_addr().unwrap());
    #[rustfmt::skip]
    let rows: [(&[&str], i32, &[&str]); 7] = [
        (&["--set", &msrp], 3, &["msrp.tcp", "in use", "--set msrp.tcp=127.0.0.1:0"]),
        (&["--set", "sip.udp=0.0.0.0:5060"], 1, &["0.0.0.0:5060 can be reached by others"]),
        (&["--set", "sip.udp=off", "--set", "sip.tcp=off"], 1, &["nobody can log in"]),
        (&["--set", "focus.answer=later"], 1, &["\"confirmed\" or \"immediate\""]),
        (&["--log", "server=loud"], 1, &["--log cannot be server=loud"]),
        (&["--ready-file", "/no/such/folder/ready"], 3, &["cannot write /no/such/folder/ready"]),
        (&["--config", "x.toml"], 2, &["cannot be used with"]),
    ];
    for (arguments, code, why) in rows {
        let got = run(
            &[&["serve", "--dev"], &ANY_PORT[..], arguments].concat(),
            "",
        );
        assert_eq!(got.code, code, "{arguments:?}: {}", got.err);
        for why in why {
            assert!(got.err.contains(why), "{why}: {}", got.err);
        }
    }
}
