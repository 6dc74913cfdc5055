//! tshark, a dissector that shares no code with us, reads the trace of every call flow of
//! `scenarios/`: see `interop/README.md`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use server::Addresses;
use sim::{Scenario, Stage, play};

/// Everybody who appears in a transcript has an account.
const PEOPLE: &[&str] = &["alice", "bob", "carol", "dave", "erin", "frank"];

/// What the trace of the main job has to have, as a display filter, and how often at least. Several
/// MSRP messages in one segment are shown as one, so that there may be fewer than were sent.
#[rustfmt::skip]
const MAIN_JOB: &[(&str, usize)] = &[
    // From alice with the list, to bob and to carol.
    ("sip.Method == INVITE && sdp.media contains \"TCP/MSRP\"",                   3),
    ("sip.Method == INVITE && mime_multipart && sdp && xml.tag contains \"entry\"", 1),
    ("sip.Status-Code == 200 && sdp.media contains \"TCP/MSRP\"",                 3),
    // At least from alice and from bob, who wait for what they are told: carol may leave before.
    ("sip.Method == SUBSCRIBE && sip.Event contains \"conference\"",              2),
    ("sip.Method == NOTIFY && xml.tag contains \"conference-info\"",              4),
    ("sip.Method == NOTIFY && xml.attribute contains \"yourown\"",                2),
    ("sip.Method == BYE",                                                         3),
    // Four texts to everybody or to one, from each of the three and to the others.
    ("msrp.method == SEND && msrp.content.type contains \"message/cpim\"",        6),
    ("msrp.status.code == 200",                                                   3),
];

/// What the trace of conversations that grow has to have: how the documents are written, what
/// tshark shows of them, and how often at least. The same things in both encodings.
#[rustfmt::skip]
const EXTENDED: &[(&str, &str, usize)] = &[
    ("wbxml", "<ExtendConversation-Request>",          1),
    ("wbxml", "<ExtendConversation-Response>",         1),
    ("wbxml", "<ExtendConversationID>",                2),
    ("wbxml", "<ExtendConversationUser>",              1),
    ("wbxml", "<WelcomeNote",                          2),
    ("wbxml", "Common Value: 'EC'",                    1),
    ("wbxml", "<JoinGroup-Request>",                   3),
    ("wbxml", "<GroupChangeNotice>",                   2),
    // The versions of carol and alice, and of dave.
    ("wbxml", "-//OMA//DTD IMPS-CSP 1.3//EN",          20),
    ("wbxml", "-//OMA//DTD WV-CSP 1.2//EN",            10),
    ("xml",   "<ExtendConversation-Request>",          1),
    ("xml",   "<ExtendConversation-Response>",         1),
    ("xml",   "<ExtendConversationUser>",              1),
    ("xml",   "<WelcomeNote",                          1),
    ("xml",   "EC",                                    1),
    ("xml",   "<JoinGroup-Response>",                  2),
];

#[test]
fn tshark_dissects_every_scenario() {
    if std::env::var("TERTULIA_INTEROP").as_deref() != Ok("1") {
        println!("skipped: no interop");
        return;
    }
    for (name, scenario) in scenarios() {
        let trace = Trace::of(&name, scenario);
        // tshark puts no MSRP message together that goes over several segments: what follows the
        // first is bytes to it.
        if name != "long" {
            assert_eq!(trace.shows(&trace.foreign()), "", "{name}");
        }
        assert_eq!(trace.shows(WRONG), "", "{name}");
        let phones = trace.shows("sip.Method == INVITE");
        let handsets = trace.shows("http.request.uri == \"/csp\"");
        assert_ne!(phones + &handsets, "", "{name}");
        assert_eq!(trace.not_understood(), [""; 0], "{name}");
        if name == "extend" {
            for (encoding, text, least) in EXTENDED {
                let shown = trace.whole(encoding);
                let count = shown.lines().filter(|line| line.contains(text)).count();
                assert!(
                    count >= *least,
                    "{name}: {count} times {text} in {encoding}"
                );
            }
        }
        if name == "adhoc" {
            for (filter, least) in MAIN_JOB {
                let shown = trace.shows(filter).lines().count();
                assert!(shown >= *least, "{name}: {shown} times {filter}");
            }
        }
    }
}

/// Whatever tshark has to object to, from notes on, packets that were made up badly, and messages
/// that are neither a request that we know nor a response. It notes that it does not know
/// Content-ID as a header of SIP, by which a REFER to several names its list (RFC 5368 section 6,
/// RFC 8262).
const WRONG: &str = "_ws.malformed \
     || (_ws.expert.severity >= 0x400000 && !(_ws.expert.message contains \"content-id\")) \
     || tcp.analysis.flags \
     || (sip && !sip.Method && !sip.Status-Code) \
     || (msrp && !msrp.status.code && !(msrp.method in {\"SEND\", \"REPORT\"}))";

/// A trace, and the ports that were in use when it was made.
struct Trace {
    path: PathBuf,
    ports: Addresses,
}

impl Trace {
    /// Plays a scenario over real sockets.
    fn of(name: &str, mut scenario: Scenario) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.pcap"));
        scenario
            .settings
            .push(format!("trace.pcap = '{}'", path.display()));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let ports = runtime.block_on(async {
            let mut stage = Stage::real(&scenario.settings, PEOPLE).await.unwrap();
            if let Err(why) = play(&scenario, &mut stage).await {
                panic!("{name}: {why}");
            }
            let ports = stage.addresses();
            stage.close().await;
            ports
        });
        // With the last task of the server its trace is closed.
        drop(runtime);
        Self { path, ports }
    }

    /// One line for each packet that fits the filter.
    fn shows(&self, filter: &str) -> String {
        self.read(&["-Y", filter])
    }

    /// All that is said in one encoding of CSP, element by element.
    fn whole(&self, encoding: &str) -> String {
        self.read(&["-Y", encoding, "-O", encoding])
    }

    /// Tokens of WBXML that tshark does not know, or not there. What people say, and addresses,
    /// stand in quotes.
    fn not_understood(&self) -> Vec<String> {
        let words = [
            "unknown",
            "malformed",
            "invalid",
            "out of bounds",
            "not defined",
        ];
        let is_bad = |line: &&str| {
            let said = line.split('\'').next().unwrap_or_default();
            let said = said.to_ascii_lowercase();
            words.iter().any(|word| said.contains(word))
        };
        let shown = self.whole("wbxml");
        shown.lines().filter(is_bad).map(str::to_owned).collect()
    }

    fn read(&self, arguments: &[&str]) -> String {
        let (udp, tcp) = (self.ports.sip_udp.unwrap(), self.ports.sip_tcp.unwrap());
        let http = self.ports.http.unwrap();
        let mut command = Command::new("tshark");
        // Twice, so that it knows of each part of a message where its end is.
        command
            .arg("-2r")
            .arg(&self.path)
            .args(["-d", &format!("udp.port=={},sip", udp.port())])
            .args(["-d", &format!("tcp.port=={},sip", tcp.port())])
            .args(["-d", &format!("tcp.port=={},msrp", self.ports.msrp.port())])
            .args(["-d", &format!("tcp.port=={},http", http.port())])
            // The name of CSP 1.3, which it does not know. Those before it does.
            .args(["-d", "media_type==application/vnd.wv.csp+wbxml,wbxml"])
            // It knows XML, and not that SSP is XML.
            .args(["-d", "media_type==application/vnd.wv.ssp+xml,xml"])
            .args(arguments);
        let read = command.output().expect("tshark runs: apt install tshark");
        let said = String::from_utf8_lossy(&read.stderr);
        assert!(read.status.success(), "{arguments:?}: {said}");
        String::from_utf8_lossy(&read.stdout).into_owned()
    }

    /// Packets that carry something and were not taken for what they are. A message in several
    /// writes is shown where it ends.
    fn foreign(&self) -> String {
        let (sip, msrp) = (self.ports.sip_tcp.unwrap().port(), self.ports.msrp.port());
        let http = self.ports.http.unwrap().port();
        let (cir_tcp, cir_udp) = (self.ports.cir_tcp.unwrap(), self.ports.cir_udp.unwrap());
        let (cir_tcp, cir_udp) = (cir_tcp.port(), cir_udp.port());
        let whole = "tcp.len > 0 && !tcp.reassembled_in";
        // No dissector knows CIR: it is a line each time.
        let line = |before: &str| format!("{before}.payload matches \"^(HELO |WVCI |OK|PING)\"");
        let (streams, datagrams) = (line("tcp"), line("udp"));
        format!(
            "(udp && udp.port != {cir_udp} && !sip) \
             || (udp.port == {cir_udp} && !({datagrams})) \
             || ({whole} && tcp.port == {sip} && !sip) \
             || ({whole} && tcp.port == {msrp} && !msrp) \
             || ({whole} && tcp.port == {http} && !http) \
             || (http.content_type && http.content_length > 0 && !wbxml && !xml) \
             || (tcp.len > 0 && tcp.port == {cir_tcp} && !({streams}))"
        )
    }
}

fn scenarios() -> Vec<(String, Scenario)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let files = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "flow"));
    assert!(!paths.is_empty(), "there are scenarios");
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let scenario = fs::read_to_string(&path).unwrap().parse().unwrap();
        (name, scenario)
    };
    let all = paths.into_iter().map(read);
    all.filter(|(_, scenario): &(String, Scenario)| scenario.needs_simulation().is_none())
        .collect()
}
