//! A server and clients of the same binary, each a process of its own.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long a test waits for what a process has to say.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A process that is ended when the test is over, whatever comes.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.0.kill();
        let _status = self.0.wait();
    }
}

fn start(arguments: &[&str]) -> Running {
    Running(command(arguments).spawn().unwrap())
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tertulia"));
    command.args(arguments).env_remove("TERTULIA_PASSWORD");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A server with the users of `--dev`, on any free ports.
pub(crate) struct Server {
    _running: Running,
    _folder: TempDir,
    pub(crate) http: String,
    pub(crate) tcp: String,
    pub(crate) udp: String,
}

const LISTENS: [&str; 6] = [
    "sip.udp",
    "sip.tcp",
    "msrp.tcp",
    "http.listen",
    "imps.cir_tcp",
    "imps.cir_udp",
];

pub(crate) fn serve() -> Server {
    serve_at("127.0.0.1", &[])
}

/// The same at another address of this machine, with other settings.
pub(crate) fn serve_at(ip: &str, settings: &[String]) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let ready: PathBuf = folder.path().join("ready.json");
    let ports = LISTENS.map(|key| format!("{key}={ip}:0"));
    let mut arguments = vec!["serve", "--dev", "--log", "off"];
    arguments.extend(["--ready-file", ready.to_str().unwrap()]);
    for setting in ports.iter().chain(settings) {
        arguments.extend(["--set", setting]);
    }
    let mut running = start(&arguments);
    // It greets when it listens, and has written the file before.
    let mut out = BufReader::new(running.0.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("try next") {
        line.clear();
        assert_ne!(
            out.read_line(&mut line).unwrap(),
            0,
            "the server does not start"
        );
    }
    // What else it says is not waited for, and does not stop it.
    std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    let ready: Value = serde_json::from_str(&fs::read_to_string(ready).unwrap()).unwrap();
    let address = |key: &str| ready[key].as_str().unwrap().to_owned();
    Server {
        _running: running,
        _folder: folder,
        http: address("http"),
        tcp: address("sip_tcp"),
        udp: address("sip_udp"),
    }
}

/// A client that stays, and the lines it says.
pub(crate) struct Client {
    running: Running,
    commands: Option<ChildStdin>,
    lines: Receiver<String>,
}

/// Starts a `watch --json`.
pub(crate) fn watch(arguments: &[&str]) -> Client {
    client(&[&["watch", "--json", "--for", "60"], arguments].concat())
}

pub(crate) fn client(arguments: &[&str]) -> Client {
    let mut running = start(arguments);
    let commands = running.0.stdin.take();
    let out = running.0.stdout.take().unwrap();
    let (read, lines) = mpsc::channel();
    // A pipe cannot be waited on for a time.
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines() {
            // Who no longer listens has ended the process too.
            if read.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    Client {
        running,
        commands,
        lines,
    }
}

impl Client {
    pub(crate) fn tell(&mut self, commands: &str) {
        let commands = commands.as_bytes();
        self.commands.as_ref().unwrap().write_all(commands).unwrap();
    }

    /// There is no more to say to it.
    pub(crate) fn hang_up(&mut self) {
        self.commands = None;
    }

    /// The next line that `is_it` takes something from.
    pub(crate) fn finds<T>(&mut self, what: &str, is_it: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut passed = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no {what}, only {passed:#?}")
            };
            if let Some(found) = is_it(&line) {
                return found;
            }
            passed.push(line);
        }
    }

    /// The next JSON object with this value of a member.
    pub(crate) fn says(&mut self, member: &str, value: &str) -> Value {
        self.finds(value, |line| {
            let line: Value = serde_json::from_str(line).unwrap();
            (line[member] == value).then_some(line)
        })
    }

    /// Gives a command, and returns what is answered to it.
    pub(crate) fn asks(&mut self, command: &str) -> Value {
        self.tell(&format!("{command}\n"));
        let word = command.split(' ').next().unwrap();
        self.says("command", word)
    }

    /// The next line with this text in it.
    pub(crate) fn writes(&mut self, text: &str) -> String {
        self.finds(text, |line| line.contains(text).then(|| line.to_owned()))
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        self.running.0.kill().unwrap();
        self.running.0.wait().unwrap();
    }

    pub(crate) fn code(&mut self) -> i32 {
        self.running.0.wait().unwrap().code().unwrap()
    }
}

/// Runs a verb to its end.
pub(crate) fn run(arguments: &[&str], input: &str) -> Output {
    let mut child = command(arguments).spawn().unwrap();
    // It may have ended without reading.
    let _unread = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}
