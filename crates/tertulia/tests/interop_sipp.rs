//! SIPp, a SIP implementation that shares no code with us, against the real server: see
//! `interop/README.md`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

#[derive(Clone, Copy, Eq, PartialEq)]
enum Over {
    Tcp,
    Udp,
}

use Over::{Tcp, Udp};

/// alice, who asks for `uri`. SIPp puts the scheme before it, and would name our address otherwise.
fn alice_at(uri: &str) -> [&str; 6] {
    ["-au", "alice", "-ap", "password", "-auth_uri", uri]
}

const FACTORY: &str = "conference-factory@localhost";

#[test]
fn sipp_registers_with_digest() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    for over in [Udp, Tcp] {
        let users = scenarios().join("users.csv");
        let phone = server.phone(over);
        phone
            .plays(
                "register",
                10,
                &["-inf", text(&users), "-auth_uri", "localhost"],
            )
            .ends_well();
    }
    server.stop();
}

#[test]
fn sipp_asks_what_the_factory_can_do() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    for over in [Udp, Tcp] {
        server.phone(over).plays("options", 5, &[]).ends_well();
    }
    server.stop();
}

#[test]
fn sipp_sends_messages_to_sipp() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let phone = server.phone_of_bob();
    for over in [Udp, Tcp] {
        let bob = phone.plays("message_uas", 10, &[]);
        server
            .phone(over)
            .plays("message", 10, &alice_at("bob@localhost"))
            .ends_well();
        bob.ends_well();
    }
    server.stop();
}

#[test]
fn sipp_holds_a_conference_with_sipp() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let phone = server.phone_of_bob();
    for over in [Udp, Tcp] {
        let bob = phone.plays("conference_uas", 3, &[]);
        server
            .phone(over)
            .plays("conference", 3, &alice_at(FACTORY))
            .ends_well();
        bob.ends_well();
    }
    server.stop();
}

/// IM-7.2.1.2-S8a, as somebody else's client sees it.
#[test]
fn sipp_is_told_why_its_list_is_refused() {
    let Some(server) = Server::start(&["--set", "focus.max_adhoc_group_size=2"]) else {
        return;
    };
    for over in [Udp, Tcp] {
        server
            .phone(over)
            .plays("invite_factory", 3, &alice_at(FACTORY))
            .ends_well();
    }
    server.stop();
}

/// What must not be in a trace: SIP that tshark objects to, and anything else that is whole.
const WRONG: &str = "_ws.malformed || _ws.expert.severity >= 0x600000 \
     || ((udp || (tcp.len > 0 && !tcp.reassembled_in)) && !sip)";

/// A server of our own on free ports. Ended by force if a test fails.
struct Server {
    child: Child,
    addresses: serde_json::Value,
    folder: TempDir,
}

impl Server {
    /// `None` if nobody asked for real peers.
    fn start(settings: &[&str]) -> Option<Self> {
        if std::env::var("TERTULIA_INTEROP").as_deref() != Ok("1") {
            println!("skipped: no interop");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let ready = folder.path().join("ready.json");
        let mut command = Command::new(env!("CARGO_BIN_EXE_tertulia"));
        command.args(["serve", "--dev", "--log", "debug"]);
        command.args(["--ready-file", text(&ready)]);
        command.args(["--trace-pcap", text(&folder.path().join("trace.pcap"))]);
        for key in [
            "sip.udp",
            "sip.tcp",
            "msrp.tcp",
            "http.listen",
            "imps.cir_tcp",
            "imps.cir_udp",
        ] {
            command.args(["--set", &format!("{key}=127.0.0.1:0")]);
        }
        // SIPp 3.6 answers the first challenge alone, and knows no algorithm but MD5.
        command.args(["--set", "core.digest=MD5"]);
        command.args(settings);
        let log = File::create(folder.path().join("server.log")).unwrap();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let mut server = Self {
            child,
            addresses: serde_json::Value::Null,
            folder,
        };
        let greeted = said
            .lines()
            .any(|line| line.unwrap().starts_with("try next"));
        assert!(greeted, "it ended at once: {}", server.log());
        server.addresses = serde_json::from_str(&fs::read_to_string(ready).unwrap()).unwrap();
        Some(server)
    }

    /// Where SIPp may play scenarios, one after the other.
    fn phone(&self, over: Over) -> Phone<'_> {
        Phone {
            server: self,
            over,
            local: free_port(),
        }
    }

    /// Where bob is registered, over UDP: over TCP he is reached by the connection that he
    /// registered with, and that ends with the SIPp that had it.
    fn phone_of_bob(&self) -> Phone<'_> {
        let users = self.folder.path().join("bob.csv");
        let bob = "SEQUENTIAL\nbob;[authentication username=bob password=password]\n";
        fs::write(&users, bob).unwrap();
        let phone = self.phone(Udp);
        phone
            .plays(
                "register",
                1,
                &["-inf", text(&users), "-auth_uri", "localhost"],
            )
            .ends_well();
        phone
    }

    fn address(&self, listener: &str) -> SocketAddr {
        self.addresses[listener].as_str().unwrap().parse().unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    /// Ends it in good order, and has its trace read by tshark.
    fn stop(mut self) {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-s", "TERM", &pid]).status();
        assert!(told.unwrap().success());
        assert!(self.child.wait().unwrap().success(), "{}", self.log());
        let port = |listener| self.address(listener).port();
        let mut command = Command::new("tshark");
        command
            .arg("-2r")
            .arg(self.folder.path().join("trace.pcap"))
            .args(["-d", &format!("udp.port=={},sip", port("sip_udp"))])
            .args(["-d", &format!("tcp.port=={},sip", port("sip_tcp"))])
            .args(["-Y", WRONG]);
        let read = command.output().expect("tshark runs: apt install tshark");
        assert!(read.status.success());
        assert_eq!(String::from_utf8_lossy(&read.stdout), "");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// An address for SIPp.
struct Phone<'a> {
    server: &'a Server,
    over: Over,
    local: SocketAddr,
}

impl<'a> Phone<'a> {
    /// Starts SIPp with a scenario of `interop/sipp`.
    fn plays(&self, scenario: &str, calls: u32, more: &[&str]) -> Sipp<'a> {
        let (transport, listener) = match self.over {
            Udp => ("u1", "sip_udp"),
            Tcp => ("t1", "sip_tcp"),
        };
        let to = self.server.address(listener);
        let folder = self.server.folder.path();
        let errors = folder.join(format!("{scenario}-{}.log", self.local.port()));
        let mut command = Command::new("sipp");
        command.arg(to.to_string()).arg("-sf");
        command.arg(scenarios().join(format!("{scenario}.xml")));
        command.args(["-t", transport, "-i", "127.0.0.1"]);
        command.args(["-p", &self.local.port().to_string()]);
        // A run takes about a second. Without the time-out a lost call would wait for ever.
        command.args(["-timeout", "60s", "-timeout_error", "-nostdin", "-r", "20"]);
        command.args(["-m", &calls.to_string()]);
        command.args(["-trace_err", "-error_file", text(&errors)]);
        command.args(more).current_dir(folder);
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = quiet
            .stderr(Stdio::null())
            .spawn()
            .expect("SIPp runs: apt install sip-tester");
        Sipp {
            child,
            errors,
            server: self.server,
        }
    }
}

/// SIPp as it runs. Ended by force if a test fails.
struct Sipp<'a> {
    child: Child,
    errors: PathBuf,
    server: &'a Server,
}

impl Sipp<'_> {
    /// Waits for its end: every call has to have gone as its scenario says.
    fn ends_well(mut self) {
        let status = self.child.wait().unwrap();
        let errors = fs::read_to_string(&self.errors).unwrap_or_default();
        assert!(
            status.success(),
            "{status}: {errors}\nthe server: {}",
            self.server.log()
        );
    }
}

impl Drop for Sipp<'_> {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../interop/sipp")
}

/// A port that nobody has, over UDP and TCP.
fn free_port() -> SocketAddr {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = udp.local_addr().unwrap();
        if TcpListener::bind(at).is_ok() {
            return at;
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
