//! Two implementations that share no code with us: libwbxml, which knows CSP 1.1 and 1.2, and
//! tshark, which knows 1.3. See `interop/README.md`. Run with `TERTULIA_INTEROP=1`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::chance::Chance;
use crate::message::{Encoding, Message, Session, Transaction};
use crate::primitive::Primitive;
use crate::version::Version;

/// How many times each primitive is tried.
const SEEDS: u64 = 3;

/// Whether the other implementations are to be asked, and a folder for what they are asked.
fn folder(name: &str) -> Option<PathBuf> {
    if std::env::var_os("TERTULIA_INTEROP").is_none_or(|value| value != "1") {
        println!("skipped: no interop");
        return None;
    }
    let folder = std::env::temp_dir().join(format!("imps-interop-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    Some(folder)
}

fn messages(version: Version) -> Vec<Message> {
    let mut messages = Vec::new();
    for seed in 0..SEEDS {
        let mut chance = Chance::new(seed, version);
        chance.plain = true;
        messages.extend(Primitive::all(&mut chance).into_iter().map(|primitive| {
            Message::new(version, Session::Inband("S1".to_owned()))
                .with(Transaction::request("t1", primitive))
        }));
    }
    messages
}

fn run(program: &str, arguments: &[&str]) -> String {
    let done = Command::new(program)
        .args(arguments)
        .output()
        .expect(program);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(
        done.status.success(),
        "{program} {arguments:?}: {said} {}",
        String::from_utf8_lossy(&done.stderr)
    );
    said
}

/// What libwbxml does not know, or by a name that nobody else uses: these are left out.
const NOT_IN_LIBWBXML: &[&str] = &["<AutoSubscribe>", "<BlockUser-", "<CIRURL>", "<Referred"];

/// Trees are compared, not bytes: libwbxml leaves the namespaces out when it writes WBXML.
#[test]
fn libwbxml_reads_and_writes_the_same_trees() {
    let Some(folder) = folder("libwbxml") else {
        return;
    };
    let (from, to) = (folder.join("from"), folder.join("to"));
    let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
    for (version, language, doctype) in [
        (Version::V1_1, "CSP11", "-//OMA//DTD WV-CSP 1.1//EN"),
        (Version::V1_2, "CSP12", "-//OMA//DTD WV-CSP 1.2//EN"),
    ] {
        for message in messages(version) {
            let name = message.transactions[0].primitive.name();
            let own = String::from_utf8(message.encode(Encoding::Xml).to_vec()).unwrap();
            if NOT_IN_LIBWBXML.iter().any(|name| own.contains(name)) {
                continue;
            }
            fs::write(from, message.encode(Encoding::Wbxml)).unwrap();
            run(
                "wbxml2xml",
                &["-m", "0", "-k", "-l", language, "-o", to, from],
            );
            let xml = fs::read(to).unwrap();
            let shown = String::from_utf8_lossy(&xml).into_owned();
            let read = Message::decode(&xml, Encoding::Xml);
            assert_eq!(read.as_ref(), Ok(&message), "{name} {version}: {shown}");

            let doctype = format!("?><!DOCTYPE WV-CSP-Message PUBLIC \"{doctype}\" \"\">");
            fs::write(from, own.replacen("?>", &doctype, 1)).unwrap();
            run("xml2wbxml", &["-k", "-o", to, from]);
            let wbxml = fs::read(to).unwrap();
            let read = Message::decode(&wbxml, Encoding::Wbxml);
            assert_eq!(read.as_ref(), Ok(&message), "{name} {version}: {wbxml:x?}");
        }
    }
    fs::remove_dir_all(folder).unwrap();
}

/// Every packet is shown as WBXML, without anything that tshark does not know or like.
#[test]
fn tshark_dissects_what_is_written() {
    let Some(folder) = folder("tshark") else {
        return;
    };
    let messages = messages(Version::V1_3);
    let mut trace = PCAP.to_vec();
    for (port, message) in (20_000..).zip(&messages) {
        trace.extend(packet(port, &message.encode(Encoding::Wbxml)));
    }
    let path = folder.join("csp.pcap");
    fs::write(&path, trace).unwrap();
    let shown = tshark(&path, &["-O", "wbxml"]);
    let bad: Vec<_> = shown.lines().filter(|line| is_bad(line)).collect();
    assert_eq!(bad, [""; 0]);
    // It would say so: a tag that is none, and a value token that is none.
    for wrong in [
        &b"\x03\x12\x6A\x00\x49\x7F\x01\x01"[..],
        b"\x03\x12\x6A\x00\x49\x6D\x80\x81\x70\x01\x01",
    ] {
        let control = folder.join("control.pcap");
        fs::write(&control, [&PCAP[..], &packet(1, wrong)].concat()).unwrap();
        assert!(
            tshark(&control, &["-O", "wbxml"]).lines().any(is_bad),
            "{wrong:x?}"
        );
    }
    let wrong = "_ws.malformed || _ws.expert.severity >= 0x400000";
    assert_eq!(tshark(&path, &["-Y", wrong]), "");
    let dissected = tshark(
        &path,
        &["-Y", "wbxml", "-T", "fields", "-e", "frame.number"],
    );
    assert_eq!(dissected.lines().count(), messages.len());
    fs::remove_dir_all(folder).unwrap();
}

fn tshark(trace: &Path, arguments: &[&str]) -> String {
    let trace = trace.to_str().unwrap();
    run("tshark", &[&["-n", "-r", trace], arguments].concat())
}

fn is_bad(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    [
        "unknown",
        "malformed",
        "invalid",
        "error",
        "out of bounds",
        "not defined",
    ]
    .iter()
    .any(|word| line.contains(word))
}

/// The header of a trace of bare IPv4 packets.
const PCAP: [u8; 24] = [
    0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 101, 0, 0, 0,
];

/// A packet with an HTTP request, from a port of its own.
fn packet(port: u16, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /csp HTTP/1.1\r\nHost: im.com\r\nContent-Type: application/vnd.wv.csp.wbxml\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let payload = [head.as_bytes(), body].concat();
    let length = u16::try_from(40 + payload.len()).unwrap();
    let mut packet = vec![0; 8];
    packet.extend(u32::from(length).to_le_bytes());
    packet.extend(u32::from(length).to_le_bytes());
    packet.extend([0x45, 0]);
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
    packet.extend(port.to_be_bytes());
    packet.extend(80_u16.to_be_bytes());
    packet.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0xFF, 0xFF, 0, 0, 0, 0]);
    packet.extend(payload);
    packet
}
