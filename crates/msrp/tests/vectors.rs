//! The worked examples of the RFCs, where they are at hand: `TERTULIA_VECTORS_DIR` names the
//! folder.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::{env, fs, path::Path};

use bytes::{Bytes, BytesMut};
use msrp::{Kind, Method, Reader, cpim::Cpim};

#[test]
fn every_example_is_read() {
    let Ok(folder) = env::var("TERTULIA_VECTORS_DIR") else {
        println!("skipped: no vectors");
        return;
    };
    let mut read = 0;
    for sub in ["rfc", "simple-im"] {
        for entry in fs::read_dir(Path::new(&folder).join(sub)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.contains("-msrp") {
                check(&name, &on_the_wire(&fs::read_to_string(&path).unwrap()));
                read += 1;
            }
        }
    }
    assert!(read > 50, "only {read} examples found");
}

fn check(name: &str, frame: &str) {
    let (mut reader, mut buf) = (Reader::new(), BytesMut::from(frame));
    let piece = reader.next(&mut buf);
    // These two are excerpts that leave out the paths.
    if ["rfc4975-msrp03.txt", "rfc4975-msrp04.txt"].contains(&name) {
        assert!(piece.is_err(), "{name}");
        return;
    }
    let piece = piece
        .unwrap_or_else(|error| panic!("{name}: {error}\n{frame}"))
        .expect(name);
    assert!(
        piece.first && piece.end.is_some() && buf.is_empty(),
        "{name}"
    );
    let head = &piece.head;
    assert!(head.to_path().is_ok() && head.from_path().is_ok(), "{name}");
    assert!(head.byte_range().is_ok(), "{name}");
    match head.kind() {
        Kind::Request(Method::Send) => assert!(head.message_id().is_some(), "{name}"),
        Kind::Request(Method::Report) => assert_eq!(head.status().unwrap().code, 200, "{name}"),
        Kind::Request(Method::Nickname) => assert!(head.use_nickname().is_some(), "{name}"),
        Kind::Request(Method::Auth) => {}
        Kind::Request(Method::Other) => panic!("{name}: unknown method"),
        Kind::Response(code) => assert!([200, 401, 425].contains(&code), "{name}"),
    }
    if head.content_type() == Some("message/cpim") && piece.offset == 0 {
        check_cpim(name, &piece.data);
    }
}

fn check_cpim(name: &str, body: &Bytes) {
    // The first of two chunks that are cut within the CPIM headers.
    let complete = name != "rfc7701-msrp12.txt";
    let message = Cpim::parse(body, false).unwrap();
    assert_eq!(message.is_some(), complete, "{name}");
    let Some(message) = message else { return };
    assert!(
        message.from().is_some() && message.to().next().is_some(),
        "{name}"
    );
    assert!(message.date_time().is_some(), "{name}");
    let mime = message.mime().expect(name);
    assert!(mime.content_type().is_some(), "{name}");
    assert!(!mime.body().is_empty(), "{name}");
}

/// The files end lines in LF, and show long headers folded, mostly after a backslash.
fn on_the_wire(text: &str) -> String {
    let (head, body) = match text.split_once("\n\n") {
        Some((head, body)) => (head.to_owned() + "\n", format!("\n{body}")),
        None => (text.to_owned(), String::new()),
    };
    let mut lines: Vec<String> = Vec::new();
    for line in head.lines() {
        match lines.last_mut() {
            Some(last) if line.starts_with(' ') => {
                *last = format!("{} {}", last.trim_end_matches([' ', '\\']), line.trim());
            }
            _ => lines.push(line.to_owned()),
        }
    }
    let head = lines
        .iter()
        .map(|line| format!("{line}\n"))
        .collect::<String>();
    let mut text = (head + &body).replace('\n', "\r\n");
    if !text.ends_with("\r\n") {
        text.push_str("\r\n");
    }
    text
}
