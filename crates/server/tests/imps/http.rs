//! The HTTP under IMPS: media types, limits, time-outs, and what is no HTTP.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use imps::csp::KeepAliveRequest;
use imps::{Encoding, Message, Transaction, Version};

use crate::lab::handset::{connect, read_answer};
use crate::lab::{Handset, Lab, SimLab, store};

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut lines = head.lines();
    let named = lines.find(|line| line.to_ascii_lowercase().starts_with(name))?;
    named.split_once(':').map(|(_, value)| value.trim())
}

/// Each version has its own names, and each client looks for the one that it has used.
#[test]
fn the_media_type_of_the_request_is_that_of_the_answer() {
    let lab = Lab::start();
    #[rustfmt::skip]
    let rows = [
        (Version::V1_1, Encoding::Xml,   "application/vnd.wv.csp.xml",   200),
        (Version::V1_1, Encoding::Wbxml, "application/vnd.wv.csp.wbxml", 200),
        (Version::V1_2, Encoding::Wbxml, "application/vnd.wv.csp.wbxml", 200),
        (Version::V1_3, Encoding::Xml,   "application/vnd.wv.csp+xml",   200),
        (Version::V1_3, Encoding::Wbxml, "application/vnd.wv.csp+wbxml", 200),
        (Version::V1_3, Encoding::Xml,   "text/xml",                     200),
        (Version::V1_3, Encoding::Wbxml, "Application/VND.WV.CSP+WBXML", 200),
        (Version::V1_3, Encoding::Xml,   "text/plain",                   415),
        (Version::V1_3, Encoding::Xml,   "application/vnd.wv.csp.sms",   415),
    ];
    for (version, encoding, media_type, want) in rows {
        let mut alice = Handset::speaking(&lab, "alice", version, encoding);
        let message = alice
            .message()
            .with(Transaction::request("1", KeepAliveRequest::default()))
            .encode(encoding);
        let http = alice.post_as(&format!("{media_type}; charset=utf-8"), &message);
        assert_eq!(http.status, want, "{media_type}");
        if want == 200 {
            assert_eq!(header(&http.head, "content-type:"), Some(media_type));
            Message::decode(&http.body, encoding).unwrap();
        }
        // Without any it is guessed.
        let http = alice.post_as("", &message);
        let guessed = match encoding {
            Encoding::Wbxml => "application/vnd.wv.csp.wbxml",
            Encoding::Xml => "application/vnd.wv.csp.xml",
        };
        assert_eq!(header(&http.head, "content-type:"), Some(guessed));
        Message::decode(&http.body, encoding).unwrap();
    }
}

#[test]
fn what_is_too_large_is_not_read() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let most = alice.post(&vec![b'x'; imps::MAX_BYTES]);
    assert_eq!(most.status, 200);
    let mut stream = connect(lab.at.http.unwrap());
    let head = format!(
        "POST /csp HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n\
         Content-Length: {}\r\n\r\n",
        imps::MAX_BYTES + 1
    );
    stream.write_all(head.as_bytes()).unwrap();
    // It may be refused before all of it is there.
    let _ = stream.write_all(&vec![b'x'; imps::MAX_BYTES + 1]);
    let (http, _) = read_answer(stream);
    assert_eq!(http.status, 413);
    // Without a length as well.
    let mut stream = connect(lab.at.http.unwrap());
    let head = "POST /csp HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
    for _ in 0..17 {
        if stream.write_all(&chunk).is_err() {
            break;
        }
    }
    let (http, _) = read_answer(stream);
    assert_eq!(http.status, 413);
    assert_eq!(alice.code(KeepAliveRequest::default()), 200);
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let lab = SimLab::with(|_, _| {});
    let mut line = lab.line(8080);
    let start = lab.now();
    let head = "POST /csp HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n\
                Content-Length: 1000\r\n\r\n<?xml";
    line.write_all(head.as_bytes()).unwrap();
    // Not even if it trickles in.
    for _ in 0..5 {
        lab.pass(Duration::from_secs(10));
        line.write_all(b" ").unwrap();
    }
    let (http, _) = read_answer(line);
    assert_eq!(http.status, 408);
    assert_eq!((lab.now() - start).as_secs(), 60);
}

#[test]
fn a_connection_on_which_nothing_happens_is_closed() {
    let lab = SimLab::with(|_, _| {});
    for sent in ["", "POST /csp HTTP/1.1\r\nHost: loc"] {
        let mut line = lab.line(8080);
        let start = lab.now();
        line.write_all(sent.as_bytes()).unwrap();
        assert_eq!(line.read(&mut [0; 64]).unwrap(), 0, "{sent}");
        assert_eq!((lab.now() - start).as_secs(), 60, "{sent}");
    }
    // One that is used stays.
    let mut alice = lab.handset("alice");
    for _ in 0..5 {
        lab.pass(Duration::from_secs(50));
        assert_eq!(alice.code(KeepAliveRequest::default()), 200);
    }
    alice.hang_up();
    lab.pass(Duration::from_secs(700));
    lab.settled();
}

#[test]
fn other_paths_and_methods() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    #[rustfmt::skip]
    let rows = [
        ("/csp", 405, ""),
        ("/healthz", 200, "ok\n"),
        ("/readyz", 200, "ready\n"),
        ("/csp/cir/nosuch", 404, ""),
        ("/nothing", 404, ""),
    ];
    for (path, status, body) in rows {
        let http = alice.fetch(path);
        assert_eq!(
            (http.status, http.body.as_slice()),
            (status, body.as_bytes()),
            "{path}"
        );
    }
    assert_eq!(alice.code(KeepAliveRequest::default()), 200);
}

/// Whoever balances load can tell a server without a store.
#[test]
fn without_a_store_the_server_is_not_ready() {
    let store = store();
    let disk = store.reopen().unwrap();
    let lab = Lab::on(store, |_, _| {});
    let mut alice = Handset::on(&lab, "alice");
    let store::Store::Memory(memory) = &disk else {
        panic!("a store in memory");
    };
    memory.set_disk(store::Disk::Failing);
    assert_eq!(alice.fetch("/readyz").status, 503);
    assert_eq!(alice.fetch("/healthz").status, 200);
    // What needs the store says so, and nothing is taken that cannot be kept.
    assert_eq!(alice.send("bob", "lost").outcome.code.number(), 500);
    assert_eq!(alice.code(KeepAliveRequest::default()), 200);
    memory.set_disk(store::Disk::Well);
    assert_eq!(alice.fetch("/readyz").status, 200);
    assert_eq!(alice.send("bob", "hello").outcome.code.number(), 200);
    let mut bob = Handset::on(&lab, "bob");
    assert_eq!(bob.hear_message().content.unwrap().as_text(), Some("hello"));
}

#[test]
fn what_is_no_http_ends_its_connection() {
    let lab = Lab::start();
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(20_000));
    for garbage in [
        b"HELO\r\n\r\n".as_slice(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03",
        b"POST /csp HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /csp HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        long.as_bytes(),
    ] {
        let mut stream = connect(lab.at.http.unwrap());
        stream.write_all(garbage).unwrap();
        let mut heard = Vec::new();
        // It may be reset, with our bytes unread.
        let _ = stream.read_to_end(&mut heard);
        let heard = String::from_utf8_lossy(&heard);
        assert!(
            heard.is_empty() || heard.starts_with("HTTP/1.1 4"),
            "{heard}"
        );
    }
    Handset::on(&lab, "alice");
}
