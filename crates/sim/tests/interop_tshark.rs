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
        assert_ne!(trace.shows("sip.Method == INVITE"), "", "{name}");
        if name == "adhoc" {
            for (filter, least) in MAIN_JOB {
                let shown = trace.shows(filter).lines().count();
                assert!(shown >= *least, "{name}: {shown} times {filter}");
            }
        }
    }
}

/// Whatever tshark has to object to, from notes on, packets that were made up badly, and messages
/// that are neither a request that we know nor a response.
const WRONG: &str = "_ws.malformed || _ws.expert.severity >= 0x400000 || tcp.analysis.flags \
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
        let (udp, tcp) = (self.ports.sip_udp.unwrap(), self.ports.sip_tcp.unwrap());
        let mut command = Command::new("tshark");
        // Twice, so that it knows of each part of a message where its end is.
        command
            .arg("-2r")
            .arg(&self.path)
            .args(["-d", &format!("udp.port=={},sip", udp.port())])
            .args(["-d", &format!("tcp.port=={},sip", tcp.port())])
            .args(["-d", &format!("tcp.port=={},msrp", self.ports.msrp.port())])
            .args(["-Y", filter]);
        let read = command.output().expect("tshark runs: apt install tshark");
        let said = String::from_utf8_lossy(&read.stderr);
        assert!(read.status.success(), "{filter}: {said}");
        String::from_utf8_lossy(&read.stdout).into_owned()
    }

    /// Packets that carry something and were not taken for what they are. A message in several
    /// writes is shown where it ends.
    fn foreign(&self) -> String {
        let (sip, msrp) = (self.ports.sip_tcp.unwrap().port(), self.ports.msrp.port());
        let whole = "tcp.len > 0 && !tcp.reassembled_in";
        format!(
            "(udp && !sip) || ({whole} && tcp.port == {sip} && !sip) \
             || ({whole} && tcp.port == {msrp} && !msrp)"
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
